using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Deploying;
using Resilience.Lab.Tests.Cluster;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Deploying;

/// <summary>What an installation leaves in a cluster, and what its removal takes out: exactly that.</summary>
public sealed class InstallationTests : IAsyncLifetime
{
    private const string Home = "distributed-resilience";
    private static readonly ManifestSet Shipped = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "traditional"));
    private TestCluster _cluster = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Remove_AfterInstall_LeavesTheClusterAsItWas()
    {
        var before = await _cluster.SnapshotAsync();
        var record = await InstallAsync();
        Assert.True(record.Complete);
        Assert.Equal(Shipped.Items.Count, record.Objects.Count);
        Assert.All(record.Objects, item => Assert.False(item.Object.Existed || item.Object.Uid.Length == 0, item.ToString()));

        var report = await RemoveAsync();

        Assert.Empty(report!.Left);
        Assert.Equal(before, await _cluster.SnapshotAsync());
        Assert.Null(await RemoveAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(9)]
    [InlineData(15)]
    public async Task Remove_AfterAnInterruptedInstall_LeavesTheClusterAsItWas(int objects)
    {
        var before = await _cluster.SnapshotAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var done = 0;
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new Installer(_cluster.Api, TimeProvider.System, _ =>
        {
            if (done++ == objects)
            {
                stop.Cancel();
            }
        }).InstallAsync(Shipped, "traditional", "deploy", stop.Token));
        Assert.True((await _cluster.SnapshotAsync()).Count > before.Count);

        _ = await RemoveAsync();

        Assert.Equal(before, await _cluster.SnapshotAsync());
    }

    [Fact]
    public async Task Install_AfterAnInterruptedInstall_CompletesIt_AndItIsKnownMeanwhile()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var done = 0;
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new Installer(_cluster.Api, TimeProvider.System, _ =>
        {
            if (done++ == 8)
            {
                stop.Cancel();
            }
        }).InstallAsync(Shipped, "traditional", "deploy", stop.Token));
        var problem = await Installation.ProblemAsync(_cluster.Api, Token);
        Assert.False(problem!.Nothing);
        Assert.Contains("half installed", problem.ToError(" --context c").Line, StringComparison.Ordinal);
        Assert.Contains("./lab deploy --context c", problem.ToError(" --context c").Line, StringComparison.Ordinal);

        var record = await InstallAsync();

        Assert.True(record.Complete);
        Assert.All(record.Objects, item => Assert.False(item.Object.Existed, item.ToString()));
        Assert.Null(await Installation.ProblemAsync(_cluster.Api, Token));
    }

    [Theory]
    [InlineData("v1", "serviceaccounts", "ServiceAccount", "failover-watcher", Home)]
    [InlineData("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", "failover-watcher", Home)]
    [InlineData("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", "failover-watcher", null)]
    [InlineData("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", "switchovers.resilience.dev", null)]
    public async Task Problem_WithoutSomethingTheSystemNeeds_NamesIt_UntilTheNextInstall(string apiVersion, string plural, string kind, string name, string? ns)
    {
        _ = await InstallAsync();
        Assert.Null(await Installation.ProblemAsync(_cluster.Api, Token));

        var (group, version) = apiVersion.Split('/') is [var first, var second] ? (first, second) : ("", apiVersion);
        _ = await _cluster.Api.DeleteAsync(new ResourceType(group, version, plural, kind, ns is not null), ns, name, Token);

        Assert.Equal([$"{kind} {name} is missing"], (await Installation.ProblemAsync(_cluster.Api, Token))!.Missing);
        _ = await InstallAsync();
        Assert.Null(await Installation.ProblemAsync(_cluster.Api, Token));
    }

    [Fact]
    public async Task Problem_WithoutWhatTrafficDoesNotNeed_IsNone()
    {
        _ = await InstallAsync();

        _ = await _cluster.Api.DeleteAsync(ResourceTypes.PodDisruptionBudgets, Home, "web-blue", Token);
        _ = await _cluster.Api.DeleteAsync(ResourceTypes.HorizontalPodAutoscalers, Home, "web-green", Token);

        Assert.Null(await Installation.ProblemAsync(_cluster.Api, Token));
    }

    [Fact]
    public async Task Install_Again_ChangesNothing_AndKeepsWhatOthersWrote()
    {
        _ = await InstallAsync();
        await PatchAsync(ResourceTypes.Services, "web", """{"spec":{"selector":{"version":"green"}}}""", FieldManagers.FailoverWatcher);
        await PatchAsync(ResourceTypes.HorizontalPodAutoscalers, "web-blue", """{"spec":{"minReplicas":3}}""", FieldManagers.ScalingAgent);
        await PatchAsync(ResourceTypes.Deployments, "web-green", """{"spec":{"replicas":4}}""", "kube-controller-manager");
        await PatchAsync(ResourceTypes.BlueGreens, "web", """{"spec":{"mode":"Paused"}}""", "kubectl-patch");
        var before = await _cluster.SnapshotAsync();
        var lines = new List<string>();

        _ = await new Installer(_cluster.Api, TimeProvider.System, lines.Add).InstallAsync(Shipped, "traditional", "deploy", Token);

        Assert.Equal(before, await _cluster.SnapshotAsync());
        Assert.All(lines, line => Assert.DoesNotContain("created", line, StringComparison.Ordinal));
        Assert.Equal("green", (await _cluster.Api.GetAsync(ResourceTypes.Services, Home, "web", Token)).Spec.Selector["version"]);
        Assert.Equal(3, (await _cluster.Api.GetAsync(ResourceTypes.HorizontalPodAutoscalers, Home, "web-blue", Token)).Spec.MinReplicas);
        Assert.Equal(4, (await _cluster.Api.GetAsync(ResourceTypes.Deployments, Home, "web-green", Token)).Spec.Replicas);
        Assert.Equal("Paused", (await _cluster.Api.GetAsync(ResourceTypes.BlueGreens, Home, "web", Token)).Spec.Mode);
    }

    [Fact]
    public async Task Remove_LeavesWhatOthersPutBesideIt()
    {
        _ = await InstallAsync();
        _ = await _cluster.ApplyAsync(ResourceTypes.ConfigMaps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"notes","namespace":"distributed-resilience"}}""");
        _ = await _cluster.ApplyAsync(ResourceTypes.BlueGreens, """
            {"apiVersion":"resilience.dev/v1alpha1","kind":"BlueGreen","metadata":{"name":"shop","namespace":"default"},
             "spec":{"service":"shop","slots":{"blue":{"deployment":"a","selector":{"v":"1"}},"green":{"deployment":"b","selector":{"v":"2"}}}}}
            """);

        var report = await RemoveAsync();

        Assert.Contains(report!.Left, left => left.Contains("Namespace", StringComparison.Ordinal) && left.Contains("ConfigMap notes", StringComparison.Ordinal));
        Assert.Contains(report.Left, left => left.Contains("bluegreens.resilience.dev", StringComparison.Ordinal) && left.Contains("default/shop", StringComparison.Ordinal));
        Assert.NotNull(await _cluster.Api.FindAsync(ResourceTypes.ConfigMaps, Home, "notes", Token));
        Assert.NotNull(await _cluster.Api.FindAsync(ResourceTypes.BlueGreens, "default", "shop", Token));
        Assert.Null(await _cluster.Api.FindAsync(ResourceTypes.Deployments, Home, "web-blue", Token));
        Assert.Null(await _cluster.Api.FindAsync(ResourceTypes.CustomResourceDefinitions, null, "switchovers.resilience.dev", Token));
        Assert.Null(await _cluster.Api.FindAsync(ResourceTypes.ConfigMaps, Home, InstallStore.ConfigMap, Token));
    }

    [Fact]
    public async Task Remove_LeavesWhatWasThereBefore_AndWhatSomebodyReplaced()
    {
        _ = await _cluster.ApplyAsync(ResourceTypes.Namespaces, """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"distributed-resilience"}}""");
        _ = await InstallAsync();
        _ = await _cluster.Api.DeleteAsync(ResourceTypes.Secrets, Home, "web-faults", Token);
        _ = await _cluster.ApplyAsync(ResourceTypes.Secrets, """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"web-faults","namespace":"distributed-resilience"},"stringData":{"token":"mine"}}""");

        var report = await RemoveAsync();

        Assert.Contains(report!.Left, left => left.StartsWith($"Namespace {Home}: it was there before", StringComparison.Ordinal));
        Assert.Contains(report.Left, left => left.StartsWith($"Secret {Home}/web-faults: somebody has replaced it", StringComparison.Ordinal));
        Assert.NotNull(await _cluster.Api.FindAsync(ResourceTypes.Secrets, Home, "web-faults", Token));
        Assert.Null(await _cluster.Api.FindAsync(ResourceTypes.Deployments, Home, "web-blue", Token));
    }

    [Fact]
    public async Task Install_AnotherOverlay_RemovesWhatItLacks()
    {
        _ = await InstallAsync();
        var smaller = Shipped.Select(manifest => manifest.Kind == "PodDisruptionBudget" ? null : manifest);

        _ = await new Installer(_cluster.Api, TimeProvider.System, _ => { }).InstallAsync(smaller, "smaller", "deploy", Token);

        Assert.Empty((await _cluster.Api.ListAsync(ResourceTypes.PodDisruptionBudgets, new ResourceScope(Home), Token)).Items);
        Assert.NotNull(await _cluster.Api.FindAsync(ResourceTypes.Deployments, Home, "web-blue", Token));
    }

    /// <summary>A second "deploy" without --overlay must not take out the agent, whose volume holds its ledger.</summary>
    [Fact]
    public async Task Overlay_NotNamed_IsTheInstalledOne()
    {
        Assert.Equal("traditional", await Delivery.OverlayAsync(_cluster.Api, "", Token));
        var intelligent = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "intelligent"));
        _ = await new Installer(_cluster.Api, TimeProvider.System, _ => { }).InstallAsync(intelligent, "intelligent", "deploy", Token);

        Assert.Equal("intelligent", await Delivery.OverlayAsync(_cluster.Api, "", Token));
        Assert.Equal("traditional", await Delivery.OverlayAsync(_cluster.Api, "traditional", Token));
    }

    [Fact]
    public async Task Install_IntoATerminatingNamespace_SaysSo()
    {
        _ = await _cluster.ApplyAsync(ResourceTypes.Namespaces, """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"distributed-resilience"}}""");
        _ = await _cluster.ApplyAsync(ResourceTypes.ConfigMaps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","namespace":"distributed-resilience","finalizers":["example.com/held"]}}""");
        _ = await _cluster.Api.DeleteAsync(ResourceTypes.Namespaces, null, Home, Token);

        var error = await Assert.ThrowsAsync<LabException>(InstallAsync);

        Assert.Contains($"the namespace {Home} is being deleted", error.Line, StringComparison.Ordinal);
        Assert.Contains("kubectl wait --for=delete", error.Line, StringComparison.Ordinal);
    }

    private Task<InstallRecord> InstallAsync() => new Installer(_cluster.Api, TimeProvider.System, _ => { }).InstallAsync(Shipped, "traditional", "deploy", Token);

    private Task<RemovalReport?> RemoveAsync() => new Remover(_cluster.Api, TimeProvider.System, _ => { }).RemoveAsync(Token);

    private Task<JsonObject> PatchAsync(ResourceType type, string name, string patch, string manager) =>
        _cluster.Api.PatchAsync(type, Home, name, ResourcePatch.Merge(JsonNode.Parse(patch)!.AsObject()), manager, Token);
}
