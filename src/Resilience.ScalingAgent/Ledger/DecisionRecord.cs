using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Control.Scaling;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>Everything that explains one decision: the body of a <see cref="EntryKind.Decision"/> entry. A null was not known.</summary>
/// <remarks>
/// Durations and instants are read on the planning clock, which runs <see cref="TimeScale"/> times as fast as the wall clock.
/// Later versions only add fields; a change that readers must know of raises <see cref="Version"/>.
/// </remarks>
internal sealed record DecisionRecord
{
    public const int CurrentVersion = 1;

    [JsonPropertyName("v"), JsonPropertyOrder(-1)]
    public int Version { get; init; } = CurrentVersion;

    /// <summary>End of the newest interval that the decision knew.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary><c>Auto</c> or <c>Observe</c>.</summary>
    public required string Mode { get; init; }

    /// <summary>What is scaled, such as <c>BlueGreen web</c>.</summary>
    public required string Target { get; init; }

    /// <summary>Slot that has the traffic; null when the target has no slots or the selector matches neither.</summary>
    public string? ActiveSlot { get; init; }

    /// <summary>Grid step of the demand, in seconds.</summary>
    public required double IntervalSeconds { get; init; }

    /// <summary>Requests per second in the newest interval.</summary>
    public double? Demand { get; init; }

    /// <summary>Why demand is missing or partial.</summary>
    public string? DemandProblem { get; init; }

    public required ForecastRecord Forecast { get; init; }

    public required LeadRecord Lead { get; init; }

    public required CapacityRecord Capacity { get; init; }

    /// <summary>Quantile of demand that must fit the capacity, from the SLO budget: 0.975 for 97.5% of intervals.</summary>
    public required double SloQuantile { get; init; }

    /// <summary>Plans considered, the chosen one included; empty without a forecast.</summary>
    public IReadOnlyList<FloorCandidate> Candidates { get; init; } = [];

    /// <summary>Rules that changed the floor, in order.</summary>
    public IReadOnlyList<FloorAdjustment> Adjustments { get; init; } = [];

    /// <summary>Floor of the decision before; null: the reactive autoscaler was alone.</summary>
    public int? FloorBefore { get; init; }

    /// <summary>Floor decided; null: the reactive autoscaler is alone.</summary>
    public int? Floor { get; init; }

    /// <summary>The Deployment had to be woken from zero replicas.</summary>
    public bool Wake { get; init; }

    /// <summary>One sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>Chance that demand exceeds the floor's capacity before the lead is over, 0 to 1.</summary>
    public double? Risk { get; init; }

    /// <summary>What the budget took away.</summary>
    public string? GivenUp { get; init; }

    public required CostRecord Cost { get; init; }

    /// <summary>Declared peaks and blackouts that were in force, or began before the lead was over.</summary>
    public IReadOnlyList<PlannedEventRecord> PlannedEvents { get; init; } = [];

    /// <summary>Pods that no node had room for.</summary>
    public int PodsWithoutRoom { get; init; }

    /// <summary>What was written, or tried.</summary>
    public IReadOnlyList<WriteRecord> Writes { get; init; } = [];

    /// <summary>Why nothing was written; null when something was.</summary>
    public string? WhyNotWritten { get; init; }

    /// <summary>Planning seconds per wall second; 1 outside of experiments.</summary>
    public double TimeScale { get; init; } = 1;

    public JsonElement ToBody() => JsonSerializer.SerializeToElement(this, LedgerJson.Default.DecisionRecord);

    /// <exception cref="JsonException">The body is not a decision.</exception>
    public static DecisionRecord From(JsonElement body) =>
        body.Deserialize(LedgerJson.Default.DecisionRecord) ?? throw new JsonException("the body of a decision is null");
}

/// <summary>What was expected, and how far to trust it.</summary>
internal sealed record ForecastRecord
{
    /// <summary><c>Silent</c>, <c>Warming</c>, <c>Young</c> or <c>Full</c>.</summary>
    public required string Stage { get; init; }

    /// <summary>Why there is no forecast; null when there is one.</summary>
    public string? WhyNone { get; init; }

    /// <summary>Demand at the end of the lead, in requests per second: the middle of what is expected.</summary>
    public double? P50 { get; init; }

    /// <summary>Demand at the end of the lead that 90% of outcomes should not exceed.</summary>
    public double? P90 { get; init; }

    /// <summary>As <see cref="P90"/>, for 95%.</summary>
    public double? P95 { get; init; }

    /// <summary>As <see cref="P90"/>, for 99%.</summary>
    public double? P99 { get; init; }

    /// <summary>Demand that each level of confidence covers until the lead is over, lowest level first; empty without a forecast.</summary>
    public IReadOnlyList<PeakRecord> Peaks { get; init; } = [];

    /// <summary>The pool at the end of the lead, heaviest first.</summary>
    public IReadOnlyList<ModelRecord> Models { get; init; } = [];

    public string? Champion { get; init; }

    /// <summary>Share of the pool, 0 to 1.</summary>
    public double? ChampionShare { get; init; }

    /// <summary>1 - error / error of repeating the last value.</summary>
    public double? SkillAgainstNaive { get; init; }

    /// <summary>1 - error / error of always forecasting the median.</summary>
    public double? SkillAgainstMedian { get; init; }

    /// <summary>For each quantile that is watched: the share of recent outcomes at or below it.</summary>
    public IReadOnlyList<CoverageRecord> Coverage { get; init; } = [];
}

/// <param name="Level">Level of confidence, 0 to 1.</param>
/// <param name="Demand">Requests per second.</param>
internal sealed record PeakRecord(double Level, double Demand);

/// <param name="Weight">Share of the pool, 0 to 1.</param>
/// <param name="MeanAbsoluteError">Requests per second over the error window; null without a record.</param>
/// <param name="InPool">False for a challenger that has not earned its place.</param>
internal sealed record ModelRecord(string Name, double Weight, double? MeanAbsoluteError, bool InPool);

/// <param name="Quantile">What was promised, 0 to 1.</param>
/// <param name="Covered">Share of outcomes at or below it; null before the first outcome.</param>
/// <param name="Outcomes">How many outcomes that is the share of.</param>
internal sealed record CoverageRecord(double Quantile, double? Covered, int Outcomes);

/// <param name="Seconds">From a request for replicas to their service, with the interval that a metric is late.</param>
/// <param name="Basis"><c>given</c>, <c>learned</c>, or <c>assumed</c> before enough start-ups were seen.</param>
internal sealed record LeadRecord(double Seconds, string Basis);

/// <param name="PerReplica">Requests per second that one replica serves well; null when nothing is known.</param>
/// <param name="Basis"><c>given</c>, <c>saturation</c>, <c>latency knee</c>, <c>cpu</c>, <c>highest seen</c> or <c>unknown</c>.</param>
internal sealed record CapacityRecord(double? PerReplica, string Basis);

/// <summary>Prices and money, USD.</summary>
internal sealed record CostRecord
{
    public required double PricePerReplicaHour { get; init; }

    /// <summary>Price of the replicas that run.</summary>
    public double? PerHour { get; init; }

    /// <summary>Spent since the first of the month (UTC).</summary>
    public double? MonthToDate { get; init; }

    /// <summary>Expected by the end of the month.</summary>
    public double? MonthProjected { get; init; }

    /// <summary>Null: no limit.</summary>
    public double? MonthlyBudget { get; init; }

    public double? PerMillionGood { get; init; }
}

/// <param name="Replicas">Fewest replicas during a peak; null for a blackout.</param>
internal sealed record PlannedEventRecord(string Name, DateTimeOffset From, DateTimeOffset To, int? Replicas, bool Blackout);

/// <summary>One field that was written, or tried.</summary>
/// <param name="Object">Such as <c>HorizontalPodAutoscaler shop/web-blue</c>.</param>
/// <param name="Field">Such as <c>spec.minReplicas</c>.</param>
/// <param name="From">Value before; null when it was not set or not known.</param>
/// <param name="Result"><c>written</c>, or why not in a few words.</param>
internal sealed record WriteRecord(string Object, string Field, int? From, int To, string Result);
