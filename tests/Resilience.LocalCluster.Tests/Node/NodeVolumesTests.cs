using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Admission;
using Resilience.LocalCluster.Node;
using Resilience.LocalCluster.Storage;
using Resilience.LocalCluster.Tests.Controllers;

namespace Resilience.LocalCluster.Tests.Node;

public sealed class NodeVolumesTests
{
    private const string Volumes = """
        "volumes":[{"name":"kept","persistentVolumeClaim":{"claimName":"data"}},{"name":"scratch","emptyDir":{}},{"name":"other","configMap":{"name":"x"}}],
        """;

    private const string Mounts = """
        ,"volumeMounts":[{"name":"kept","mountPath":"/data"},{"name":"kept","mountPath":"/part","subPath":"a/b"},{"name":"scratch","mountPath":"/tmp"},{"name":"other","mountPath":"/etc/x"}]
        """;

    [Fact]
    public async Task Claim_IsBoundAtOnce_AndItsDataOutlivesThePodUntilItIsDeleted()
    {
        await using var plane = new TestPlane();
        var claim = Claim(plane);
        await plane.Until(ResourceTypes.PersistentVolumeClaims, () => Phase() == "Bound", "the claim is bound");
        Assert.Equal("2Gi", plane.Store.Get(ResourceTypes.PersistentVolumeClaims, TestPlane.Namespace, "data")!.Status.String("capacity", "storage"));

        var volumes = new NodeVolumes(Path.Combine(plane.Directory, "node"));
        var first = Mount(plane, volumes, "first");
        await File.WriteAllTextAsync(Path.Combine(first["/data"], "kept"), "1", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(first["/tmp"], "scratch"), "1", TestContext.Current.CancellationToken);
        Assert.Equal(["/data", "/part", "/tmp"], first.Keys.Order());   // nothing lies behind a ConfigMap volume
        Assert.Equal(Path.Combine(first["/data"], "a", "b"), first["/part"]);

        volumes.Release(plane.Pod("first").Uid);
        Assert.False(Directory.Exists(first["/tmp"]));
        var second = Mount(plane, volumes, "second");
        Assert.Equal(first["/data"], second["/data"]);
        Assert.True(File.Exists(Path.Combine(second["/data"], "kept")));
        Assert.NotEqual(first["/tmp"], second["/tmp"]);
        Assert.False(File.Exists(Path.Combine(second["/tmp"], "scratch")));

        volumes.Delete(claim.Uid);
        Assert.False(Directory.Exists(first["/data"]));

        string? Phase() => plane.Store.Get(ResourceTypes.PersistentVolumeClaims, TestPlane.Namespace, "data")?.Status.String("phase");
    }

    [Fact]
    public async Task Mount_ClaimIsMissing_IsAConfigurationError()
    {
        await using var plane = new TestPlane();
        var volumes = new NodeVolumes(Path.Combine(plane.Directory, "node"));
        Assert.Equal("persistentvolumeclaim \"data\" not found", Assert.Throws<ContainerConfigException>(() => Mount(plane, volumes, "early")).Message);
    }

    [Fact]
    public async Task Mount_SubPathThatLeavesTheVolume_IsRefused()
    {
        await using var plane = new TestPlane();
        _ = Claim(plane);
        var volumes = new NodeVolumes(Path.Combine(plane.Directory, "node"));
        var error = Assert.Throws<ContainerConfigException>(() => Mount(plane, volumes, "nosy", """
            ,"volumeMounts":[{"name":"kept","mountPath":"/data","subPath":"../../pods"}]
            """));
        Assert.Contains("leaves its volume", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"resources":{"requests":{"storage":"1Gi"}}}""", "spec.accessModes")]
    [InlineData("""{"accessModes":["ReadWriteOnce"]}""", "spec.resources[storage]")]
    public void Claim_WithoutModesOrSize_IsRefused(string spec, string field)
    {
        var causes = new List<StatusCause>();
        Validation.Check(ResourceTypes.PersistentVolumeClaims, null, new() { ["spec"] = JsonNode.Parse(spec) }, causes);
        Assert.Equal(field, Assert.Single(causes).Field);
    }

    private static StoredObject Claim(TestPlane plane) => plane.Create(ResourceTypes.PersistentVolumeClaims,
        """{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"2Gi"}}}}""");

    private static Dictionary<string, string> Mount(TestPlane plane, NodeVolumes volumes, string name, string mounts = Mounts)
    {
        var pod = plane.Create(ResourceTypes.Pods, $$"""
            {"metadata":{"name":"{{name}}"},"spec":{ {{Volumes}} "containers":[{"name":"c","image":"web"{{mounts}} }]} }
            """);
        return volumes.MountsOf(plane.Store, pod, (JsonObject)pod.Spec!["containers"]![0]!).ToDictionary(mount => mount.Key, mount => (string)mount.Value!);
    }
}
