using Resilience.ClusterAccess.Resources;
using Resilience.Control.Scaling;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>Requests per second over the interval that starts at <paramref name="At"/>; NaN: missing.</summary>
internal readonly record struct DemandSample(DateTimeOffset At, double Demand);

/// <summary>A pod whose metrics tell of demand.</summary>
/// <param name="Address">IP address.</param>
/// <param name="Serves">Ready, and in the slot (or Deployment) that has the traffic: capacity is learned from these.</param>
/// <param name="StartedAt">When its container started; null when not known: a counter seen for the first time is then only a starting point.</param>
internal sealed record PodEndpoint(string Uid, string Name, string Address, bool Serves, DateTimeOffset? StartedAt = null);

/// <summary>Whose demand is asked for.</summary>
/// <param name="Pods">Running pods of both slots, those that are ending included. Scraping reads each; Prometheus only needs to know how many serve.</param>
internal sealed record DemandTarget(ScalerKey Key, DemandSpec Spec, IReadOnlyList<PodEndpoint> Pods)
{
    /// <summary>Grid step used when the spec names none.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromMinutes(1);

    /// <summary>One step of the grid on the wall clock; differs from the spec's when the planning clock runs faster.</summary>
    public TimeSpan WallInterval { get; init; } = Spec.Interval ?? DefaultInterval;
}

/// <summary>What was seen of one target since the last reading.</summary>
/// <param name="Demand">Requests per second asked for, served or not, by the wall clock; NaN when it could not be measured.</param>
/// <param name="Observation">What one serving replica did, per second; null when not measured.</param>
/// <param name="Problem">One sentence without a full stop: why demand is missing, partial or estimated; null when all is well.</param>
internal sealed record DemandReading(double Demand, CapacityObservation? Observation, string? Problem)
{
    public static DemandReading Missing(string problem) => new(double.NaN, null, problem);
}

/// <summary>Demand recorded before the agent looked.</summary>
/// <param name="Samples">On the grid, oldest first, at most one for each interval; what is missing is left out.</param>
/// <param name="Problem">One sentence without a full stop: why there is nothing, or less than was asked for; null when all is well.</param>
internal sealed record DemandHistory(IReadOnlyList<DemandSample> Samples, string? Problem)
{
    public static DemandHistory None { get; } = new([], null);

    public static DemandHistory Missing(string problem) => new([], problem);
}

/// <summary>Measures demand. Never throws for a failing source: that is a reading with a problem.</summary>
internal interface IDemandSource
{
    /// <summary>Demand since the last reading of this target (scrape) or over the newest interval (Prometheus).</summary>
    ValueTask<DemandReading> ReadAsync(DemandTarget target, CancellationToken cancellationToken);

    /// <summary>Recorded demand of the intervals that start from <paramref name="from"/> up to, without, <paramref name="to"/>.</summary>
    /// <param name="interval">Grid step; starts of intervals are its multiples since midnight UTC.</param>
    ValueTask<DemandHistory> ReadHistoryAsync(
        DemandTarget target, DateTimeOffset from, DateTimeOffset to, TimeSpan interval, CancellationToken cancellationToken);

    /// <summary>Forgets what was remembered of a target.</summary>
    void Forget(ScalerKey key);
}
