namespace Resilience.Control.Forecasting;

/// <summary>
/// Turns the past at one origin into the inputs of the learned models for one horizon. Inputs come in two kinds: demand values
/// (to be rescaled by whoever reads them) followed by clock values (already between -1 and 1).
/// </summary>
internal sealed class FeatureMap
{
    private static readonly int[] Lags = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 14, 19, 24, 29, 39, 49, 59];
    private static readonly int[] ShortLags = [0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 14, 19, 29];
    private static readonly int[] MeanWindows = [5, 15, 60];
    private readonly SeasonalClock _clock;
    private readonly int _narrow;
    private readonly int _wide;
    private readonly int _days;
    private readonly bool _weeks;
    private readonly bool _slow;

    /// <summary>Position among the inputs of the mean of the last 60 steps, the level that relative models divide by.</summary>
    public int LevelInput { get; }

    public int DemandInputs { get; }

    public int Inputs { get; }

    /// <summary>Steps of past that an origin needs.</summary>
    public int Reach { get; }

    /// <param name="clock">Season of the series.</param>
    /// <param name="days">Earlier days to look back at, 0 to 3; with 0 only the newest values are used (a young series).</param>
    /// <param name="weeks">Use the same time a week ago; needs the history.</param>
    public FeatureMap(SeasonalClock clock, int days, bool weeks)
    {
        _clock = clock;
        _days = days;
        _weeks = weeks;
        var m = clock.StepsPerDay;
        _slow = m <= 48;
        _narrow = Math.Max(1, m / 288);
        _wide = Math.Max(2, m / 96);
        if (days == 0)
        {
            DemandInputs = Inputs = ShortLags.Length;
            Reach = ShortLags[^1] + 1;
            return;
        }

        LevelInput = Lags.Length + MeanWindows.Length - 1;
        DemandInputs = Lags.Length + MeanWindows.Length + 7 + days + (weeks ? (_slow ? 6 : 4) : 0);
        Inputs = DemandInputs + 8 + (_slow && weeks ? 12 : 0);
        Reach = Math.Max(60, weeks ? (m * (_slow ? 14 : 7)) + _wide + 1 + (m / 12) : (days * m) + _wide + 1 + (m / 12));
    }

    /// <summary>
    /// Fills <paramref name="x"/> for an origin, an index into the past's values. While training, the origin and its target are
    /// part of the day profile: with the refit's workspace they are taken out of it.
    /// </summary>
    public void Fill(in Past past, int origin, int horizon, DayProfile profile, ForecastWorkspace? refit, Span<double> x)
    {
        var n = 0;
        foreach (var lag in _days > 0 ? Lags : ShortLags)
        {
            x[n++] = past.Values[origin - lag];
        }

        if (_days == 0)
        {
            return;
        }

        foreach (var window in MeanWindows)
        {
            x[n++] = past.Mean(origin + 1 - window, origin + 1);
        }

        n = FillDays(past, origin, horizon, x, n);
        var position = past.Offset + origin;
        x[n++] = refit is not null ? profile.WithoutOwnDay(position, refit) : profile[position];
        x[n++] = refit is not null ? profile.WithoutOwnDay(position + horizon, refit) : profile[position + horizon];
        n = FillWeeks(past, origin, horizon, x, n);
        FillClock(past.Offset + origin + horizon, x, n);
    }

    private int FillDays(in Past past, int origin, int horizon, Span<double> x, int n)
    {
        var sum = 0d;
        for (var day = 1; day <= _days; day++)
        {
            var then = Before(past, origin + horizon, day);
            x[n++] = past.Values[then];
            var around = Around(past, then, _wide);
            sum += around;
            if (day == 1)
            {
                x[n++] = Around(past, then, _narrow);
                x[n++] = around;
                x[n++] = Around(past, Before(past, origin, 1), _narrow);
            }
        }

        x[n++] = sum / _days;
        x[n++] = Around(past, Before(past, origin, 1), _wide);
        return n;
    }

    private int FillWeeks(in Past past, int origin, int horizon, Span<double> x, int n)
    {
        if (!_weeks)
        {
            return n;
        }

        var ahead = Before(past, origin + horizon, 7);
        var now = Before(past, origin, 7);
        x[n++] = past.Values[ahead];
        x[n++] = Around(past, ahead, _wide);
        x[n++] = past.Values[now];
        x[n++] = Around(past, now, _wide);
        if (_slow)
        {
            x[n++] = past.Values[Before(past, origin + horizon, 14)];
            x[n++] = past.Values[Before(past, origin, 14)];
        }

        return n;
    }

    private void FillClock(long position, Span<double> x, int n)
    {
        n = FillWaves((double)_clock.Phase(position) / _clock.StepsPerDay, 4, x, n);
        if (_slow && _weeks)
        {
            FillWaves(_clock.WeekPhase(position) / (7.0 * _clock.StepsPerDay), 6, x, n);
        }
    }

    /// <summary>Sines and cosines of 1 to <paramref name="waves"/> times an angle, each from the one before.</summary>
    private static int FillWaves(double turns, int waves, Span<double> x, int n)
    {
        var (sine, cosine) = Math.SinCos(2 * Math.PI * turns);
        (x[n++], x[n++]) = (sine, cosine);
        for (var k = 2; k <= waves; k++, n += 2)
        {
            x[n] = (x[n - 2] * cosine) + (x[n - 1] * sine);
            x[n + 1] = (x[n - 1] * cosine) - (x[n - 2] * sine);
        }

        return n;
    }

    private int Before(in Past past, int index, int days) => (int)(_clock.SameTimeBefore(past.Offset + index, days) - past.Offset);

    private static double Around(in Past past, int centre, int halfWidth) => past.Mean(centre - halfWidth, centre + halfWidth + 1);
}
