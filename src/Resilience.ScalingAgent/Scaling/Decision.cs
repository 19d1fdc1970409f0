using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Scaling;

/// <summary>One decision with what it was made of.</summary>
/// <param name="At">End of the newest interval that it knew.</param>
internal sealed record Decision(DateTimeOffset At, DemandOutlook Outlook, ForecastTrust Trust, FloorPlan Plan, int? FloorBefore, DemandReading Reading)
{
    public int LeadSteps { get; init; }

    /// <summary>Number in the ledger; null when it could not be kept.</summary>
    public long? Number { get; init; }

    public bool HasCapacity { get; init; }

    /// <summary>Floor of a slot: the active one gets the plan's, the other its share, never below 1 unless 0 is allowed.</summary>
    /// <returns>Null withdraws the floor.</returns>
    public int? FloorOf(SlotView slot, ScalerSettings settings)
    {
        if (Plan.Floor is not { } floor || slot.HasTraffic)
        {
            return Plan.Floor;
        }
        var percent = settings.Target.StandbyPercent;
        return percent == 0 || floor == 0 ? 0 : Math.Max(1, (int)Math.Ceiling(floor * percent / 100.0));
    }
}

/// <summary>What came of putting a decision into force.</summary>
/// <param name="WhyNotWritten">Why nothing was to be written at all; null when the floors are kept.</param>
internal sealed record Enforcement(IReadOnlyList<FloorResult> Results, string? WhyNotWritten)
{
    public FloorResult? Worst => Results.Where(result => result.Obstacle != FloorObstacle.None).MaxBy(result => result.Obstacle);

    public bool MustRetry => Results.Any(result => result.Obstacle == FloorObstacle.Failed);
}
