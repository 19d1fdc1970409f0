using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Experiments;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Cluster;

public sealed class ExperimentChangesTests
{
    private const string Home = "distributed-resilience";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Whatever an experiment of the catalogue changes is as it was after the run.</summary>
    [Fact]
    public async Task Restore_AfterEveryExperimentsChanges_BringsEverySpecBack()
    {
        await using var cluster = await TestCluster.StartAsync();
        var shipped = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "traditional"));
        _ = await new Installer(cluster.Api, TimeProvider.System, _ => { }).InstallAsync(shipped, "traditional", "deploy", Token);
        await SystemMode.SetAsync(cluster.Api, "Observe", Token);
        var before = await SpecsAsync(cluster);
        Assert.Equal(6, before.Count);

        // An experiment of another overlay changes what this one does not have.
        foreach (var experiment in ExperimentCatalog.All().Where(each => each.Setup.Patches.All(patch => shipped.Items.Any(item => item.Kind == patch.Kind && item.Name == patch.Name))))
        {
            var changed = await ExperimentChanges.ApplyAsync(cluster.Api, experiment.Setup, experiment.Name, Token);
            Assert.NotEqual(before, await SpecsAsync(cluster));
            // A measurement of scaling keeps failovers out and says so; everything else is a drill.
            var asked = experiment.Setup.Patches.FirstOrDefault(patch => patch.Kind == "BlueGreen")?.Merge["spec"]?["mode"];
            Assert.Equal((string?)asked ?? "Auto", await SystemMode.ReadAsync(cluster.Api, Token));

            var restored = await ExperimentChanges.RestoreAsync(cluster.Api, Token);

            Assert.Equal(changed, restored.Count);
            Assert.Equal(before, await SpecsAsync(cluster));
            Assert.Empty(await ExperimentChanges.RestoreAsync(cluster.Api, Token));
        }
    }

    [Fact]
    public async Task Apply_Environment_ReachesTheContainersAndLeaves()
    {
        await using var cluster = await TestCluster.StartAsync();
        var shipped = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "traditional"));
        _ = await new Installer(cluster.Api, TimeProvider.System, _ => { }).InstallAsync(shipped, "traditional", "deploy", Token);
        var before = await SpecsAsync(cluster);
        var env = new Dictionary<string, IReadOnlyDictionary<string, string>> { ["web-blue"] = new Dictionary<string, string> { ["CAPACITY_RPS"] = "9", ["NEW"] = "x" } };

        _ = await ExperimentChanges.ApplyAsync(cluster.Api, SetupSpec.None with { Env = env }, "run", Token);

        var container = (await cluster.Api.GetAsync(ResourceTypes.Deployments, Home, "web-blue", Token)).Spec.Template.Spec.Containers[0];
        Assert.Equal("9", container.Env.Single(variable => variable.Name == "CAPACITY_RPS").Value);
        Assert.Equal("x", container.Env.Single(variable => variable.Name == "NEW").Value);
        _ = await ExperimentChanges.RestoreAsync(cluster.Api, Token);
        Assert.Equal(before, await SpecsAsync(cluster));
    }

    [Theory]
    [InlineData("""{"a":1}""", """{"a":2}""", """{"a":2}""")]
    [InlineData("""{"a":1}""", """{"b":2}""", """{"a":null}""")]
    [InlineData("""{"a":{"b":1,"c":null}}""", """{"a":{"c":5,"d":6}}""", """{"a":{"b":null,"c":5}}""")]
    [InlineData("""{"a":{"b":1}}""", """{}""", """{"a":null}""")]
    [InlineData("""{"a":[1]}""", """{"a":[2,3]}""", """{"a":[2,3]}""")]
    public void Inverse_RestoresWhatWasThere(string change, string live, string expected) => Assert.True(JsonNode.DeepEquals(
        JsonNode.Parse(expected), ExperimentChanges.Inverse(JsonNode.Parse(change)!.AsObject(), JsonNode.Parse(live)!.AsObject())));

    /// <summary>Specs and annotations; not what controllers count.</summary>
    private static async Task<IReadOnlyList<string>> SpecsAsync(TestCluster cluster)
    {
        var all = new List<string>();
        foreach (var type in (ResourceType[])[ResourceTypes.Deployments, ResourceTypes.HorizontalPodAutoscalers, ResourceTypes.BlueGreens])
        {
            var list = JsonNode.Parse(await cluster.Api.SendRawAsync(HttpMethod.Get, type.Path(Home), null, Token))!;
            all.AddRange(list["items"]!.AsArray().Select(item =>
            {
                var annotations = item!["metadata"]!["annotations"]?.AsObject();
                _ = annotations?.Remove("deployment.kubernetes.io/revision");
                return $"{type.Plural} {item["metadata"]!["name"]} {item["spec"]!.ToJsonString()} {(annotations?.Count > 0 ? annotations.ToJsonString() : string.Empty)}";
            }));
        }

        return all;
    }
}
