using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Tests.EndToEnd;

/// <summary>Somebody's shop, with names and labels of its own, on a cluster that is not the lab's; a live watcher observes it while its active half goes down.</summary>
[Trait("tier", "slow")]
public sealed class AdoptRunTests : IAsyncLifetime
{
    private const string Home = "shop";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly TemporaryFolder _ours = new();
    private BareCluster? _theirs;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Kubeconfig => _theirs!.Kubeconfig;

    public async ValueTask InitializeAsync() => _theirs = await BareCluster.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await (_theirs?.DisposeAsync() ?? ValueTask.CompletedTask);
        _ours.Dispose();
    }

    [Fact(Explicit = true)]
    public async Task Adopt_TheActiveDeploymentGoesDown_ReportsTheMoveThatWasNotMade_AndTouchesNothing()
    {
        using var cluster = await LabCluster.ConnectAsync(Kubeconfig, null, TimeProvider.System, Token);
        await ShopAsync(cluster.Api);
        var before = await cluster.Api.GetAsync(ResourceTypes.Services, Home, "checkout", Token);

        await using var adopt = LabProcess.Start(_ours.Path, "adopt", "--service", "checkout", "--blue", "checkout-2024", "--green", "checkout-2025", "--namespace", Home, "--for", "20s", "--yes", "--json", "--kubeconfig", Kubeconfig);
        await adopt.WaitForAsync("watching BlueGreen shop/checkout for 20 s");
        await UntilAsync(async () => (await cluster.Api.GetAsync(ResourceTypes.BlueGreens, Home, "checkout", Token)).Status?.Phase is "Serving", "the watcher has seen both halves serving");
        await ScaleAsync(cluster.Api, "checkout-2025", 0);
        Assert.True(await adopt.ExitAsync(Patience) == 0, adopt.Output + adopt.Error);

        using var report = JsonDocument.Parse(adopt.Output);
        var root = report.RootElement;
        Assert.Equal(("Observe", "green"), (root.GetProperty("mode").GetString(), root.GetProperty("active").GetString()));
        Assert.Equal(("2/2", "0/0"), (root.GetProperty("blue").GetString(), root.GetProperty("green").GetString()));
        Assert.InRange(root.GetProperty("wouldMove").GetInt32(), 1, 3);
        var move = root.GetProperty("decisions").EnumerateArray().First(decision => decision.GetProperty("reason").GetString() == "WouldMove");
        Assert.StartsWith("Would move traffic from green to blue if the mode were Auto: ", move.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("traffic would have moved", adopt.Error, StringComparison.Ordinal);
        Assert.Contains("patch bluegreen checkout", root.GetProperty("turnOn").GetString(), StringComparison.Ordinal);

        // Their Service is as it was: not one write, not even of an annotation.
        var after = await cluster.Api.GetAsync(ResourceTypes.Services, Home, "checkout", Token);
        Assert.Equal((before.Metadata.Uid, before.Metadata.ResourceVersion), (after.Metadata.Uid, after.Metadata.ResourceVersion));
        Assert.Equal("2025", after.Spec.Selector["shop.example.com/generation"]);

        // What the report promised is what happens once it is turned on.
        _ = await cluster.Api.PatchAsync(ResourceTypes.BlueGreens, Home, "checkout", ResourcePatch.Merge(new() { ["spec"] = new JsonObject { ["mode"] = "Auto" } }), Token);
        await UntilAsync(async () => (await cluster.Api.GetAsync(ResourceTypes.Services, Home, "checkout", Token)).Spec.Selector["shop.example.com/generation"] == "2024", "traffic moves once the mode is Auto");
    }

    private static async Task ScaleAsync(ClusterApi api, string deployment, int replicas) =>
        _ = await api.PatchAsync(ResourceTypes.Deployments, Home, deployment, ResourcePatch.Merge(new() { ["spec"] = new JsonObject { ["replicas"] = replicas } }), Token);

    private static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"did not happen within {Patience.TotalSeconds:0} s: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
        }
    }

    /// <summary>Neither "app" nor "version" nor a namespace that the lab knows; the program behind it is the web application, whose probe is on another path of theirs.</summary>
    private static async Task ShopAsync(ClusterApi api)
    {
        var documents = """
            apiVersion: v1
            kind: Namespace
            metadata: {name: shop}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: checkout, namespace: shop}
            spec:
              selector: {shop.example.com/component: checkout, shop.example.com/generation: "2025"}
              ports: [{port: 80, targetPort: 8080}]
            """ + string.Concat(new[] { "2024", "2025" }.Select(generation => """

            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: checkout-GENERATION, namespace: shop}
            spec:
              replicas: 2
              selector: {matchLabels: {shop.example.com/component: checkout, shop.example.com/generation: "GENERATION"}}
              template:
                metadata:
                  labels: {shop.example.com/component: checkout, shop.example.com/generation: "GENERATION"}
                spec:
                  containers:
                    - name: server
                      image: resilience-web:latest
                      ports: [{name: web, containerPort: 8080}]
                      env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
                      readinessProbe: {httpGet: {path: /readyz, port: web}, periodSeconds: 1}
            """.Replace("GENERATION", generation, StringComparison.Ordinal)));
        foreach (var (document, _) in YamlJson.Parse(documents))
        {
            var body = document!.AsObject();
            var kind = (string)body["kind"]!;
            ResourceType type = kind switch { "Namespace" => ResourceTypes.Namespaces, "Service" => ResourceTypes.Services, _ => ResourceTypes.Deployments };
            _ = await api.ApplyAsync(type, body, "shop", force: false, Token);
        }
    }
}
