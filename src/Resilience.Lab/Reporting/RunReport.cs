using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.Lab.Reporting;

/// <summary>report.json. Fields are only ever added; readers in other tools rely on the names.</summary>
internal sealed record RunReport
{
    public int SchemaVersion { get; init; } = 1;

    public required string Experiment { get; init; }

    /// <summary>pass, fail or aborted.</summary>
    public required string Verdict { get; init; }

    public required int Seed { get; init; }

    /// <summary>embedded or kubernetes: an embedded figure is never presented as one of a real cluster.</summary>
    public required string Cluster { get; init; }

    /// <summary>lab: from the machine that measured; job: from a pod of the cluster.</summary>
    public string LoadFrom { get; init; } = "lab";

    /// <summary>Seconds of the experiment's clock in a second of the wall clock. All times in a report are on the wall clock unless their name says planning.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Folder of k8s/ that was applied: traditional or intelligent.</summary>
    public string Overlay { get; init; } = "traditional";

    /// <summary>Which of the experiment's variants this was.</summary>
    public string? Variant { get; init; }

    public string? VariantTitle { get; init; }

    /// <summary>Seconds at the start of the load that count for no figure of scaling, cost, SLO or forecast.</summary>
    public double WarmUpSeconds { get; init; }

    public SloReport Slo { get; init; } = new(0.01, 500);

    /// <summary>Modelled capacity of one pod, in requests per second; null when none is set.</summary>
    public double? CapacityRps { get; init; }

    /// <summary>What the scaling agent decided, oldest first; empty without one.</summary>
    public IReadOnlyList<DecisionReport> Decisions { get; init; } = [];

    public required IReadOnlyList<FaultReport> Faults { get; init; }

    public required IReadOnlyList<FailoverReport> Failovers { get; init; }

    public required LoadReport Load { get; init; }

    public required ScalingReport Scaling { get; init; }

    public required CostReport Cost { get; init; }

    public required IReadOnlyList<ExpectationReport> Expectations { get; init; }

    public required string Title { get; init; }

    public required string Description { get; init; }

    public required string Hypothesis { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>events or polling.</summary>
    public required string Detection { get; init; }

    public string? AbortReason { get; init; }

    public required RecoveryReport Recovery { get; init; }

    public required EnvironmentReport Environment { get; init; }

    /// <summary>What happened, in words and in order.</summary>
    public required IReadOnlyList<TimelineEntry> Timeline { get; init; }

    public required IReadOnlyList<SecondReport> Seconds { get; init; }
}

/// <param name="Target">The slot that was hit, or the pod of the leading watcher.</param>
/// <param name="ForSeconds">Zero: it happened once.</param>
internal sealed record FaultReport(string Kind, string Target, double AtSeconds, double ForSeconds);

/// <summary>One move of traffic. Instants are seconds since the load began; spans are from the fault, or from the decision without one.</summary>
internal sealed record FailoverReport
{
    public required string Kind { get; init; }

    public required string From { get; init; }

    public required string To { get; init; }

    /// <summary>Fault to the watcher's certainty.</summary>
    public required double DetectMs { get; init; }

    public required double DecideMs { get; init; }

    public required double PatchMs { get; init; }

    /// <summary>Longest interval without a successful request between fault (or decision) and recovery, seen from the client.</summary>
    public required double ClientGapMs { get; init; }

    /// <summary>Last good reply of the old slot after the fault (or decision); 0 when none came.</summary>
    public required double LastOldReplyMs { get; init; }

    public required long FailedRequests { get; init; }

    public required string Reason { get; init; }

    public double? FaultAtSeconds { get; init; }

    public double? DetectedAtSeconds { get; init; }

    public double? DecidedAtSeconds { get; init; }

    public required double PatchedAtSeconds { get; init; }

    public double? FirstFailureAtSeconds { get; init; }

    public double? FirstGoodAtSeconds { get; init; }

    public double? LastOldReplyAtSeconds { get; init; }

    /// <summary>The last good reply before the longest wait.</summary>
    public double? WaitFromSeconds { get; init; }

    /// <summary>The first good reply after it.</summary>
    public double? WaitUntilSeconds { get; init; }
}

internal sealed record LoadReport
{
    public required long Requests { get; init; }

    public required long Failed { get; init; }

    public required double ErrorRatio { get; init; }

    public required double Rps { get; init; }

    public required double P50Ms { get; init; }

    public required double P95Ms { get; init; }

    public required double P99Ms { get; init; }

    public required double P999Ms { get; init; }

    public required double MaxMs { get; init; }

    public required double LongestGapMs { get; init; }

    public required IReadOnlyDictionary<string, long> PerSlot { get; init; }

    /// <summary>Failed requests that no failover explains.</summary>
    public required long FailedOutsideGaps { get; init; }
}

/// <param name="ErrorRatio">A second with a larger share of failed requests is outside the SLO.</param>
/// <param name="P95Ms">And so is one with a larger p95.</param>
internal sealed record SloReport(double ErrorRatio, double P95Ms);

/// <summary>One decision of the scaling agent, held against what came.</summary>
/// <param name="AtSeconds">When it was made, in seconds of the load on the wall clock.</param>
/// <param name="PlanningTime">The same instant on the agent's clock.</param>
/// <param name="Demand">Requests per second in the newest interval it knew.</param>
/// <param name="TargetFromSeconds">Begin of the interval that its forecast speaks of, the last of its lead.</param>
/// <param name="Actual">Requests per second that users asked for in that interval; null when it is not over.</param>
internal sealed record DecisionReport(
    long? Number, double AtSeconds, DateTimeOffset PlanningTime, double? Demand, int? Floor, string? Reason, string? Stage,
    double? P50, double? P99, double TargetFromSeconds, double TargetUntilSeconds, double? Actual)
{
    /// <summary>Chance of too little capacity before the lead is over, as the agent saw it.</summary>
    public double? Risk { get; init; }

    /// <summary>What its budget took away.</summary>
    public string? GivenUp { get; init; }

    public int PodsWithoutRoom { get; init; }
}

/// <param name="ScaleUpLatencySeconds">The longest time in which the load was more than the Ready pods can do, until enough were Ready; null when it never was.</param>
/// <param name="ReplicaHours">Pods of both slots times the wall-clock hours they existed.</param>
/// <param name="SloViolationSeconds">Seconds outside <see cref="RunReport.Slo"/>.</param>
/// <param name="ForecastWape">Sum of what the forecasts' p50 were off, as a share of what came; null without forecasts.</param>
internal sealed record ScalingReport(
    double? ScaleUpLatencySeconds, double ReplicaHours, double SloViolationSeconds, double? ForecastWape, int PeakReplicas, int EndReplicas)
{
    /// <summary>Every change of a slot's wanted pods; a slot that a drill takes to zero and back was not scaled.</summary>
    public IReadOnlyList<ScalingEventReport> Events { get; init; } = [];

    /// <summary>All seconds in which the load was more than the Ready pods can do; null without a modelled capacity.</summary>
    public double? ShortOfCapacitySeconds { get; init; }

    /// <summary>Pods that no node had room for, times the seconds they waited.</summary>
    public double UnschedulablePodSeconds { get; init; }

    /// <summary>Largest and smallest floor that the scaling agent asked for.</summary>
    public int? HighestFloor { get; init; }

    public int? LowestFloor { get; init; }

    /// <summary>Share of outcomes at or below their forecast's p99.</summary>
    public double? ForecastCoverage99 { get; init; }
}

/// <param name="UsdPerMillionBefore">Cost of a million good requests since the event before (or the start); null when none was answered.</param>
/// <param name="UsdPerMillionAfter">The same until the next event (or the end).</param>
internal sealed record ScalingEventReport(double AtSeconds, string Slot, int From, int To, double? UsdPerMillionBefore, double? UsdPerMillionAfter);

/// <summary>Measured replica-time at a stated price; an estimate, not a bill.</summary>
/// <param name="UsdPerMillionGoodRequests">Null when no request was answered: the money bought nothing.</param>
/// <param name="UsdPerMillionBefore">Until the first scaling event; null without one.</param>
/// <param name="UsdPerMillionAfter">From the last scaling event on; null without one.</param>
internal sealed record CostReport(double Usd, double? UsdPerMillionGoodRequests, double? UsdPerMillionBefore, double? UsdPerMillionAfter, string Basis);

internal sealed record ExpectationReport(string Name, string Expected, string Actual, bool Pass);

/// <param name="Seconds">From the last fault's end until both slots were as before; null when they never were.</param>
internal sealed record RecoveryReport(bool Recovered, double? Seconds, string ActiveAtStart, string ActiveAtEnd);

internal sealed record EnvironmentReport(int Cores, double MemoryGiB, string Os, string Runtime, string Lab, string Note);

/// <param name="Kind">load, fault, restore, move, event, pods, floor, abort or note.</param>
internal sealed record TimelineEntry(double AtSeconds, string Kind, string Text);

/// <summary>One second of the load as users saw it, with the pods that served.</summary>
internal sealed record SecondReport(int Second, long Ok, long Failed, double P50Ms, double P99Ms, long Blue, long Green, int BlueReady, int GreenReady)
{
    public double P95Ms { get; init; }

    public int BlueWanted { get; init; }

    public int GreenWanted { get; init; }

    /// <summary>Pods of both slots on the node.</summary>
    public int Pods { get; init; }

    /// <summary>Pods of both slots that the node has no room for.</summary>
    public int Unschedulable { get; init; }

    /// <summary>False in a second outside the SLO.</summary>
    public bool WithinSlo { get; init; } = true;
}

/// <summary>The same load on clusters that differ.</summary>
/// <param name="Comparisons">What had to hold between the variants.</param>
internal sealed record VariantsReport(
    int SchemaVersion, string Experiment, string Verdict, int Seed, double TimeScale, string Title, string Description, IReadOnlyList<ExpectationReport> Comparisons, IReadOnlyList<RunReport> Variants);

/// <summary>What <c>--repeat</c> prints of an experiment with variants.</summary>
internal sealed record RepeatVariantsReport(int SchemaVersion, string Experiment, int Passed, IReadOnlyList<VariantsReport> Runs);

/// <summary>What <c>--repeat</c> prints.</summary>
internal sealed record RepeatReport(int SchemaVersion, IReadOnlyList<RunReport> Runs, RepeatSummary Summary);

internal sealed record RepeatSummary
{
    public required string Experiment { get; init; }

    public required int Runs { get; init; }

    public required int Passed { get; init; }

    public required double? ClientGapMsMedian { get; init; }

    public required double? ClientGapMsWorst { get; init; }

    public required double ErrorRatioMedian { get; init; }

    public required double ErrorRatioWorst { get; init; }

    public required long FailedMedian { get; init; }

    public required long FailedWorst { get; init; }

    public required double P99MsMedian { get; init; }

    public required double P99MsWorst { get; init; }
}

/// <summary>What <c>--compare</c> prints: the shipped watcher and the baseline, same load, same faults.</summary>
internal sealed record CompareReport(int SchemaVersion, RunReport Events, RunReport Polling);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(RunReport))]
[JsonSerializable(typeof(RepeatReport))]
[JsonSerializable(typeof(CompareReport))]
[JsonSerializable(typeof(VariantsReport))]
[JsonSerializable(typeof(RepeatVariantsReport))]
internal sealed partial class ReportJson : JsonSerializerContext
{
    /// <summary>Text in reports is for people: no \u escapes for arrows and quotes.</summary>
    public static ReportJson Readable { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
