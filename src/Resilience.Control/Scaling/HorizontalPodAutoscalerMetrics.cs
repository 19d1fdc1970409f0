namespace Resilience.Control.Scaling;

/// <summary>How many replicas one metric asks for. Pure.</summary>
internal static class HorizontalPodAutoscalerMetrics
{
    /// <param name="Replicas">The proposal; meaningless when <paramref name="Failure"/> is set.</param>
    /// <param name="Failure">Why the metric cannot tell, in the words of the event.</param>
    internal readonly record struct Proposal(int Replicas, ScalingMetricStatus? Status, string? Failure);

    private enum PodState
    {
        Counted,
        Ignored,
        Unready,
        Missing,
    }

    public static Proposal Propose(HorizontalPodAutoscalerView view, HorizontalPodAutoscalerMetric metric)
    {
        var prefix = metric.Utilization is null
            ? $"failed to get {metric.Resource} {(metric.Container is null ? "usage" : "container usage")}: "
            : $"failed to get {metric.Resource} utilization: ";
        if (metric.Unavailable is { } why)
        {
            return new(0, null, why);
        }

        if (view.Pods.All(p => p.Usage is null))
        {
            return new(0, null, $"{prefix}unable to get metrics for resource {metric.Resource}: no metrics returned from resource metrics API");
        }

        var states = view.Pods.Select(p => (Pod: p, State: Classify(p, metric, view))).ToList();
        var counted = states.Where(s => s.State == PodState.Counted).Select(s => s.Pod).ToList();
        if (metric.Utilization is not null
            && states.Where(s => s.State != PodState.Ignored).Select(s => MissingRequest(s.Pod, metric)).FirstOrDefault(m => m is not null) is { } missing)
        {
            return new(0, null, prefix + missing);
        }

        if (counted.Count == 0)
        {
            return new(0, null, prefix + "did not receive metrics for targeted pods (pods might be unready)");
        }

        var usage = counted.ToDictionary(p => p.Name, p => UsageOf(p, metric)!.Value, StringComparer.Ordinal);
        var requests = view.Pods.ToDictionary(p => p.Name, p => RequestOf(p, metric), StringComparer.Ordinal);
        var (ratio, utilization) = Ratio(metric, usage, requests);
        var status = new ScalingMetricStatus(metric, usage.Values.Sum() / usage.Count, utilization);
        return new(Replicas(view, metric, states, usage, requests, ratio, counted.Count), status, null);
    }

    private static int Replicas(
        HorizontalPodAutoscalerView view,
        HorizontalPodAutoscalerMetric metric,
        List<(HorizontalPodAutoscalerPod Pod, PodState State)> states,
        Dictionary<string, long> usage,
        Dictionary<string, long> requests,
        double ratio,
        int readyPods)
    {
        var missing = states.Where(s => s.State == PodState.Missing).Select(s => s.Pod).ToList();
        var unready = states.Where(s => s.State == PodState.Unready).Select(s => s.Pod).ToList();
        var countUnready = unready.Count > 0 && ratio > 1;
        if (!countUnready && missing.Count == 0)
        {
            return WithinTolerance(view, ratio) ? view.CurrentReplicas : Ceiling(ratio * readyPods);
        }

        // Pods without a sample must not exaggerate a move: on the way down they count as busy, on the way up as idle.
        foreach (var pod in missing)
        {
            if (ratio < 1)
            {
                usage[pod.Name] = metric.Utilization is { } target ? requests[pod.Name] * Math.Max(100, target) / 100 : metric.AverageMilli!.Value;
            }
            else if (ratio > 1)
            {
                usage[pod.Name] = 0;
            }
        }

        if (countUnready)
        {
            foreach (var pod in unready)
            {
                usage[pod.Name] = 0;
            }
        }

        var (corrected, _) = Ratio(metric, usage, requests);
        if (WithinTolerance(view, corrected) || (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1))
        {
            return view.CurrentReplicas;
        }

        var proposal = Ceiling(corrected * usage.Count);
        return (corrected < 1 && proposal > view.CurrentReplicas) || (corrected > 1 && proposal < view.CurrentReplicas)
            ? view.CurrentReplicas : proposal;
    }

    private static PodState Classify(HorizontalPodAutoscalerPod pod, HorizontalPodAutoscalerMetric metric, HorizontalPodAutoscalerView view)
    {
        if (pod.Deleting || pod.Phase == "Failed")
        {
            return PodState.Ignored;
        }

        if (pod.Phase == "Pending")
        {
            return PodState.Unready;
        }

        if (UsageOf(pod, metric) is null)
        {
            return PodState.Missing;
        }

        return metric.Resource == "cpu" && IsUnready(pod, view) ? PodState.Unready : PodState.Counted;
    }

    private static bool IsUnready(HorizontalPodAutoscalerPod pod, HorizontalPodAutoscalerView view)
    {
        if (pod is not { Ready: { } ready, Started: { } started })
        {
            return true;
        }

        var sample = pod.Usage!;
        return view.Now < started + view.Limits.CpuInitializationPeriod
            ? !ready || sample.Timestamp < pod.ReadyChanged + sample.Window
            : !ready && pod.ReadyChanged < started + view.Limits.DelayOfInitialReadiness;
    }

    /// <summary>Null when a container has no sample: half a pod would look like an idle one.</summary>
    private static long? UsageOf(HorizontalPodAutoscalerPod pod, HorizontalPodAutoscalerMetric metric)
    {
        if (pod.Usage is not { } sample)
        {
            return null;
        }

        long sum = 0;
        var any = false;
        foreach (var ((container, resource), value) in sample.Usage)
        {
            if (resource == metric.Resource && (metric.Container is null || metric.Container == container))
            {
                sum += value;
                any = true;
            }
        }

        return any ? sum : null;
    }

    private static long RequestOf(HorizontalPodAutoscalerPod pod, HorizontalPodAutoscalerMetric metric) => pod.Requests
        .Where(r => r.Key.Resource == metric.Resource && (metric.Container is null || metric.Container == r.Key.Container))
        .Sum(r => r.Value);

    private static string? MissingRequest(HorizontalPodAutoscalerPod pod, HorizontalPodAutoscalerMetric metric)
    {
        var containers = metric.Container is { } one ? [one] : pod.Containers;
        return containers.FirstOrDefault(c => !pod.Requests.ContainsKey((c, metric.Resource))) is { } container
            ? $"missing request for {metric.Resource} in container {container} of Pod {pod.Name}" : null;
    }

    private static (double Ratio, int? Utilization) Ratio(
        HorizontalPodAutoscalerMetric metric, Dictionary<string, long> usage, Dictionary<string, long> requests)
    {
        if (metric.Utilization is { } target)
        {
            var asked = usage.Keys.Sum(name => requests[name]);
            var percent = asked == 0 ? 0 : (int)(usage.Values.Sum() * 100 / asked);
            return ((double)percent / target, percent);
        }

        return ((double)(usage.Values.Sum() / usage.Count) / metric.AverageMilli!.Value, null);
    }

    private static bool WithinTolerance(HorizontalPodAutoscalerView view, double ratio)
    {
        var down = view.Spec.Behavior?.ScaleDown.Tolerance ?? view.Limits.Tolerance;
        var up = view.Spec.Behavior?.ScaleUp.Tolerance ?? view.Limits.Tolerance;
        return ratio >= 1 - down && ratio <= 1 + up;
    }

    private static int Ceiling(double value) => value >= int.MaxValue ? int.MaxValue : (int)Math.Ceiling(value);
}
