using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Scaling;

namespace Resilience.ScalingAgent.Publishing;

/// <summary>One condition as published.</summary>
/// <param name="IsNews">Whether turning False deserves a Warning rather than a word.</param>
internal sealed record ScalerCondition(string Type, bool IsTrue, string Reason, string Message, bool IsNews = true);

/// <summary>What is projected to <c>PredictiveAutoscaler.status</c> and to the gauges. Never read back for a decision.</summary>
internal sealed record ScalerStatus
{
    public required IReadOnlyList<ScalerCondition> Conditions { get; init; }

    /// <summary>Null with an invalid spec and before the first decision: the numbers then stay as they are.</summary>
    public ScalerFigures? Figures { get; init; }
}

/// <summary>The numbers of one decision; NaN or null is not known.</summary>
internal sealed record ScalerFigures
{
    public required string Target { get; init; }

    public required DateTimeOffset DecidedAt { get; init; }

    public long? Decision { get; init; }

    /// <summary>Floor in force; null: the reactive autoscaler is alone.</summary>
    public int? Floor { get; init; }

    public required string Reason { get; init; }

    public double Demand { get; init; } = double.NaN;

    public required string Stage { get; init; }

    public double P50 { get; init; } = double.NaN;

    public double P90 { get; init; } = double.NaN;

    public double P99 { get; init; } = double.NaN;

    public string? Champion { get; init; }

    public double ChampionShare { get; init; } = double.NaN;

    public double Skill { get; init; } = double.NaN;

    public double Coverage99 { get; init; } = double.NaN;

    public double Capacity { get; init; } = double.NaN;

    public required string CapacityBasis { get; init; }

    public double Risk { get; init; } = double.NaN;

    /// <summary>The policy's or the autoscaler's maximum is below what the forecast asks for.</summary>
    public bool AtMax { get; init; }

    public bool BudgetBinds { get; init; }

    public bool NoRoom { get; init; }

    public TimeSpan Lead { get; init; }

    public int Ready { get; init; }

    public double CostPerHour { get; init; }

    public double MonthToDate { get; init; }

    public double? MonthProjected { get; init; }

    public double? PerMillionGood { get; init; }
}

/// <summary>The conditions of one decision. Pure.</summary>
internal static class ScalerConditions
{
    /// <summary>Intervals in a row without demand before that is worth a word: one is lost at every start.</summary>
    private const int SilentIntervals = 3;

    public static ScalerCondition Spec(string? objection) =>
        new("SpecValid", objection is null, objection is null ? "Accepted" : "Refused", objection ?? "");

    public static IReadOnlyList<ScalerCondition> Of(Scaler scaler, Decision decision, TargetView target, Enforcement enforcement, string? memoryProblem) =>
    [
        Spec(null),
        new("TargetFound", target.Problem is null, target.Problem is null ? "Found" : "Unusable", Sentence(target.Problem)),
        Demand(scaler, decision),
        Capacity(scaler),
        Forecasting(decision),
        Budget(scaler, decision),
        Room(decision, target),
        Floor(decision, enforcement),
        new("MemoryKept", memoryProblem is null, memoryProblem is null ? "Kept" : "NotKept", memoryProblem ?? ""),
    ];

    private static ScalerCondition Demand(Scaler scaler, Decision decision)
    {
        var gap = scaler.Forecaster?.Series.OpenGapPoints ?? 0;
        var isSilent = gap >= SilentIntervals || scaler.Forecaster?.Series.RealPoints is null or 0;
        var problem = Sentence(decision.Reading.Problem);
        return isSilent ? new("DemandMeasured", false, "Missing", problem.Length > 0 ? problem : "No demand was measured yet.", gap >= SilentIntervals)
            : new("DemandMeasured", true, decision.Reading.Problem is null ? "Measured" : "Partial", problem);
    }

    private static ScalerCondition Capacity(Scaler scaler)
    {
        var capacity = scaler.Capacity;
        return scaler.PlannableCapacity is null
            ? new("CapacityKnown", false, "NotLearned", capacity.Basis == "unknown"
                ? "What one replica can serve is not known: no serving replica was measured yet."
                : FormattableString.Invariant($"What one replica can serve is not known yet, only that {capacity.PerReplica:0.#}/s were served well; saturation, a latency knee or CPU use tell."), IsNews: false)
            : new("CapacityKnown", true, capacity.Basis == "given" ? "Given" : "Learned", FormattableString.Invariant($"{capacity.PerReplica:0.#}/s per replica ({capacity.Basis})."));
    }

    private static ScalerCondition Forecasting(Decision decision) => decision.Trust switch
    {
        ForecastTrust.Trusted => new("Forecasting", true, "Trusted", ""),
        ForecastTrust.NotForecastable => new("Forecasting", false, "NotForecastable",
            "The past says next to nothing about the future of this demand: the floor comes from its usual distribution."),
        ForecastTrust.NotBetterThanNaive => new("Forecasting", false, "NotBetterThanNaive",
            "The forecast is no better than repeating the last value: no floor comes from it."),
        ForecastTrust.Stale => new("Forecasting", false, "Stale", "Demand has been missing for too long to forecast from."),
        _ => new("Forecasting", false, "TooYoung", Sentence(decision.Outlook.WhyNoForecast), IsNews: false),
    };

    private static ScalerCondition Budget(Scaler scaler, Decision decision) =>
        decision.Plan.GivenUp is { } givenUp ? new("WithinBudget", false, "BudgetBinds", "Given up: " + Sentence(givenUp))
        : new("WithinBudget", true, scaler.Settings.Policy.MonthlyBudget is null ? "NoBudget" : "WithinBudget", "");

    private static ScalerCondition Room(Decision decision, TargetView target)
    {
        var waiting = target.Slots.Sum(slot => slot.Room.Waiting);
        return waiting == 0 ? new("RoomInCluster", true, "AllPlaced", "")
            : new("RoomInCluster", false, "PodsWaitForRoom", Sentence(decision.Plan.NoRoom ?? $"{waiting} pods wait for room in the cluster"));
    }

    private static ScalerCondition Floor(Decision decision, Enforcement enforcement) =>
        enforcement.WhyNotWritten is { } why ? new("FloorInForce", false, why.StartsWith("mode", StringComparison.Ordinal) ? "Observing" : "TargetUnusable", Sentence(why), IsNews: false)
        : enforcement.Worst is { } worst ? new("FloorInForce", false, worst.Obstacle.ToString(), Sentence(worst.Note), worst.Obstacle != FloorObstacle.OnLoan)
        // A young series never had a floor; losing one is news.
        : decision.Plan.Floor is null ? new("FloorInForce", false, "ReactiveOnly", decision.Plan.Reason, decision.Trust != ForecastTrust.TooYoung)
        : new("FloorInForce", true, "InForce", "");

    private static string Sentence(string? text) =>
        string.IsNullOrEmpty(text) ? "" : char.ToUpperInvariant(text[0]) + text[1..] + (text.EndsWith('.') ? "" : ".");
}
