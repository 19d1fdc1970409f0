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

/// <summary>What a <see cref="CapacityEstimator"/> has learned. Null: nothing yet.</summary>
public sealed record CapacityMemory(
    double? Plateau, int PlateauCount, double? Knee, int KneeCount, double? CpuPerRequest, int CpuCount, double? CalmLatencySeconds, double? Highest)
{
    public static CapacityMemory Nothing { get; } = new(null, 0, null, 0, null, 0, null, null);
}

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
    public void Reset() => Restore(CapacityMemory.Nothing);

    /// <summary>All that was learned, to be kept over a restart.</summary>
    public CapacityMemory Export() => new(
        Known(_plateau), _plateauCount, Known(_knee), _kneeCount, Known(_cpuPerRequest), _cpuCount, Known(_calmLatency), Known(_highest));

    /// <summary>Continues from what another instance exported; impossible values count as unknown.</summary>
    public void Restore(CapacityMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        (_plateau, _plateauCount) = (Positive(memory.Plateau), Math.Max(0, memory.PlateauCount));
        (_knee, _kneeCount) = (Positive(memory.Knee), Math.Max(0, memory.KneeCount));
        (_cpuPerRequest, _cpuCount) = (Positive(memory.CpuPerRequest), Math.Max(0, memory.CpuCount));
        (_calmLatency, _highest) = (Positive(memory.CalmLatencySeconds), Positive(memory.Highest));
        _plateauCount = double.IsNaN(_plateau) ? 0 : _plateauCount;
        _kneeCount = double.IsNaN(_knee) ? 0 : _kneeCount;
        _cpuCount = double.IsNaN(_cpuPerRequest) ? 0 : _cpuCount;
    }

    private static double? Known(double value) => double.IsNaN(value) ? null : value;

    private static double Positive(double? value) => value is { } known && double.IsFinite(known) && known > 0 ? known : double.NaN;

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

    /// <summary>The start-ups remembered, oldest first, to be kept over a restart.</summary>
    public IReadOnlyList<TimeSpan> Export()
    {
        var known = Math.Min(_count, Remembered);
        var oldestFirst = new TimeSpan[known];
        for (var i = 0; i < known; i++)
        {
            oldestFirst[i] = _newest[(_count - known + i) % Remembered];
        }

        return oldestFirst;
    }

    /// <summary>Forgets everything and takes over what another instance exported.</summary>
    public void Restore(IReadOnlyList<TimeSpan> startUps)
    {
        ArgumentNullException.ThrowIfNull(startUps);
        _count = 0;
        foreach (var startUp in startUps)
        {
            Add(startUp);
        }
    }

    /// <summary>Steps of a grid that a replica requested at one must be asked for ahead: the start-up, and the interval a metric is late.</summary>
    public int? Steps(TimeSpan interval) => Estimate is { } lead ? Math.Max(1, (int)Math.Ceiling(lead / interval) + 1) : null;
}
