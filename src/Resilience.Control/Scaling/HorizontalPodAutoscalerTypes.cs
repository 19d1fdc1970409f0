namespace Resilience.Control.Scaling;

/// <summary>Everything one decision of a HorizontalPodAutoscaler rests on, read at one moment.</summary>
/// <param name="Now">The moment; all windows count back from it.</param>
/// <param name="CurrentReplicas">What the target asks for now (spec.replicas), not what runs.</param>
/// <param name="Pods">Pods of the target's selector.</param>
public sealed record HorizontalPodAutoscalerView(
    DateTimeOffset Now,
    int CurrentReplicas,
    HorizontalPodAutoscalerSpec Spec,
    IReadOnlyList<HorizontalPodAutoscalerPod> Pods,
    HorizontalPodAutoscalerLimits Limits);

public sealed record HorizontalPodAutoscalerSpec(
    int MinReplicas,
    int MaxReplicas,
    IReadOnlyList<HorizontalPodAutoscalerMetric> Metrics)
{
    /// <summary>Null: the default windows and rates of a HorizontalPodAutoscaler without <c>behavior</c>.</summary>
    public HorizontalPodAutoscalerBehavior? Behavior { get; init; }
}

/// <summary>One metric of the spec.</summary>
/// <param name="Resource"><c>cpu</c> or <c>memory</c>.</param>
/// <param name="Container">Null: all containers of the pod.</param>
/// <param name="Utilization">Target as a percentage of what the pods request; null when an average value is meant.</param>
/// <param name="AverageMilli">Target per pod in thousandths of a core or byte; null when utilisation is meant.</param>
public sealed record HorizontalPodAutoscalerMetric(string Resource, string? Container, int? Utilization, long? AverageMilli)
{
    /// <summary>Set for kinds that need a metrics API which is not there; the metric then always fails with this sentence.</summary>
    public string? Unavailable { get; init; }

    /// <summary>Reason of the condition and event when the metric cannot be read.</summary>
    public string FailureReason { get; init; } = Container is null ? "FailedGetResourceMetric" : "FailedGetContainerResourceMetric";
}

public enum ScalingSelect
{
    Max,
    Min,
    Disabled,
}

/// <param name="Percent">Whether <paramref name="Value"/> is a percentage of the replicas at the start of the period, else pods.</param>
public sealed record ScalingPolicy(bool Percent, int Value, TimeSpan Period);

/// <param name="Stabilization">Null: none upwards; downwards the limit's default.</param>
/// <param name="Tolerance">Null: the limit's default.</param>
public sealed record ScalingRules(
    ScalingSelect Select, IReadOnlyList<ScalingPolicy> Policies, TimeSpan? Stabilization = null, double? Tolerance = null);

public sealed record HorizontalPodAutoscalerBehavior(ScalingRules ScaleUp, ScalingRules ScaleDown)
{
    /// <summary>What the API fills in where a behaviour is silent.</summary>
    public static readonly ScalingRules DefaultUp = new(
        ScalingSelect.Max,
        [new(Percent: false, 4, TimeSpan.FromSeconds(15)), new(Percent: true, 100, TimeSpan.FromSeconds(15))],
        TimeSpan.Zero);

    public static readonly ScalingRules DefaultDown = new(ScalingSelect.Max, [new(Percent: true, 100, TimeSpan.FromSeconds(15))]);
}

/// <summary>A pod as the autoscaler sees it.</summary>
/// <param name="Ready">Status of the Ready condition; null when there is none yet.</param>
/// <param name="ReadyChanged">When that status last changed.</param>
/// <param name="Requests">Requested thousandths by container and resource.</param>
/// <param name="Usage">The newest sample, or null.</param>
public sealed record HorizontalPodAutoscalerPod(
    string Name,
    string Phase,
    bool Deleting,
    DateTimeOffset? Started,
    bool? Ready,
    DateTimeOffset ReadyChanged,
    IReadOnlyDictionary<(string Container, string Resource), long> Requests,
    PodResourceSample? Usage)
{
    public IReadOnlyList<string> Containers { get; init; } = [];
}

/// <param name="Timestamp">End of the window.</param>
/// <param name="Usage">Used thousandths by container and resource.</param>
public sealed record PodResourceSample(
    DateTimeOffset Timestamp, TimeSpan Window, IReadOnlyDictionary<(string Container, string Resource), long> Usage);

/// <summary>The controller's own settings; defaults are those of kube-controller-manager.</summary>
public sealed record HorizontalPodAutoscalerLimits
{
    public static readonly HorizontalPodAutoscalerLimits Default = new();

    public double Tolerance { get; init; } = 0.1;

    /// <summary>For so long after a pod's start, its processor samples count only when taken wholly while it was ready.</summary>
    public TimeSpan CpuInitializationPeriod { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A pod that became unready within this time after its start has never been ready.</summary>
    public TimeSpan DelayOfInitialReadiness { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan DownscaleStabilization { get; init; } = TimeSpan.FromMinutes(5);
}

public readonly record struct TimedReplicas(DateTimeOffset At, int Replicas);

/// <summary>What an autoscaler remembers between decisions; nothing of it can be read back from the cluster.</summary>
public sealed record HorizontalPodAutoscalerMemory(
    IReadOnlyList<TimedReplicas> Recommendations, IReadOnlyList<TimedReplicas> ScaledUp, IReadOnlyList<TimedReplicas> ScaledDown)
{
    public static readonly HorizontalPodAutoscalerMemory Empty = new([], [], []);

    /// <summary>Notes that the target was resized.</summary>
    public HorizontalPodAutoscalerMemory AfterRescale(DateTimeOffset at, int from, int to) => to > from
        ? this with { ScaledUp = [.. ScaledUp, new(at, to - from)] }
        : this with { ScaledDown = [.. ScaledDown, new(at, from - to)] };
}

public sealed record ScalingCondition(string Type, bool Status, string Reason, string Message);

/// <param name="Warning">Else a Normal event.</param>
public sealed record ScalingEvent(bool Warning, string Reason, string Message);

/// <param name="AverageMilli">Per pod, in thousandths.</param>
/// <param name="Utilization">Percentage of the requests; null for average-value metrics.</param>
public sealed record ScalingMetricStatus(HorizontalPodAutoscalerMetric Metric, long AverageMilli, int? Utilization);

/// <param name="Desired">Replicas to ask for; equal to the current number when nothing is to change.</param>
/// <param name="Reason">Why, as the SuccessfulRescale event words it; empty when nothing changes.</param>
/// <param name="Metrics">One entry per metric of the spec, null where it could not be read; empty when none was computed.</param>
/// <param name="Failed">The metrics could not tell; status keeps its desired number.</param>
public sealed record HorizontalPodAutoscalerDecision(
    int Desired,
    string Reason,
    IReadOnlyList<ScalingCondition> Conditions,
    IReadOnlyList<ScalingEvent> Events,
    IReadOnlyList<ScalingMetricStatus?> Metrics,
    HorizontalPodAutoscalerMemory Memory,
    bool Failed = false);
