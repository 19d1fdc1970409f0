using CsCheck;
using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Scaling;

/// <summary>Expected values are worked out by hand from the rules that Kubernetes documents.</summary>
public sealed class HorizontalPodAutoscalerAlgorithmTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(15);

    [Theory]
    //          pods used of 100m  target  replicas
    [InlineData(3, 50, 50, 3)]     // on target
    [InlineData(3, 55, 50, 3)]     // 1.10: at the edge of the tolerance
    [InlineData(3, 56, 50, 4)]     // 1.12 x 3 = 3.36
    [InlineData(3, 100, 50, 6)]
    [InlineData(3, 45, 50, 3)]     // 0.90: at the edge
    [InlineData(3, 44, 50, 3)]     // 0.88 x 3 = 2.64, rounded up
    [InlineData(3, 20, 50, 2)]     // 0.40 x 3 = 1.2, rounded up
    [InlineData(3, 0, 50, 1)]      // zero use: the floor
    [InlineData(1, 500, 50, 4)]    // 10 wanted; without behaviour never beyond max(2 x 1, 4) in one step
    [InlineData(6, 500, 50, 10)]   // 60 wanted, 12 allowed, 10 is the maximum
    public void Decide_AllPodsReady_FollowsTheRatio(int pods, int used, int target, int expected) =>
        Assert.Equal(expected, Decide(View([.. Enumerable.Range(0, pods).Select(n => Pod(n, used))], target), Old(expected)).Desired);

    [Fact]
    public void Decide_PodWithoutSample_CountsAsBusyOnTheWayDown()
    {
        // 20 of 100 on two pods, one unknown: (20 + 20 + 100) / 300 = 46% of 50%: 0.92, within tolerance, stays.
        var view = View([Pod(0, 20), Pod(1, 20), Pod(2, null)], 50);
        Assert.Equal(3, Decide(view, Old(1)).Desired);
    }

    [Fact]
    public void Decide_PodWithoutSample_CountsAsIdleOnTheWayUp()
    {
        // 100 of 100 on two pods, one unknown: 200 / 300 = 66% of 50%: 1.32 x 3 = 3.96.
        var view = View([Pod(0, 100), Pod(1, 100), Pod(2, null)], 50);
        Assert.Equal(4, Decide(view, Old(3)).Desired);
    }

    [Fact]
    public void Decide_UnreadyPod_CountsAsIdleOnTheWayUpAndNotAtAllOnTheWayDown()
    {
        var starting = Pod(2, 90) with { Ready = false, Started = Now - TimeSpan.FromSeconds(20), ReadyChanged = Now - TimeSpan.FromSeconds(20) };
        Assert.Equal(4, Decide(View([Pod(0, 100), Pod(1, 100), starting], 50), Old(3)).Desired);
        Assert.Equal(1, Decide(View([Pod(0, 20), Pod(1, 20), starting], 50), Old(1)).Desired);   // 0.4 x 2 ready pods
    }

    [Fact]
    public void Decide_SampleFromBeforeReadiness_IsNotCounted()
    {
        // Ready for 10 s, but the sample's 15 s window began before that.
        var young = Pod(1, 400) with { Started = Now - TimeSpan.FromSeconds(30), ReadyChanged = Now - TimeSpan.FromSeconds(10) };
        Assert.Equal(2, Decide(View([Pod(0, 50), young], 50), Old(2)).Desired);
    }

    [Theory]
    //          started  ready for  sample ended  replicas
    [InlineData(60, 30, 20, 2)]   // ready 30 s ago, the 15 s window began 35 s ago: start-up work
    [InlineData(60, 30, 15, 4)]   // the window began when the pod became ready
    [InlineData(60, 36, 20, 4)]
    [InlineData(400, 30, 20, 4)]   // beyond the initialisation period every sample of a ready pod counts
    public void Decide_EveryPodJustStarted_CountsOnlySamplesFromReadiness(int startedAgo, int readyAgo, int sampleAgo, int expected)
    {
        var pods = Enumerable.Range(0, 2).Select(n => Pod(n, 100) with
        {
            Started = Now - TimeSpan.FromSeconds(startedAgo),
            ReadyChanged = Now - TimeSpan.FromSeconds(readyAgo),
            Usage = new(Now - TimeSpan.FromSeconds(sampleAgo), Window, new Dictionary<(string, string), long> { [("web", "cpu")] = 100 }),
        }).ToList();
        Assert.Equal(expected, Decide(View(pods, 50), Old(2)).Desired);
    }

    [Theory]
    [InlineData(0, "ScalingDisabled", 0)]
    [InlineData(11, null, 10)]
    public void Decide_OutsideTheRange_IsCorrectedWithoutMetrics(int current, string? reason, int expected)
    {
        var decision = Decide(View([], 50) with { CurrentReplicas = current }, HorizontalPodAutoscalerMemory.Empty);
        Assert.Equal(expected, decision.Desired);
        Assert.Equal(reason, decision.Conditions.FirstOrDefault(c => c.Type == "ScalingActive")?.Reason);
    }

    [Fact]
    public void Decide_NoMetrics_FailsInTheWordsOfARealCluster()
    {
        var decision = Decide(View([Pod(0, null)], 25), Old(1));
        Assert.True(decision.Failed);
        Assert.Equal("invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: failed to get cpu utilization: " +
            "unable to get metrics for resource cpu: no metrics returned from resource metrics API", decision.Events[^1].Message);
        Assert.Equal("FailedGetResourceMetric", decision.Conditions.Single(c => c.Type == "ScalingActive").Reason);
    }

    [Fact]
    public void Decide_MissingRequest_NamesContainerAndPod()
    {
        var decision = Decide(View([Pod(0, 10) with { Requests = new Dictionary<(string, string), long>() }], 25), Old(1));
        Assert.Equal("failed to get cpu utilization: missing request for cpu in container web of Pod p0", decision.Events[0].Message);
    }

    [Fact]
    public void Decide_DownscaleStabilization_TakesTheHighestOfTheWindow()
    {
        var view = View([Pod(0, 10), Pod(1, 10), Pod(2, 10), Pod(3, 10)], 50);
        var memory = new HorizontalPodAutoscalerMemory([new(Now - TimeSpan.FromMinutes(4), 3), new(Now - TimeSpan.FromMinutes(6), 9)], [], []);
        var decision = Decide(view, memory);
        Assert.Equal(3, decision.Desired);
        Assert.Contains(decision.Conditions, c => c.Reason == "ScaleDownStabilized");
    }

    [Fact]
    public void Decide_BehaviorPolicies_LimitTheRateOverTheirPeriod()
    {
        // At most 2 pods per minute; one was added 30 s ago: from 4 that began as 3, at most 5.
        var rules = new ScalingRules(ScalingSelect.Max, [new(Percent: false, 2, TimeSpan.FromMinutes(1))], TimeSpan.Zero);
        var view = View([.. Enumerable.Range(0, 4).Select(n => Pod(n, 200))], 50);
        view = view with { Spec = view.Spec with { Behavior = new(rules, HorizontalPodAutoscalerBehavior.DefaultDown) } };
        var memory = Old(4) with { ScaledUp = [new(Now - TimeSpan.FromSeconds(30), 1)] };
        var decision = Decide(view, memory);
        Assert.Equal(5, decision.Desired);
        Assert.Contains(decision.Conditions, c => c.Reason == "ScaleUpLimit");
    }

    [Fact]
    public void Decide_SeveralMetrics_TheLargestWins()
    {
        var pods = new[] { Pod(0, 100), Pod(1, 100) };
        var view = View(pods, 50);
        view = view with { Spec = view.Spec with { Metrics = [new("cpu", null, 50, null), new("cpu", null, null, 25)] } };
        Assert.Equal("cpu resource above target", Decide(view, Old(2)).Reason);   // 4 by utilisation, 8 (limited to 4) by average
    }

    [Fact]
    public void Decide_AnyView_StaysWithinTheRangeAndNeverMovesAgainstTheLoad() =>
        Gen.Select(Gen.Int[1, 20], Gen.Int[1, 10], Gen.Int[0, 20], Gen.Int[0, 400].Array[1, 20], Gen.Int[1, 100]).Sample((current, min, extra, used, target) =>
        {
            var pods = used.Select((u, n) => Pod(n, u > 390 ? null : u)).ToList();
            var view = View(pods, target);
            view = view with { CurrentReplicas = current, Spec = view.Spec with { MinReplicas = min, MaxReplicas = min + extra } };
            var decision = Decide(view, HorizontalPodAutoscalerMemory.Empty);
            if (!decision.Failed)
            {
                Assert.InRange(decision.Desired, min, min + extra);
            }

            var sampled = pods.Where(p => p.Usage is not null).ToList();
            if (sampled.Count == pods.Count && pods.Count == current && current >= min && current <= min + extra)
            {
                var percent = sampled.Average(p => p.Usage!.Usage[("web", "cpu")]);
                Assert.False(percent > target * 1.15 && decision.Desired < current, "shrank under load");
                Assert.False(percent < target * 0.85 && decision.Desired > current, "grew without load");
            }
        });

    private static HorizontalPodAutoscalerDecision Decide(HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory) =>
        HorizontalPodAutoscalerAlgorithm.Decide(view, memory);

    /// <summary>A memory whose recommendations do not hold the decision back.</summary>
    private static HorizontalPodAutoscalerMemory Old(int replicas) => new([new(Now - TimeSpan.FromHours(1), replicas)], [], []);

    private static HorizontalPodAutoscalerView View(IReadOnlyList<HorizontalPodAutoscalerPod> pods, int target) =>
        new(Now, pods.Count, new(1, 10, [new("cpu", null, target, null)]), pods, HorizontalPodAutoscalerLimits.Default);

    private static HorizontalPodAutoscalerPod Pod(int number, int? usedMilli) => new(
        $"p{number}", "Running", Deleting: false, Now - TimeSpan.FromHours(1), Ready: true, Now - TimeSpan.FromMinutes(59),
        new Dictionary<(string, string), long> { [("web", "cpu")] = 100 },
        usedMilli is { } used ? new(Now, Window, new Dictionary<(string, string), long> { [("web", "cpu")] = used }) : null)
    {
        Containers = ["web"],
    };
}
