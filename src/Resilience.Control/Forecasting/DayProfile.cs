namespace Resilience.Control.Forecasting;

/// <summary>The usual day: for each step of the local day, the median over the days of the last refit, smoothed a little.</summary>
internal sealed class DayProfile(SeasonalClock clock, int maxDays)
{
    private readonly float[] _byDay = new float[clock.StepsPerDay * maxDays];
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

    /// <summary>Learns from the newest whole days of a series.</summary>
    public void Fit(DemandSeries series) => Fit(series, series.Count);

    /// <summary>Learns from the newest whole days of the first <paramref name="count"/> points of a series.</summary>
    public void Fit(DemandSeries series, int count)
    {
        var m = clock.StepsPerDay;
        _days = Math.Min(maxDays, count / m);
        if (_days == 0)
        {
            return;
        }

        var first = count - (_days * m);
        _firstPosition = series.Offset + first;
        Array.Fill(_byDay, float.NaN);
        for (var i = first; i < count; i++)
        {
            if (series.IsReal(i))
            {
                _byDay[(clock.Phase(series.Offset + i) * maxDays) + ((i - first) / m)] =
                    (float)series.Past.Mean(i - _halfWidth, i + _halfWidth + 1);
            }
        }

        for (var phase = 0; phase < m; phase++)
        {
            var median = Median(phase, leaveOut: -1);
            _median[phase] = float.IsNaN(median) ? (float)series.Values[^1] : median;
        }

        Mean = _median.Average();
    }

    /// <summary>Usual demand at a position that may be one of those learned from: its own day is then left out, as if it had not happened yet.</summary>
    public double WithoutOwnDay(long position)
    {
        var phase = clock.Phase(position);
        var day = position < _firstPosition ? -1 : (position - _firstPosition) / clock.StepsPerDay;
        var median = day < 0 || day >= _days || _days == 1 ? float.NaN : Median(phase, (int)day);
        return float.IsNaN(median) ? _median[phase] : median;
    }

    private float Median(int phase, int leaveOut)
    {
        Span<float> sorted = stackalloc float[_days];
        var n = 0;
        for (var day = 0; day < _days; day++)
        {
            var value = _byDay[(phase * maxDays) + day];
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
