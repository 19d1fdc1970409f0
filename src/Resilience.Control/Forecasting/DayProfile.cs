namespace Resilience.Control.Forecasting;

/// <summary>The usual day: for each step of the local day, the median over the days of the last refit, smoothed a little.</summary>
internal sealed class DayProfile(SeasonalClock clock, int maxDays)
{
    private readonly float[] _median = new float[clock.StepsPerDay];
    private readonly int _halfWidth = clock.StepsPerDay / 480;
    private int _days;
    private long _firstPosition;

    public int MaxDays => maxDays;

    /// <summary>True once at least one whole day has been learned.</summary>
    public bool IsReady => _days > 0;

    /// <summary>Usual demand at an absolute position's time of day.</summary>
    public double this[long position] => _median[clock.Phase(position)];

    /// <summary>Usual demand at a step of the local day.</summary>
    public double ForPhase(int phase) => _median[phase];

    /// <summary>Mean of the usual day.</summary>
    public double Mean { get; private set; }

    /// <summary>
    /// Learns from the newest whole days of a series, and leaves in the workspace, for <see cref="WithoutOwnDay"/>, what each point
    /// of them would have been expected to be from the other days alone.
    /// </summary>
    public void Fit(DemandSeries series, ForecastWorkspace workspace)
    {
        Fit(series, series.Count, workspace);
        var m = clock.StepsPerDay;
        var others = workspace.UsualWithoutOwnDay(_days * m);
        for (var i = 0; i < others.Length; i++)
        {
            var phase = clock.Phase(_firstPosition + i);
            var median = _days == 1 ? float.NaN : Median(workspace.UsualDays(m * maxDays).Slice(phase * maxDays, _days), leaveOut: i / m);
            others[i] = float.IsNaN(median) ? _median[phase] : median;
        }
    }

    /// <summary>Learns from the newest whole days of the first <paramref name="count"/> points of a series.</summary>
    public void Fit(DemandSeries series, int count, ForecastWorkspace workspace)
    {
        var m = clock.StepsPerDay;
        _days = Math.Min(maxDays, count / m);
        if (_days == 0)
        {
            return;
        }

        var first = count - (_days * m);
        _firstPosition = series.Offset + first;
        var byDay = workspace.UsualDays(m * maxDays);
        byDay.Fill(float.NaN);
        for (var i = first; i < count; i++)
        {
            if (series.IsReal(i))
            {
                byDay[(clock.Phase(series.Offset + i) * maxDays) + ((i - first) / m)] =
                    (float)series.Past.Mean(i - _halfWidth, i + _halfWidth + 1);
            }
        }

        for (var phase = 0; phase < m; phase++)
        {
            var median = Median(byDay.Slice(phase * maxDays, _days), leaveOut: -1);
            _median[phase] = float.IsNaN(median) ? (float)series.Values[^1] : median;
        }

        Mean = _median.Average();
    }

    /// <summary>
    /// During a refit: usual demand at a position that may be one of those learned from; its own day is then left out, as if it had
    /// not happened yet.
    /// </summary>
    public double WithoutOwnDay(long position, ForecastWorkspace workspace)
    {
        var others = workspace.UsualWithoutOwnDay(_days * clock.StepsPerDay);
        var index = position - _firstPosition;
        return index >= 0 && index < others.Length ? others[(int)index] : this[position];
    }

    private static float Median(ReadOnlySpan<float> days, int leaveOut)
    {
        Span<float> sorted = stackalloc float[days.Length];
        var n = 0;
        for (var day = 0; day < days.Length; day++)
        {
            var value = days[day];
            if (day == leaveOut || float.IsNaN(value))
            {
                continue;
            }

            var at = n++;
            for (; at > 0 && sorted[at - 1] > value; at--)
            {
                sorted[at] = sorted[at - 1];
            }

            sorted[at] = value;
        }

        return n == 0 ? float.NaN : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }
}
