using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Adopting;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Diagnosis;
using Resilience.Lab.Tests.Cluster;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Adopting;

public sealed class AdoptionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Adopt_WritesAnObservingBlueGreen_AndCleanupTakesItOut()
    {
        await using var server = await TestCluster.StartAsync();
        await ShopAsync(server);
        var before = await server.SnapshotAsync();
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        var adoption = new Adoption(cluster, Options());

        var plan = await adoption.PlanAsync(Token);
        Assert.Equal(before, await server.SnapshotAsync());   // planning writes nothing
        Assert.Equal(2, plan.Installs.Count);
        Assert.Equal("green", plan.Slots.Active);
        await adoption.InstallAsync(plan, _ => { }, Token);

        var blueGreen = await server.Api.GetAsync(ResourceTypes.BlueGreens, "default", "shop", Token);
        Assert.Equal(("Observe", "green", "shop"), (blueGreen.Spec.Mode, blueGreen.Spec.Preferred, blueGreen.Spec.Service));
        Assert.Equal(("shop-a", "shop-b"), (blueGreen.Spec.Slots.Blue.Deployment, blueGreen.Spec.Slots.Green.Deployment));
        Assert.Equal(("/ready", 8081), (blueGreen.Spec.Health?.Probe?.Path, blueGreen.Spec.Health?.Probe?.Port ?? 0));
        Assert.Null(await server.Api.FindAsync(ResourceTypes.Deployments, Names.Namespace, "web-blue", Token));
        Assert.NotNull(await server.Api.FindAsync(ResourceTypes.Deployments, Names.Namespace, Names.Watcher, Token));

        var finding = Assert.Single(await new ClusterDoctor(server.Api, "").ExamineAsync(Token), finding => finding.Subject == "installation");
        Assert.Equal((Level.Ok, "the failover watcher is installed in distributed-resilience for adopted Services"), (finding.Level, finding.Text));

        var again = await new Adoption(cluster, Options()).PlanAsync(Token);
        Assert.True(again is { Set: null, BlueGreen: "shop", Installs.Count: 0 });

        var report = await new Remover(server.Api, TimeProvider.System, _ => { }).RemoveAsync(Token);
        Assert.Empty(report!.Left);
        Assert.Equal(before, await server.SnapshotAsync());
    }

    /// <summary>What the old BlueGreen calls blue is not what was asked about.</summary>
    [Fact]
    public async Task Plan_AdoptedWithOtherSlots_IsRefused()
    {
        await using var server = await TestCluster.StartAsync();
        await ShopAsync(server);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        var adoption = new Adoption(cluster, Options());
        await adoption.InstallAsync(await adoption.PlanAsync(Token), _ => { }, Token);

        var error = await Assert.ThrowsAsync<LabException>(() => new Adoption(cluster, Options() with { Blue = "shop-b", Green = "shop-a" }).PlanAsync(Token));

        Assert.Contains("BlueGreen default/shop rules Service shop already, with shop-a as blue and shop-b as green", error.Line, StringComparison.Ordinal);
    }

    /// <summary>The status of a BlueGreen stays when its watcher goes: "would not have moved" would be a lie.</summary>
    [Fact]
    public async Task Watch_WithoutAWatcher_ReportsNothing()
    {
        await using var server = await TestCluster.StartAsync();
        await ShopAsync(server);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        var adoption = new Adoption(cluster, Options());
        await adoption.InstallAsync(await adoption.PlanAsync(Token), _ => { }, Token);
        var spoken = new JsonObject { ["status"] = new JsonObject { ["phase"] = "Serving", ["active"] = "green" } };
        _ = await server.Api.PatchAsync(ResourceTypes.BlueGreens, "default", "shop", ResourcePatch.Merge(spoken), Token, subresource: "status");
        var report = await new Observation(cluster, "default", "shop").WatchAsync(TimeSpan.Zero, _ => { }, Token);
        Assert.Equal(("Serving", 0), (report.Phase, report.WouldMove));

        _ = await server.Api.PatchAsync(ResourceTypes.Deployments, Names.Namespace, Names.Watcher, ResourcePatch.Merge(new JsonObject { ["spec"] = new JsonObject { ["replicas"] = 0 } }), Token);
        await PrometheusProcess.UntilAsync(
            async () => (await server.Api.GetAsync(ResourceTypes.Deployments, Names.Namespace, Names.Watcher, Token)).Status?.ReadyReplicas is null or 0, "the watchers are gone", Token);
        var error = await Assert.ThrowsAsync<LabException>(() => new Observation(cluster, "default", "shop").WatchAsync(TimeSpan.Zero, _ => { }, Token));

        Assert.Contains("no failover watcher is Ready, so nobody watches BlueGreen default/shop", error.Line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("shopp", "shop-a", "shop-b", "there is no Service \"shopp\" in namespace default. Did you mean \"shop\"?")]
    [InlineData("shop", "shop-c", "shop-b", "there is no Deployment \"shop-c\" in namespace default. Did you mean \"shop-a\"?")]
    [InlineData("shop", "shop-a", "shop-a", "--blue and --green name the same Deployment")]
    public async Task Plan_UnknownNames_SuggestTheNearest(string service, string blue, string green, string expected)
    {
        await using var server = await TestCluster.StartAsync();
        await ShopAsync(server);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);

        var error = await Assert.ThrowsAsync<LabException>(() => new Adoption(cluster, new("default", service, blue, green, null, null, null)).PlanAsync(Token));

        Assert.Contains(expected, error.Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_InATerminatingNamespace_SaysSo()
    {
        await using var server = await TestCluster.StartAsync();
        _ = await server.ApplyAsync(ResourceTypes.Namespaces, """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}""");
        _ = await server.ApplyAsync(ResourceTypes.ConfigMaps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","namespace":"shop","finalizers":["example.com/held"]}}""");
        _ = await server.Api.DeleteAsync(ResourceTypes.Namespaces, null, "shop", Token);
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);

        var error = await Assert.ThrowsAsync<LabException>(() => new Adoption(cluster, Options() with { Namespace = "shop" }).PlanAsync(Token));

        Assert.Contains("the namespace shop is being deleted", error.Line, StringComparison.Ordinal);
    }

    private static AdoptionOptions Options() => new("default", "shop", "shop-a", "shop-b", null, null, null);

    private static async Task ShopAsync(TestCluster server)
    {
        _ = await server.ApplyAsync(ResourceTypes.Services, """
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"shop","namespace":"default"},"spec":{"selector":{"app":"shop","track":"b"},"ports":[{"port":80}]}}
            """);
        foreach (var track in (string[])["a", "b"])
        {
            _ = await server.ApplyAsync(ResourceTypes.Deployments, """
                {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"shop-TRACK","namespace":"default"},
                 "spec":{"replicas":2,"selector":{"matchLabels":{"app":"shop","track":"TRACK"}},"template":{"metadata":{"labels":{"app":"shop","track":"TRACK"}},
                 "spec":{"containers":[{"name":"c","image":"shop","ports":[{"name":"probe","containerPort":8081}],"readinessProbe":{"httpGet":{"path":"/ready","port":"probe"}}}]}}}}
                """.Replace("TRACK", track, StringComparison.Ordinal));
        }
    }
}
