extern alias apphost;

using System.Text.Json.Nodes;
using apphost::Resilience.AppHost.EmbeddedCluster;
using Resilience.LocalCluster;

namespace Resilience.AppHost.Declared.Tests;

/// <summary>The mirror and a cluster that comes, goes away and comes back; pods without processes.</summary>
public sealed class ClusterMirrorTests : IDisposable
{
    private const string Service = $"{ClusterTopology.Core}/services/{ClusterTopology.Service}";
    private const string Workload = $"{ClusterTopology.Apps}/deployments/web-blue";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("resilience-mirror-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Cluster_ThatStartsLater_IsWaitedFor_AndGetsTheManifests()
    {
        var known = new EmbeddedClusterAnnotation(_folder.FullName, Manifests.Intelligent);
        await using var dashboard = new Dashboard(known, "http://127.0.0.1:4317");
        await dashboard.StartAsync();
        Assert.False(known.IsServing);
        Assert.False(known.Page.IsCompleted);

        await using var cluster = await StartAsync();

        await dashboard.ShowsAsync("web-blue", "Pods", "2 of 2 Ready");
        Assert.Equal($"http://{cluster.NodeAddress}:30080/", (await known.Page.WaitAsync(Token)).ToString());
        Assert.Equal(known.Api.Kubeconfig, dashboard.Property("web-blue", "Kubeconfig"));
        var deployments = Names(await known.Api.GetAsync($"{ClusterTopology.Apps}/deployments", Token));
        Assert.Equal(["web-blue", "web-green"], deployments.Order());
        Assert.Equal("http://127.0.0.1:4317", Variable(await known.Api.GetAsync(Workload, Token), "OTEL_EXPORTER_OTLP_ENDPOINT"));
        Assert.Equal("web-blue", Variable(await known.Api.GetAsync(Workload, Token), "OTEL_SERVICE_NAME"));
    }

    [Fact]
    public async Task Cluster_ThatWasOnlyAway_IsLeftAsItIs()
    {
        await using var cluster = await StartAsync();
        await using var relay = new Relay(cluster.ApiServer.Port);
        var own = _folder.CreateSubdirectory("by-relay");
        var kubeconfig = await File.ReadAllTextAsync(cluster.KubeconfigPath, Token);
        await File.WriteAllTextAsync(
            Path.Combine(own.FullName, "kubeconfig"), kubeconfig.Replace($":{cluster.ApiServer.Port}", $":{relay.Port}", StringComparison.Ordinal), Token);
        var known = new EmbeddedClusterAnnotation(own.FullName, Manifests.Intelligent);
        await using var dashboard = new Dashboard(known);
        await dashboard.StartAsync();
        await dashboard.ShowsAsync("web-blue", "Traffic", "active");

        // The watcher moves the traffic, a drill takes the pods away.
        await known.Api.PatchAsync(Service, Patch("""{"spec":{"selector":{"version":"green"}}}"""), Token);
        await known.Api.PatchAsync(Workload, Patch("""{"spec":{"replicas":0}}"""), Token);
        await dashboard.ShowsAsync("web-green", "Traffic", "active");
        relay.Cut();
        await Dashboard.UntilAsync(() => !known.IsServing, "the mirror notices that the cluster is away");
        relay.Mend();
        await Dashboard.UntilAsync(() => known.IsServing, "the mirror finds the cluster again");

        Assert.Equal("green", (string?)(await known.Api.GetAsync(Service, Token))["spec"]!["selector"]!["version"]);
        Assert.Equal(0, (int?)(await known.Api.GetAsync(Workload, Token))["spec"]!["replicas"]);
    }

    [Fact]
    public async Task Cluster_ThatWasRestarted_GetsTheManifestsAgain()
    {
        var known = new EmbeddedClusterAnnotation(_folder.FullName, Manifests.Intelligent);
        await using var dashboard = new Dashboard(known);
        await dashboard.StartAsync();
        int port;
        await using (var first = await StartAsync())
        {
            port = first.ApiServer.Port;
            await dashboard.ShowsAsync("web-blue", "Pods", "2 of 2 Ready");
            await known.Api.PatchAsync(Service, Patch("""{"spec":{"selector":{"version":"green"}}}"""), Token);
            await dashboard.ShowsAsync("web-green", "Traffic", "active");
        }

        await Dashboard.UntilAsync(() => !known.IsServing, "the mirror notices that the cluster is away");
        await using var second = await StartAsync(port);

        await dashboard.ShowsAsync("web-blue", "Traffic", "active");
        await dashboard.ShowsAsync("web-blue", "Pods", "2 of 2 Ready");
    }

    [Fact]
    public async Task Page_IsThatOfTheClusterThatServesNow()
    {
        var known = new EmbeddedClusterAnnotation(_folder.FullName, Manifests.Intelligent);
        var asked = known.Page;

        known.Serves(new("http://127.10.0.1:30080/"));
        known.Serves(new("http://127.10.1.1:30080/"));

        Assert.Equal("127.10.0.1", (await asked.WaitAsync(Token)).Host);
        Assert.Equal("127.10.1.1", (await known.Page.WaitAsync(Token)).Host);
    }

    [Fact]
    public async Task Drill_ThatNoPodTakes_IsRefused_AndHoldsNothing()
    {
        var known = new EmbeddedClusterAnnotation(_folder.FullName, Manifests.Intelligent);
        await using var dashboard = new Dashboard(known);
        await dashboard.StartAsync();
        await using var cluster = await StartAsync();
        await dashboard.ShowsAsync("web-blue", "Pods", "2 of 2 Ready");
        var drills = new apphost::Resilience.AppHost.Slots.SlotDrills(known.Api, dashboard.Blue, TimeProvider.System);

        // Pods without processes have no port that faults could be set on.
        var refused = await Assert.ThrowsAsync<apphost::Resilience.AppHost.Slots.DrillException>(() => drills.SlowAsync(Token));

        Assert.StartsWith("No pod of web-blue took the drill", refused.Message, StringComparison.Ordinal);
        Assert.Null((await known.Api.GetAsync(Workload, Token))["metadata"]!["annotations"]?["resilience.dev/drill"]);
    }

    private Task<EmbeddedCluster> StartAsync(int port = 0) =>
        EmbeddedCluster.StartAsync(new() { DataDirectory = _folder.FullName, PodRuntime = PodRuntime.Null, Port = port }, Token);

    private static JsonObject Patch(string json) => (JsonObject)JsonNode.Parse(json)!;

    private static IEnumerable<string> Names(JsonObject list) => ((JsonArray)list["items"]!).Select(item => (string)item!["metadata"]!["name"]!);

    private static string? Variable(JsonObject deployment, string name)
    {
        var variables = (JsonArray)deployment["spec"]!["template"]!["spec"]!["containers"]![0]!["env"]!;
        return (string?)variables.Single(variable => (string?)variable!["name"] == name)!["value"];
    }
}
