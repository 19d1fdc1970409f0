using Resilience.ClusterAccess.Resources;
using Resilience.Control.Scaling;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>Requests per second over the interval that starts at <paramref name="At"/>; NaN: missing.</summary>
internal readonly record struct DemandSample(DateTimeOffset At, double Demand);

/// <summary>A pod whose metrics tell of demand.</summary>
/// <param name="Serves">Ready, and in the slot (or Deployment) that has the traffic: capacity is learned from these.</param>
internal sealed record PodEndpoint(string Uid, string Name, string Address, bool Serves);

/// <summary>Whose demand is asked for.</summary>
/// <param name="Pods">Running pods of both slots; only scraping needs them.</param>
internal sealed record DemandTarget(ScalerKey Key, DemandSpec Spec, IReadOnlyList<PodEndpoint> Pods);

/// <summary>What was seen of one target since the last reading.</summary>
/// <param name="Demand">Requests per second asked for, served or not, by the wall clock; NaN when it could not be measured.</param>
/// <param name="Observation">What one serving replica did, per second; null when not measured.</param>
/// <param name="Problem">One sentence: why demand is missing or partial; null when all is well.</param>
internal sealed record DemandReading(double Demand, CapacityObservation? Observation, string? Problem);

/// <summary>Measures demand. Never throws for a failing source: that is a reading with a problem.</summary>
internal interface IDemandSource
{
    /// <summary>Demand since the last reading of this target (scrape) or over the newest interval (Prometheus).</summary>
    ValueTask<DemandReading> ReadAsync(DemandTarget target, CancellationToken cancellationToken);

    /// <summary>Recorded demand on the grid, oldest first; empty when the source keeps none or does not answer.</summary>
    ValueTask<IReadOnlyList<DemandSample>> ReadHistoryAsync(
        DemandTarget target, DateTimeOffset from, DateTimeOffset to, TimeSpan interval, CancellationToken cancellationToken);

    /// <summary>Forgets what was remembered of a target.</summary>
    void Forget(ScalerKey key);
}
