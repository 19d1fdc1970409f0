using Microsoft.Extensions.Time.Testing;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Storage;
using Resilience.LocalCluster.Tests.Controllers;

namespace Resilience.LocalCluster.Tests.Node;

public sealed class PodLifecycleTests
{
    private const string OnePod = """{"metadata":{"name":"p","labels":{"app":"p"}},"spec":{"restartPolicy":"Always","containers":[{"name":"web","image":"web"}]}}""";

    [Fact]
    public async Task Crashes_InARow_BackOffTenTwentySeconds()
    {
        var clock = new FakeTimeProvider();
        await using var plane = new TestPlane(clock);
        _ = plane.Create(ResourceTypes.Pods, OnePod);
        await plane.UntilReady("p", 1);

        Crash(plane);   // the first restart is immediate
        await plane.Until(ResourceTypes.Pods, () => Container(plane).Int("restartCount") == 1 && Objects.IsReady(plane.Pod("p")), "restarted at once");
        foreach (var (seconds, restarts) in new[] { (10, 2), (20, 3), (40, 4) })
        {
            await CrashAndWait(plane, clock, seconds, restarts);
        }

        static async Task CrashAndWait(TestPlane plane, FakeTimeProvider clock, int seconds, int restarts)
        {
            Crash(plane);
            await plane.Until(ResourceTypes.Pods, () => Waiting(plane) == "CrashLoopBackOff", "backing off");
            Assert.Equal("Error", Container(plane).String("lastState", "terminated", "reason"));
            Assert.Equal(restarts - 1, Container(plane).Int("restartCount"));
            clock.Advance(TimeSpan.FromSeconds(seconds - 1));
            Assert.Equal("CrashLoopBackOff", Waiting(plane));
            clock.Advance(TimeSpan.FromSeconds(1));
            await plane.Until(ResourceTypes.Pods, () => Container(plane).Int("restartCount") == restarts && Objects.IsReady(plane.Pod("p")), "restarted");
        }
    }

    [Fact]
    public async Task UnknownImage_Pod_WaitsWithImagePullBackOff()
    {
        var clock = new FakeTimeProvider();
        await using var plane = new TestPlane(clock);
        plane.Null.MissingImages.Add("web");
        _ = plane.Create(ResourceTypes.Pods, OnePod);
        await plane.Until(ResourceTypes.Pods, () => Waiting(plane) == "ErrImagePull", "ErrImagePull");
        clock.Advance(TimeSpan.FromSeconds(1));
        await plane.Until(ResourceTypes.Pods, () => Waiting(plane) == "ImagePullBackOff", "ImagePullBackOff");
        plane.Null.MissingImages.Clear();
        clock.Advance(TimeSpan.FromSeconds(10));
        await plane.UntilReady("p", 1);
    }

    [Fact]
    public async Task Delete_IgnoredSigterm_EndsWithTheGracePeriod()
    {
        var clock = new FakeTimeProvider();
        await using var plane = new TestPlane(clock);
        _ = plane.Create(ResourceTypes.Pods, OnePod);
        await plane.UntilReady("p", 1);
        plane.Null.Find(TestPlane.Namespace, "p", "web")!.IgnoresTerminate = true;
        _ = plane.Store.Delete(ResourceTypes.Pods, TestPlane.Namespace, "p", new DeleteOptions(GracePeriodSeconds: 5));
        await plane.Until(ResourceTypes.Events, () => plane.Store.List(ResourceTypes.Events).Any(e => e.Body.String("reason") == "Killing"), "Killing event");
        Assert.NotNull(plane.Store.Get(ResourceTypes.Pods, TestPlane.Namespace, "p"));
        clock.Advance(TimeSpan.FromSeconds(5));
        await plane.UntilReady("p", 0);
    }

    [Fact]
    public async Task Scheduler_PodThatDoesNotFit_WaitsForRoom()
    {
        await using var plane = new TestPlane(cpu: 1);
        const string Resources = """ ,"resources":{"requests":{"cpu":"600m"}}""";
        _ = plane.CreateDeployment("first", 1, extraContainer: Resources);
        await plane.UntilReady("first", 1);
        _ = plane.CreateDeployment("second", 1, extraContainer: Resources);
        await plane.Until(ResourceTypes.Pods, () => plane.Pods("second").Any(p => Objects.Condition(p, "PodScheduled").String("reason") == "Unschedulable"), "unschedulable");
        Assert.Contains("Insufficient cpu", Objects.Condition(plane.Pods("second")[0], "PodScheduled").String("message"), StringComparison.Ordinal);
        plane.Scale("first", 0);
        await plane.UntilReady("second", 1);
    }

    [Fact]
    public async Task MissingSecret_Container_WaitsWithCreateContainerConfigError()
    {
        var clock = new FakeTimeProvider();
        await using var plane = new TestPlane(clock);
        _ = plane.Create(ResourceTypes.Pods, """
            {"metadata":{"name":"p","labels":{"app":"p"}},"spec":{"restartPolicy":"Always","containers":[{"name":"web","image":"web",
             "env":[{"name":"T","valueFrom":{"secretKeyRef":{"name":"s","key":"token"}}}]}]}}
            """);
        await plane.Until(ResourceTypes.Pods, () => Waiting(plane) == "CreateContainerConfigError", "config error");
        _ = plane.Create(ResourceTypes.Secrets, """{"metadata":{"name":"s"},"data":{"token":"eA=="}}""");
        clock.Advance(TimeSpan.FromSeconds(5));
        await plane.UntilReady("p", 1);
    }

    [Fact]
    public async Task NeverRestarted_PodThatEnds_Succeeds()
    {
        await using var plane = new TestPlane();
        _ = plane.Create(ResourceTypes.Pods, OnePod.Replace("Always", "Never", StringComparison.Ordinal));
        await plane.UntilReady("p", 1);
        plane.Null.Find(TestPlane.Namespace, "p", "web")!.Exit(0);
        await plane.Until(ResourceTypes.Pods, () => plane.Pod("p").Status.String("phase") == "Succeeded", "Succeeded");
        Assert.Equal("Completed", Container(plane).String("state", "terminated", "reason"));
    }

    private static void Crash(TestPlane plane) => plane.Null.Find(TestPlane.Namespace, "p", "web")!.Exit(1);

    private static System.Text.Json.Nodes.JsonNode? Container(TestPlane plane) => plane.Pod("p").Status.Array("containerStatuses")?[0];

    private static string? Waiting(TestPlane plane) => Container(plane).String("state", "waiting", "reason");
}
