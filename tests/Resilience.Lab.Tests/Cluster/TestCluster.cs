using System.Text.Json.Nodes;
using Resilience.ClusterAccess;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Deploying;
using Resilience.Lab.Hosting;
using Resilience.LocalCluster;

namespace Resilience.Lab.Tests.Cluster;

/// <summary>Somebody's cluster: an embedded one whose pods are Ready without processes, unless asked otherwise.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly EmbeddedCluster _cluster;
    private readonly ClusterConnection _connection;

    private TestCluster(DirectoryInfo folder, EmbeddedCluster cluster)
    {
        (_folder, _cluster) = (folder, cluster);
        _connection = ClusterConnection.Create(new ClusterConnectionOptions { KubeconfigPath = cluster.KubeconfigPath }, TimeProvider.System);
    }

    public ClusterApi Api => _connection.Api;

    public string Kubeconfig => _cluster.KubeconfigPath;

    /// <param name="images">Image names that stand for the programs built beside these tests; null: none can be pulled.</param>
    public static async Task<TestCluster> StartAsync(PodRuntime runtime = PodRuntime.Null, bool rbac = false, string[]? images = null, int nodeCpu = 8)
    {
        var folder = Directory.CreateTempSubdirectory("resilience-cluster-");
        var table = Path.Combine(folder.FullName, "images.json");
        BuiltPrograms.WriteImages(table);
        var known = JsonNode.Parse(await File.ReadAllTextAsync(table))!.AsObject();
        await File.WriteAllTextAsync(table, new JsonObject([.. known.Where(image => images?.Contains(image.Key) == true).Select(image => KeyValuePair.Create(image.Key, image.Value?.DeepClone()))]).ToJsonString());
        return new(folder, await EmbeddedCluster.StartAsync(new() { DataDirectory = folder.FullName, PodRuntime = runtime, EnforceRbac = rbac, ImagesPath = table, NodeCpu = nodeCpu }));
    }

    /// <summary>A kubeconfig of the ServiceAccount <c>default</c>, which nobody has given any right.</summary>
    public async Task<string> UnprivilegedKubeconfigAsync()
    {
        var answer = await Api.SendRawAsync(HttpMethod.Post, "api/v1/namespaces/default/serviceaccounts/default/token", JsonNode.Parse("""{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}"""), CancellationToken.None);
        var file = Path.Combine(_folder.FullName, "nobody.kubeconfig");
        var token = (string)JsonNode.Parse(answer)!["status"]!["token"]!;
        await File.WriteAllLinesAsync(file, (await File.ReadAllLinesAsync(Kubeconfig)).Select(line => line.TrimStart().StartsWith("token:", StringComparison.Ordinal) ? line[..line.IndexOf("token:", StringComparison.Ordinal)] + "token: " + token : line));
        return file;
    }

    public Task<JsonObject> ApplyAsync(ResourceType type, string json, string manager = "somebody") =>
        Api.ApplyAsync(type, JsonNode.Parse(json)!.AsObject(), manager, force: true, CancellationToken.None);

    /// <summary>Every object that an installation could touch, as <c>kind namespace/name uid</c>.</summary>
    public async Task<IReadOnlyList<string>> SnapshotAsync()
    {
        var all = new List<string>();
        foreach (var type in Types)
        {
            foreach (var (metadata, _) in await NamespaceContents.ListAsync(Api, type, null, CancellationToken.None))
            {
                all.Add($"{type.Plural} {metadata["namespace"]}/{metadata["name"]} {metadata["uid"]}");
            }
        }

        all.Sort(StringComparer.Ordinal);
        return all;
    }

    public async ValueTask DisposeAsync()
    {
        _connection.Dispose();
        await _cluster.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static ResourceType[] Types { get; } =
    [
        ResourceTypes.Namespaces, ResourceTypes.CustomResourceDefinitions, ResourceTypes.Deployments, ResourceTypes.Services, ResourceTypes.ConfigMaps,
        ResourceTypes.Secrets, ResourceTypes.HorizontalPodAutoscalers, ResourceTypes.PodDisruptionBudgets, ResourceTypes.BlueGreens, ResourceTypes.Switchovers,
        new("", "v1", "serviceaccounts", "ServiceAccount", true),
        new("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false),
        new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false),
        new("rbac.authorization.k8s.io", "v1", "roles", "Role", true),
        new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true),
        new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true),
        new("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false),
    ];
}
