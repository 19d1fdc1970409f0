namespace Resilience.Lab.Experiments;

/// <summary>
/// Draws a <see cref="CourseSpec"/>: the day of the run and the days before it, minute by minute, by the same rules and from one seed.
/// Two harmonics, a dip at noon, a weekly pattern, daily bursts with jitter, slow noise; synthetic, and shaped like service traffic.
/// </summary>
internal sealed class DayCourse
{
    /// <summary>How much of the noise a minute hands to the next one: it forgets half within seven minutes.</summary>
    private const double NoiseMemory = 0.9;

    private const int MinutesPerDay = 1_440;
    private const int DaysAhead = 1;
    private const int DayOfRun = 2;   // Monday is 0
    private static readonly TimeSpan Noon = new(12, 30, 0);
    private static readonly TimeSpan DipWidth = TimeSpan.FromMinutes(40);
    private readonly CourseSpec _spec;
    private readonly double[] _minutes;

    public DayCourse(CourseSpec spec)
    {
        _spec = spec;
        _minutes = Draw(spec);
    }

    /// <summary>Requests per second at a time since the load began, on the experiment's clock; negative times are the past.</summary>
    public double RateAt(TimeSpan sinceStart)
    {
        var at = (sinceStart + _spec.StartsAt + TimeSpan.FromDays(_spec.HistoryDays)).TotalMinutes;
        var low = Math.Clamp((int)Math.Floor(at), 0, _minutes.Length - 2);
        var share = Math.Clamp(at - low, 0, 1);
        return _minutes[low] + (share * (_minutes[low + 1] - _minutes[low]));
    }

    /// <summary>Mean rate of an interval.</summary>
    public double Mean(TimeSpan from, TimeSpan length)
    {
        var parts = Math.Max(1, (int)Math.Ceiling(length.TotalMinutes * 2));
        return Enumerable.Range(0, parts).Average(part => RateAt(from + (length * ((part + 0.5) / parts))));
    }

    /// <summary>Recorded demand on a grid, oldest first: all whole intervals of the history that end at or before a time since the load began.</summary>
    public IEnumerable<(TimeSpan SinceStart, double Rps)> History(TimeSpan interval, TimeSpan until)
    {
        var oldest = -(_spec.StartsAt + TimeSpan.FromDays(_spec.HistoryDays));
        for (var count = (int)((until - oldest) / interval); count > 0; count--)
        {
            var from = until - (interval * count);
            yield return (from, Mean(from, interval));
        }
    }

    private static double[] Draw(CourseSpec spec)
    {
        var random = new Random(spec.Seed);
        var days = spec.HistoryDays + 1 + DaysAhead;
        var minutes = new double[(days * MinutesPerDay) + 1];
        var noise = 0.0;
        for (var day = 0; day < days; day++)
        {
            var sinceRun = day - spec.HistoryDays;
            var weekend = (((DayOfRun + sinceRun) % 7) + 7) % 7 >= 5;
            var bursts = spec.Bursts.Where(burst => !weekend || !burst.Weekdays).Select(burst => Vary(burst, random)).ToArray();
            for (var minute = 0; minute < MinutesPerDay; minute++)
            {
                var time = TimeSpan.FromMinutes(minute);
                noise = (NoiseMemory * noise) + (Math.Sqrt(1 - (NoiseMemory * NoiseMemory)) * Normal(random));
                var rate = Shape(spec, time) * (weekend ? spec.Weekend : 1) * bursts.Aggregate(1.0, (factor, burst) => factor * Lift(time, burst.At, burst.For, burst.Rise, burst.Factor));
                rate *= sinceRun == 0 ? spec.Surges.Aggregate(1.0, (factor, surge) => factor * Lift(time, surge.At, surge.For, surge.Rise, surge.Factor)) : 1;
                minutes[(day * MinutesPerDay) + minute] = rate * Math.Exp((spec.Noise * noise) - (spec.Noise * spec.Noise / 2));
            }
        }

        minutes[^1] = minutes[^2];
        return minutes;
    }

    /// <summary>The undisturbed weekday.</summary>
    private static double Shape(CourseSpec spec, TimeSpan time)
    {
        var angle = 2 * Math.PI * ((time - spec.LowAt) / TimeSpan.FromDays(1));
        var swing = (1 - Math.Cos(angle)) / 2;
        var plateau = (1 - Math.Cos(2 * angle)) / 2;
        var share = Math.Clamp(swing + (spec.SecondHarmonic * plateau), 0, 1);
        var away = (time - Noon) / DipWidth;
        return (spec.LowRps + ((spec.HighRps - spec.LowRps) * share)) * (1 - (spec.LunchDip * Math.Exp(-away * away / 2)));
    }

    private static BurstSpec Vary(BurstSpec burst, Random random) => burst with
    {
        At = burst.At + (burst.Jitter * ((2 * random.NextDouble()) - 1)),
        Factor = 1 + ((burst.Factor - 1) * (1 + (burst.Vary * ((2 * random.NextDouble()) - 1)))),
    };

    /// <summary>1 outside, the factor at the top, straight flanks between.</summary>
    private static double Lift(TimeSpan time, TimeSpan at, TimeSpan length, TimeSpan rise, double factor)
    {
        var into = time - at;
        var share = into < TimeSpan.Zero ? 0
            : into < rise ? into / rise
            : into < rise + length ? 1
            : into < rise + length + rise ? 1 - ((into - rise - length) / rise) : 0;
        return 1 + ((factor - 1) * share);
    }

    /// <summary>Standard normal, by Box and Muller.</summary>
    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
