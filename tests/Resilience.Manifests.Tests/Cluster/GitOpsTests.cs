using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;

namespace Resilience.Manifests.Tests.Cluster;

/// <summary>What docs/gitops.md promises about fields that controllers own, with a GitOps tool that applies server-side.</summary>
public sealed class GitOpsTests : IAsyncLifetime
{
    private const string Tool = "gitops-tool";

    private TestCluster _cluster = null!;
    private JsonObject _service = null!;
    private JsonObject _scaler = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        var set = TestCluster.Known("traditional");
        _ = await _cluster.ApplyAsync(set, manager: Tool);
        _service = set.Items.Single(m => m.Kind == "Service").Body;
        _scaler = set.Items.Single(m => m.Kind == "HorizontalPodAutoscaler" && m.Name == "web-green").Body;
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task SelectorMovedByTheWatcher_SurvivesAnApplyThatLeavesItOut()
    {
        await MoveAsync("green");
        var desired = _service.DeepClone().AsObject();
        _ = desired["spec"]!.AsObject().Remove("selector");
        var applied = await ApplyAsync(ResourceTypes.Services, desired, force: false);
        Assert.Equal("green", (string?)applied["spec"]!["selector"]!["version"]);
        Assert.NotNull(applied["metadata"]!["annotations"]![ResilienceApi.FailoverAnnotation]);
    }

    [Fact]
    public async Task SelectorMovedByTheWatcher_AppliedWithItsOldValue_IsAConflictThatNamesTheWatcher()
    {
        await MoveAsync("green");
        var conflict = await Assert.ThrowsAsync<ClusterException>(() => ApplyAsync(ResourceTypes.Services, _service, force: false));
        Assert.True(conflict.IsConflict);
        Assert.Contains($"conflict with \"{FieldManagers.FailoverWatcher}\"", conflict.Message, StringComparison.Ordinal);
        Assert.Contains(".spec.selector", conflict.Message, StringComparison.Ordinal);
        Assert.Equal("green", (string?)(await ReadAsync("api/v1", "services/web"))["spec"]!["selector"]!["version"]);

        // Forcing is what moves traffic behind the watcher's back.
        var forced = await ApplyAsync(ResourceTypes.Services, _service, force: true);
        Assert.Equal("blue", (string?)forced["spec"]!["selector"]!["version"]);
    }

    /// <summary>The trap: before the watcher has ever moved it, the tool is the only owner, and leaving the field out removes it.</summary>
    [Fact]
    public async Task SelectorNeverMoved_LeftOutOfAnApply_IsRemoved()
    {
        var desired = _service.DeepClone().AsObject();
        _ = desired["spec"]!.AsObject().Remove("selector");
        var applied = await ApplyAsync(ResourceTypes.Services, desired, force: false);
        Assert.Null(applied["spec"]!["selector"]);
    }

    [Fact]
    public async Task FloorRaisedByTheAgent_AppliedWithItsOldValue_IsAConflictThatNamesTheAgent()
    {
        await PatchAsync(ResourceTypes.HorizontalPodAutoscalers, "web-green", FieldManagers.ScalingAgent, """{"spec":{"minReplicas":4}}""");
        var conflict = await Assert.ThrowsAsync<ClusterException>(() => ApplyAsync(ResourceTypes.HorizontalPodAutoscalers, _scaler, force: false));
        Assert.Contains($"conflict with \"{FieldManagers.ScalingAgent}\" using autoscaling/v2: .spec.minReplicas", conflict.Message, StringComparison.Ordinal);
        var desired = _scaler.DeepClone().AsObject();
        _ = desired["spec"]!.AsObject().Remove("minReplicas");
        Assert.Equal(4, (int?)(await ApplyAsync(ResourceTypes.HorizontalPodAutoscalers, desired, force: false))["spec"]!["minReplicas"]);
    }

    /// <summary>An autoscaler writes through the scale subresource, under the controller manager's name.</summary>
    [Fact]
    public async Task ReplicasScaledByTheAutoscaler_AppliedWithTheirOldValue_AreAConflictThatNamesTheControllerManager()
    {
        await PatchAsync(ResourceTypes.HorizontalPodAutoscalers, "web-green", FieldManagers.ScalingAgent, """{"spec":{"minReplicas":3}}""");
        var deadline = TimeProvider.System.GetTimestamp();
        JsonObject live;
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Token);
            live = await ReadAsync("apis/apps/v1", "deployments/web-green");
        }
        while ((int?)live["spec"]!["replicas"] != 3 && TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromSeconds(40));

        var deployment = TestCluster.Known("base").Items.Single(m => m.Kind == "Deployment" && m.Name == "web-green").Body;
        var conflict = await Assert.ThrowsAsync<ClusterException>(() => ApplyAsync(ResourceTypes.Deployments, deployment, force: false));
        Assert.Contains("conflict with \"kube-controller-manager\" with subresource \"scale\" using apps/v1: .spec.replicas", conflict.Message, StringComparison.Ordinal);
    }

    /// <summary>As the watcher does it: selector and annotation in one merge patch.</summary>
    private Task MoveAsync(string slot) => PatchAsync(ResourceTypes.Services, "web", FieldManagers.FailoverWatcher, new JsonObject
    {
        ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [ResilienceApi.FailoverAnnotation] = "{}" } },
        ["spec"] = new JsonObject { ["selector"] = new JsonObject { ["app"] = "web", ["version"] = slot } },
    }.ToJsonString());

    private async Task PatchAsync<T>(ResourceType<T> type, string name, string manager, string patch)
        where T : class, k8s.IKubernetesObject<k8s.Models.V1ObjectMeta> =>
        _ = await _cluster.Api.PatchAsync(type, TestCluster.Namespace, name, ResourcePatch.Merge(JsonNode.Parse(patch)!.AsObject()), Token, manager);

    private Task<JsonObject> ApplyAsync(ResourceType type, JsonObject body, bool force) => _cluster.Api.ApplyAsync(type, body, Tool, force, Token);

    private Task<JsonObject> ReadAsync(string api, string what) => _cluster.GetAsync($"{api}/namespaces/{TestCluster.Namespace}/{what}");
}
