using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Tests.Controllers;

public sealed class AutoscalerTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task StartUpWork_DoesNotScale_LoadDoes_AndItsEndScalesDownAgain()
    {
        // Late in a second: the API says the pods are ready since :10, while they started up until :10.9.
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 10, 900, TimeSpan.Zero));
        await using var plane = new TestPlane(clock);
        _ = plane.CreateDeployment("web", 2, extraContainer: ""","resources":{"requests":{"cpu":"40m"}}""");
        await plane.UntilReady("web", 2);
        var metrics = new FixedMetrics { Sample = new(clock.GetUtcNow() + Window - TimeSpan.FromMilliseconds(300), Window, [new("web", 400_000_000, 0)]) };
        var scaler = plane.Create(ResourceTypes.HorizontalPodAutoscalers, """
            {"metadata":{"name":"web"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"minReplicas":2,"maxReplicas":5,
             "metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":70}}}],
             "behavior":{"scaleDown":{"stabilizationWindowSeconds":60}}}}
            """);
        var settings = AutoscalerSettings.Create(TimeSpan.FromSeconds(15), 1);
        plane.Run(new AutoscalerController(plane.Store, clock, plane.Events, metrics, settings, NullLogger<AutoscalerController>.Instance));

        await Until(clock, () => Status().Array("conditions") is not null, "a first decision");
        Assert.Equal(2, Replicas());
        Assert.Contains("pods might be unready", Status()!.ToJsonString(), StringComparison.Ordinal);

        metrics.Sample = null;
        metrics.CpuMilli = 6;
        await Until(clock, () => Status().Array("currentMetrics") is { Count: > 0 }, "an idle measurement");
        Assert.Equal(2, Replicas());

        metrics.CpuMilli = 60;   // 150% of the request
        await Until(clock, () => Replicas() > 2, "scaling up");
        Assert.Equal(5, Replicas());

        metrics.CpuMilli = 6;
        await Until(clock, () => Replicas() == 2, "scaling down after the window");

        System.Text.Json.Nodes.JsonObject? Status() => plane.Store.Get(ResourceTypes.HorizontalPodAutoscalers, TestPlane.Namespace, scaler.Name)!.Status;

        int Replicas() => plane.Store.Get(ResourceTypes.Deployments, TestPlane.Namespace, "web")!.Spec.Int("replicas")!.Value;

        Task Until(FakeTimeProvider time, Func<bool> reached, string what) => Advance(time, metrics, reached, what);
    }

    /// <summary>Lets time pass, second by second, and gives the loops the chance to act in between.</summary>
    private static async Task Advance(FakeTimeProvider clock, FixedMetrics metrics, Func<bool> reached, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!reached())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"this did not happen: {what}");
            clock.Advance(Step);
            metrics.Now = clock.GetUtcNow();
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>One use for every pod, or one given sample.</summary>
    private sealed class FixedMetrics : IPodMetricsSource
    {
        public PodUsage? Sample { get; set; }

        public int CpuMilli { get; set; }

        public DateTimeOffset Now { get; set; }

        public PodUsage? GetPod(string ns, string name) => Sample ?? new(Now, Window, [new("web", CpuMilli * 1_000_000L, 0)]);

        public NodeUsage? GetNode(string name) => null;
    }
}
