using System.Globalization;

namespace Resilience.Control.Scaling;

/// <summary>
/// The decision of a HorizontalPodAutoscaler (autoscaling/v2), shared by the embedded cluster's controller and the simulator.
/// </summary>
/// <remarks>Source: the algorithm as documented by Kubernetes; conditions, reasons and messages are those a real cluster shows.</remarks>
public static class HorizontalPodAutoscalerAlgorithm
{
    private const int ScaleUpFactorWithoutBehavior = 2;
    private const int ScaleUpMinimumWithoutBehavior = 4;
    private static readonly ScalingCondition WithinRange =
        new("ScalingLimited", false, "DesiredWithinRange", "the desired count is within the acceptable range");

    /// <summary>Chooses a size from one view. Pure: no clock, no IO, no randomness.</summary>
    /// <param name="memory">What the decision before returned, with <see cref="HorizontalPodAutoscalerMemory.AfterRescale"/> applied.</param>
    public static HorizontalPodAutoscalerDecision Decide(HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(memory);
        var current = view.CurrentReplicas;
        var spec = view.Spec;
        if (memory.Recommendations.Count == 0)
        {
            memory = memory with { Recommendations = [new(view.Now, current)] };
        }

        var able = new ScalingCondition("AbleToScale", true, "SucceededGetScale", "the HPA controller was able to get the target's current scale");
        if (current == 0 && spec.MinReplicas != 0)
        {
            return new(0, "", [able, new("ScalingActive", false, "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")],
                [], [], memory);
        }

        if (current > spec.MaxReplicas)
        {
            return new(spec.MaxReplicas, "Current number of replicas above Spec.MaxReplicas", [able], [], [], memory);
        }

        return current < spec.MinReplicas
            ? new(spec.MinReplicas, "Current number of replicas below Spec.MinReplicas", [able], [], [], memory)
            : FromMetrics(view, memory, able);
    }

    private static HorizontalPodAutoscalerDecision FromMetrics(
        HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory, ScalingCondition able)
    {
        var metrics = view.Spec.Metrics;
        var proposals = metrics.Select(m => HorizontalPodAutoscalerMetrics.Propose(view, m)).ToList();
        var statuses = proposals.Select(p => p.Status).ToList();
        var events = new List<ScalingEvent>();
        for (var index = 0; index < metrics.Count; index++)
        {
            if (proposals[index].Failure is { } failure)
            {
                events.Add(new(true, metrics[index].FailureReason, failure));
            }
        }

        var failed = proposals.FindIndex(p => p.Failure is not null);
        var best = proposals.FindIndex(p => p.Failure is null);
        for (var index = 0; index < proposals.Count; index++)
        {
            best = proposals[index].Failure is null && proposals[index].Replicas > proposals[best].Replicas ? index : best;
        }

        // A metric that cannot be read may hide a need, so the others may then scale up but not down.
        if (failed >= 0 && (best < 0 || proposals[best].Replicas < view.CurrentReplicas))
        {
            var metric = metrics[failed];
            var invalid = events.Count.ToString(CultureInfo.InvariantCulture);
            var kind = metric.Unavailable is not null ? "" : $"failed to get {NameOf(metric, brief: true)} metric value: ";
            events.Add(new(true, "FailedComputeMetricsReplicas",
                $"invalid metrics ({invalid} invalid out of {metrics.Count}), first error is: {kind}{proposals[failed].Failure}"));
            return new(view.CurrentReplicas, "",
                [able, new("ScalingActive", false, metric.FailureReason, $"the HPA was unable to compute the replica count: {proposals[failed].Failure}")],
                events, statuses, memory, Failed: true);
        }

        var active = new ScalingCondition("ScalingActive", true, "ValidMetricFound",
            $"the HPA was able to successfully calculate a replica count from {NameOf(metrics[best], brief: false)}");
        var wanted = proposals[best].Replicas;
        var reason = wanted > view.CurrentReplicas ? $"{NameOf(metrics[best], brief: false)} above target"
            : wanted < view.CurrentReplicas ? "All metrics below target" : "";
        var (stable, condition, remembered) = Stabilize(view, memory, wanted);
        var (limited, range) = Limit(view, remembered, stable);
        return new(limited, limited == view.CurrentReplicas ? "" : reason, [condition, active, range], events, statuses, remembered);
    }

    /// <summary>Takes the most cautious recommendation of each window: the lowest on the way up, the highest on the way down.</summary>
    private static (int Replicas, ScalingCondition Condition, HorizontalPodAutoscalerMemory Memory) Stabilize(
        HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory, int wanted)
    {
        var upWindow = view.Spec.Behavior?.ScaleUp.Stabilization ?? TimeSpan.Zero;
        var downWindow = view.Spec.Behavior?.ScaleDown.Stabilization ?? view.Limits.DownscaleStabilization;
        var (lowest, highest) = (wanted, wanted);
        foreach (var past in memory.Recommendations)
        {
            lowest = past.At > view.Now - upWindow ? Math.Min(lowest, past.Replicas) : lowest;
            highest = past.At > view.Now - downWindow ? Math.Max(highest, past.Replicas) : highest;
        }

        int stable;
        if (view.Spec.Behavior is null)
        {
            stable = highest;
        }
        else
        {
            stable = Math.Max(view.CurrentReplicas, lowest);
            stable = Math.Min(stable, highest);
        }

        var longest = upWindow > downWindow ? upWindow : downWindow;
        var kept = memory.Recommendations.Where(r => r.At > view.Now - longest).Append(new(view.Now, wanted)).ToList();
        var up = view.Spec.Behavior is not null && wanted >= view.CurrentReplicas;
        var condition = stable == wanted
            ? new ScalingCondition("AbleToScale", true, "ReadyForNewScale", "recommended size matches current size")
            : up
                ? new("AbleToScale", true, "ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation")
                : new("AbleToScale", true, "ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation");
        return (stable, condition, memory with { Recommendations = kept });
    }

    private static (int Replicas, ScalingCondition Condition) Limit(HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory, int wanted)
    {
        var (current, spec) = (view.CurrentReplicas, view.Spec);
        int fastest;
        var slowest = 0;
        if (spec.Behavior is { } behavior)
        {
            fastest = wanted > current ? Math.Max(current, UpLimit(view, memory, behavior.ScaleUp)) : int.MaxValue;
            slowest = wanted < current ? Math.Min(current, DownLimit(view, memory, behavior.ScaleDown)) : 0;
        }
        else
        {
            fastest = Math.Max(ScaleUpFactorWithoutBehavior * current, ScaleUpMinimumWithoutBehavior);
        }

        if (wanted > Math.Min(spec.MaxReplicas, fastest))
        {
            return spec.MaxReplicas <= fastest
                ? (spec.MaxReplicas, new("ScalingLimited", true, "TooManyReplicas", "the desired replica count is more than the maximum replica count"))
                : (fastest, new("ScalingLimited", true, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"));
        }

        if (wanted < Math.Max(spec.MinReplicas, slowest))
        {
            return spec.MinReplicas >= slowest
                ? (spec.MinReplicas, new("ScalingLimited", true, "TooFewReplicas", "the desired replica count is less than the minimum replica count"))
                : (slowest, new("ScalingLimited", true, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"));
        }

        return (wanted, WithinRange);
    }

    private static int UpLimit(HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory, ScalingRules rules)
    {
        if (rules.Select == ScalingSelect.Disabled || rules.Policies.Count == 0)
        {
            return view.CurrentReplicas;
        }

        var limits = rules.Policies.Select(policy =>
        {
            var start = AtStart(view, memory, policy.Period);
            return policy.Percent ? (int)Math.Ceiling(start * (1 + (policy.Value / 100.0))) : start + policy.Value;
        });
        return rules.Select == ScalingSelect.Min ? limits.Min() : limits.Max();
    }

    private static int DownLimit(HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory, ScalingRules rules)
    {
        if (rules.Select == ScalingSelect.Disabled || rules.Policies.Count == 0)
        {
            return view.CurrentReplicas;
        }

        var limits = rules.Policies.Select(policy =>
        {
            var start = AtStart(view, memory, policy.Period);
            return policy.Percent ? (int)(start * (1 - (policy.Value / 100.0))) : start - policy.Value;
        });
        return rules.Select == ScalingSelect.Min ? limits.Max() : limits.Min();
    }

    /// <summary>Replicas when the period began: what this autoscaler has added and taken since is undone.</summary>
    private static int AtStart(HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMemory memory, TimeSpan period)
    {
        var since = view.Now - period;
        return view.CurrentReplicas
            - memory.ScaledUp.Where(e => e.At > since).Sum(e => e.Replicas)
            + memory.ScaledDown.Where(e => e.At > since).Sum(e => e.Replicas);
    }

    private static string NameOf(HorizontalPodAutoscalerMetric metric, bool brief) =>
        (metric.Resource, metric.Container, metric.Utilization) switch
        {
            var (resource, container, _) when brief => $"{resource} {(container is null ? "resource" : "container resource")}",
            (var resource, null, not null) => $"{resource} resource utilization (percentage of request)",
            (var resource, not null, not null) => $"{resource} container resource utilization (percentage of request)",
            (var resource, null, null) => $"{resource} resource",
            (var resource, _, null) => $"{resource} container resource",
        };
}
