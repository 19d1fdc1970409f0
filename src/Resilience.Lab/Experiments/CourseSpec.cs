namespace Resilience.Lab.Experiments;

/// <summary>
/// The course of a day's demand, written down as a few numbers and drawn by <see cref="DayCourse"/>. Times are on the experiment's
/// clock, which the cluster's time scale makes pass faster than the wall clock. The day of the run is a Wednesday.
/// </summary>
internal sealed record CourseSpec
{
    /// <summary>diurnal or trace: the shape that was asked for.</summary>
    public required string Shape { get; init; }

    /// <summary>Requests per second at the quietest hour, before dips, bursts and noise.</summary>
    public required double LowRps { get; init; }

    /// <summary>Requests per second at the busiest hour, before dips, bursts and noise.</summary>
    public required double HighRps { get; init; }

    /// <summary>Time of day at which the load begins.</summary>
    public required TimeSpan StartsAt { get; init; }

    /// <summary>The quietest time of day. Default 04:00.</summary>
    public TimeSpan LowAt { get; init; } = TimeSpan.FromHours(4);

    /// <summary>Share of the second harmonic, which makes a plateau of the afternoon: 0 to 0.5. Default 0.</summary>
    public double SecondHarmonic { get; init; }

    /// <summary>Share by which demand falls around noon: 0 to 0.9. Default 0.</summary>
    public double LunchDip { get; init; }

    /// <summary>Demand of a Saturday or Sunday as a share of a weekday's. Default 1.</summary>
    public double Weekend { get; init; } = 1;

    /// <summary>Standard deviation of the slow noise, as a share: 0 to 0.5. Default 0.</summary>
    public double Noise { get; init; }

    /// <summary>Days that came before and that a forecaster may learn from: 0 to 28. Default 14.</summary>
    public int HistoryDays { get; init; } = 14;

    /// <summary>Seed of noise and jitter; the load generator has its own.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Peaks of every day.</summary>
    public IReadOnlyList<BurstSpec> Bursts { get; init; } = [];

    /// <summary>Peaks of the day of the run alone: the past knows nothing of them.</summary>
    public IReadOnlyList<SurgeSpec> Surges { get; init; } = [];
}

/// <summary>A peak that comes every day, a little earlier or later and stronger or weaker.</summary>
/// <param name="Factor">Demand at its top, as a multiple of the day's course.</param>
/// <param name="Rise">Time from nothing to the top, and back again after <paramref name="For"/>.</param>
/// <param name="Jitter">Most that it comes earlier or later.</param>
/// <param name="Vary">Most that the factor's excess over 1 is off, as a share.</param>
/// <param name="Weekdays">False: on Saturdays and Sundays too.</param>
internal sealed record BurstSpec(TimeSpan At, TimeSpan For, double Factor, TimeSpan Rise, TimeSpan Jitter, double Vary, bool Weekdays);

/// <summary>A peak of the day of the run.</summary>
/// <param name="Declared">The entry in the PredictiveAutoscaler's calendar; null: nobody said anything.</param>
internal sealed record SurgeSpec(TimeSpan At, TimeSpan For, double Factor, TimeSpan Rise, DeclaredPeak? Declared);

/// <param name="Replicas">Fewest replicas of the active slot meanwhile.</param>
internal sealed record DeclaredPeak(string Name, int Replicas);
