using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Tests.Controllers;

public sealed class DeploymentTests
{
    [Fact]
    public async Task Deployment_Created_GetsReadyPodsAndCompletes()
    {
        await using var plane = new TestPlane();
        _ = plane.CreateDeployment("web", 3);
        await plane.UntilReady("web", 3);
        await plane.Until(ResourceTypes.Deployments, () => Deployment(plane).Status.Int("availableReplicas") == 3, "3 available");
        await plane.Until(ResourceTypes.Deployments,
            () => Objects.Condition(Deployment(plane), "Progressing").String("reason") == "NewReplicaSetAvailable", "rollout complete");
        Assert.Equal("True", Objects.ConditionStatus(Deployment(plane), "Available"));
        Assert.Equal("1", Deployment(plane).Annotation("deployment.kubernetes.io/revision"));
    }

    [Theory]
    //          replicas maxSurge maxUnavailable
    [InlineData(4, "1", "0")]
    [InlineData(4, "0", "1")]
    [InlineData(10, "\"25%\"", "\"25%\"")]
    [InlineData(1, "\"25%\"", "\"25%\"")]     // 25% of one pod: surge rounds up, unavailable down
    [InlineData(3, "\"100%\"", "0")]
    public async Task RollingUpdate_NewImage_StaysWithinItsLimits(int replicas, string surge, string unavailable)
    {
        await using var plane = new TestPlane();
        _ = plane.CreateDeployment("web", replicas,
            extraSpec: $$$""" "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":{{{surge}}},"maxUnavailable":{{{unavailable}}}}},""");
        await plane.UntilReady("web", replicas);
        await plane.Until(ResourceTypes.Deployments, () => DeploymentReport.IsComplete(Deployment(plane)), "first rollout");
        var limits = DeploymentController.Limits(Deployment(plane));
        using var watch = plane.Store.Watch(ResourceTypes.Pods, plane.Store.ResourceVersion);
        plane.SetImage("web", "web:2");

        var live = plane.Pods().ToDictionary(p => p.Uid);
        while (live.Values.Count(p => Image(p) == "web:2" && Objects.IsReady(p)) < replicas || live.Count > replicas)
        {
            var change = await watch.Events.ReadAsync(TestContext.Current.CancellationToken);
            if (change.Type == StoreEventType.Deleted || change.Object.IsDeleting)
            {
                _ = live.Remove(change.Object.Uid);
            }
            else
            {
                live[change.Object.Uid] = change.Object;
            }

            Assert.True(live.Count <= replicas + limits.Surge, $"{live.Count} pods: more than {replicas} + {limits.Surge}");
            Assert.True(live.Values.Count(Objects.IsReady) >= replicas - limits.Unavailable,
                $"{live.Values.Count(Objects.IsReady)} ready: fewer than {replicas} - {limits.Unavailable}");
        }
    }

    [Fact]
    public async Task Undo_TemplateOfAnEarlierRevision_BringsItsReplicaSetBack()
    {
        await using var plane = new TestPlane();
        _ = plane.CreateDeployment("web", 2);
        await plane.Until(ResourceTypes.Deployments, () => DeploymentReport.IsComplete(Deployment(plane)), "first rollout");
        plane.SetImage("web", "web:2");
        await plane.Until(ResourceTypes.Deployments, () => DeploymentReport.IsComplete(Deployment(plane)), "second rollout");
        plane.SetImage("web", "web");
        await plane.Until(ResourceTypes.Deployments, () => DeploymentReport.IsComplete(Deployment(plane)), "undo");
        await plane.Until(ResourceTypes.Pods, () => plane.Pods().All(p => Image(p) == "web"), "the pods of the second revision to go");
        Assert.Equal(2, plane.Store.List(ResourceTypes.ReplicaSets).Count);
        Assert.Equal("3", Deployment(plane).Annotation("deployment.kubernetes.io/revision"));
    }

    [Fact]
    public async Task Recreate_NewImage_NeverRunsBothVersions()
    {
        await using var plane = new TestPlane();
        _ = plane.CreateDeployment("web", 2, extraSpec: """ "strategy":{"type":"Recreate"},""");
        await plane.UntilReady("web", 2);
        var before = plane.Store.Snapshot(ResourceTypes.Pods);
        using var watch = plane.Store.Watch(ResourceTypes.Pods, before.ResourceVersion);
        var live = before.Items.ToDictionary(p => p.Uid);
        plane.SetImage("web", "web:2");
        while (live.Values.Count(p => Image(p) == "web:2" && Objects.IsReady(p)) < 2)
        {
            var change = await watch.Events.ReadAsync(TestContext.Current.CancellationToken);
            _ = change.Type == StoreEventType.Deleted ? live.Remove(change.Object.Uid) : (live[change.Object.Uid] = change.Object) is null;
            Assert.Single(live.Values.Select(Image).DefaultIfEmpty("none").Distinct());
        }
    }

    [Fact]
    public async Task Pod_Deleted_IsReplaced()
    {
        await using var plane = new TestPlane();
        _ = plane.CreateDeployment("web", 2);
        await plane.UntilReady("web", 2);
        var victim = plane.Pods()[0];
        _ = plane.Store.Delete(ResourceTypes.Pods, TestPlane.Namespace, victim.Name);
        await plane.Until(ResourceTypes.Pods, () => plane.Pods().All(p => p.Uid != victim.Uid), "the pod is gone");
        await plane.UntilReady("web", 2);
    }

    [Fact]
    public async Task ScaleToZeroAndBack_Works()
    {
        await using var plane = new TestPlane();
        _ = plane.CreateDeployment("web", 3);
        await plane.UntilReady("web", 3);
        plane.Scale("web", 0);
        await plane.UntilReady("web", 0);
        plane.Scale("web", 2);
        await plane.UntilReady("web", 2);
    }

    private static string? Image(StoredObject pod) => pod.Spec.Array("containers")![0].String("image");

    private static StoredObject Deployment(TestPlane plane) => plane.Store.Get(ResourceTypes.Deployments, TestPlane.Namespace, "web")!;
}
