namespace Resilience.Cost.Model;

/// <summary>What the strategies have to carry and how each would be set up.</summary>
/// <param name="Replicas">Pods of one slot sized for the peak.</param>
/// <param name="OffPeakReplicas">Pods that suffice outside the peak hours.</param>
/// <param name="Peak">When the peak is.</param>
/// <param name="On">When scale-to-zero keeps its slot up.</param>
/// <param name="OffHoursRequestPercent">Share of a month's requests that arrive while scale-to-zero is down, and are lost.</param>
/// <param name="StandbyPercent">Size of a warm standby relative to the active slot; whole pods, rounded up.</param>
/// <param name="RequestsPerMonth">Requests that the full service would answer well in a month.</param>
/// <param name="FailoverOverlap">Time in which both slots run at full size during a failover.</param>
/// <param name="FailoversPerMonth">How often that happens.</param>
/// <param name="ForecastErrorPercent">How wrong the bad forecast of the what-if is, either way.</param>
/// <param name="ForecastErrorTime">For how long.</param>
/// <param name="RequestsPerReplicaSecond">What one pod answers within the SLO.</param>
public sealed record Scenario(
    int Replicas,
    int OffPeakReplicas,
    WeeklyHours Peak,
    WeeklyHours On,
    decimal OffHoursRequestPercent,
    decimal StandbyPercent,
    decimal RequestsPerMonth,
    TimeSpan FailoverOverlap,
    int FailoversPerMonth,
    decimal ForecastErrorPercent,
    TimeSpan ForecastErrorTime,
    decimal RequestsPerReplicaSecond)
{
    public int StandbyReplicas => (int)CostModel.StandbyFor(Replicas, StandbyPercent);
}
