namespace Resilience.Control.Scaling;

/// <summary>One look at a set of replicas.</summary>
/// <param name="ThroughputPerReplica">Good requests per interval and ready replica.</param>
/// <param name="LatencySeconds">95th percentile; NaN when not measured.</param>
/// <param name="CpuUtilization">CPU used as a share of the limit that throttles, 0 to 1; NaN when not measured.</param>
/// <param name="RejectedRatio">Share of requests that were refused or timed out.</param>
public readonly record struct CapacityObservation(double ThroughputPerReplica, double LatencySeconds, double CpuUtilization, double RejectedRatio);

/// <summary>What a replica can serve, and how that is known.</summary>
/// <param name="PerReplica">Requests per interval; NaN when nothing is known.</param>
/// <param name="Basis">"saturation", "latency knee", "cpu", "highest seen", or "unknown".</param>
public readonly record struct CapacityEstimate(double PerReplica, string Basis);

/// <summary>
/// Learns the capacity of one replica from what it was seen to do, best evidence first: throughput while it refused requests
/// (a plateau is the capacity), the throughput at which latency doubles, CPU per request; else the most it ever served well,
/// which is a lower bound. Old evidence fades, so a new release is learned anew.
/// </summary>
public sealed class CapacityEstimator
{
    private const double Fade = 0.02;
    private const double KneeFactor = 2;
    private const double SaturatedCpu = 0.85;
    private double _plateau = double.NaN;
    private int _plateauCount;
    private double _knee = double.NaN;
    private int _kneeCount;
    private double _cpuPerRequest = double.NaN;
    private int _cpuCount;
    private double _calmLatency = double.NaN;
    private double _highest = double.NaN;

    public CapacityEstimate Estimate =>
        _plateauCount >= 3 ? new(_plateau, "saturation")
        : _kneeCount >= 3 ? new(_knee, "latency knee")
        : _cpuCount >= 10 ? new(Math.Max(SaturatedCpu / _cpuPerRequest, _highest), "cpu")
        : double.IsNaN(_highest) ? new(double.NaN, "unknown") : new(_highest, "highest seen");

    /// <summary>Adds an observation; impossible or idle ones are ignored.</summary>
    public void Add(CapacityObservation seen)
    {
        if (!double.IsFinite(seen.ThroughputPerReplica) || seen.ThroughputPerReplica <= 0 || seen.RejectedRatio is < 0 or > 1 or double.NaN)
        {
            return;
        }

        if (seen.RejectedRatio > 0.005)
        {
            Blend(ref _plateau, seen.ThroughputPerReplica, ++_plateauCount);
            return;
        }

        // Well served beyond what was thought to be the limit: the limit was wrong, or the release is faster.
        if (_plateauCount > 0 && seen.ThroughputPerReplica > 1.05 * _plateau)
        {
            (_plateau, _plateauCount) = (double.NaN, 0);
        }

        _highest = double.IsNaN(_highest) ? seen.ThroughputPerReplica : Math.Max(_highest * (1 - (Fade / 100)), seen.ThroughputPerReplica);
        AddLatency(seen);
        if (seen.CpuUtilization is > 0.05 and <= 1.2)
        {
            Blend(ref _cpuPerRequest, seen.CpuUtilization / seen.ThroughputPerReplica, ++_cpuCount);
        }
    }

    /// <summary>Forgets everything, as after a change of what is deployed.</summary>
    public void Reset()
    {
        _plateau = _knee = _cpuPerRequest = _calmLatency = _highest = double.NaN;
        _plateauCount = _kneeCount = _cpuCount = 0;
    }

    private void AddLatency(CapacityObservation seen)
    {
        if (!double.IsFinite(seen.LatencySeconds) || seen.LatencySeconds <= 0)
        {
            return;
        }

        if (double.IsNaN(_calmLatency) || seen.LatencySeconds < _calmLatency)
        {
            _calmLatency = seen.LatencySeconds;
        }

        _calmLatency *= 1 + (Fade / 10);
        if (seen.LatencySeconds > KneeFactor * _calmLatency)
        {
            Blend(ref _knee, seen.ThroughputPerReplica, ++_kneeCount);
        }
    }

    private static void Blend(ref double mean, double value, int count) =>
        mean = count == 1 || double.IsNaN(mean) ? value : mean + ((value - mean) * Math.Max(Fade, 1.0 / count));
}

/// <summary>Learns how long a replica takes from being requested to serving: a high percentile of the newest start-ups.</summary>
public sealed class LeadTimeEstimator
{
    private const int Remembered = 50;
    private readonly TimeSpan[] _newest = new TimeSpan[Remembered];
    private int _count;

    /// <summary>90th percentile of the newest start-ups; null before the first three.</summary>
    public TimeSpan? Estimate
    {
        get
        {
            var known = Math.Min(_count, Remembered);
            if (known < 3)
            {
                return null;
            }

            Span<TimeSpan> sorted = stackalloc TimeSpan[known];
            _newest.AsSpan(0, known).CopyTo(sorted);
            sorted.Sort();
            return sorted[Math.Min(known - 1, (int)Math.Ceiling(known * 0.9) - 1)];
        }
    }

    /// <summary>Adds the time from a pod's creation to its being Ready; negative or absurd ones (over an hour) are ignored.</summary>
    public void Add(TimeSpan creationToReady)
    {
        if (creationToReady >= TimeSpan.Zero && creationToReady <= TimeSpan.FromHours(1))
        {
            _newest[_count++ % Remembered] = creationToReady;
        }
    }

    /// <summary>Steps of a grid that a replica requested at one must be asked for ahead: the start-up, and the interval a metric is late.</summary>
    public int? Steps(TimeSpan interval) => Estimate is { } lead ? Math.Max(1, (int)Math.Ceiling(lead / interval) + 1) : null;
}
