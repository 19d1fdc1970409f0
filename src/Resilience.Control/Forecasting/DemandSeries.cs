namespace Resilience.Control.Forecasting;

/// <summary>What <see cref="DemandSeries.Append(DateTimeOffset, double)"/> did with a sample.</summary>
public enum AppendResult
{
    /// <summary>Stored as the newest point.</summary>
    Appended,

    /// <summary>Stored as the newest point after one or more missing intervals, which were filled in.</summary>
    AppendedAfterGap,

    /// <summary>The interval already holds a value; the first one wins.</summary>
    Duplicate,

    /// <summary>Older than the newest point: a forecast has already been made from what was known then.</summary>
    Late,
}

/// <summary>
/// Demand on a fixed grid of intervals, newest last, with a bounded memory. Missing points keep a place on the grid, so that
/// a gap never shifts the season: they carry an estimate for the models to read and are never scored or trained on.
/// </summary>
/// <remarks>
/// Estimates are causal. While a gap is open, its points repeat the last value (or, past the limit, the same time a day ago);
/// when a short gap closes, its points are redrawn on the straight line between its two ends.
/// </remarks>
public sealed class DemandSeries
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private readonly int _retainPoints;
    private readonly int _linearGapPoints;
    private readonly double[] _values;
    private readonly double[] _cumulative;
    private readonly bool[] _real;
    private int _openGapPoints;

    /// <param name="interval">Grid step; must divide a day, from 1 second to 6 hours.</param>
    /// <param name="start">Start of the first interval.</param>
    /// <param name="retainPoints">Points always kept; older ones are dropped a batch at a time.</param>
    public DemandSeries(TimeSpan interval, DateTimeOffset start, int retainPoints)
    {
        if (interval < TimeSpan.FromSeconds(1) || interval > TimeSpan.FromHours(6) || Day.Ticks % interval.Ticks != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(interval), interval, "The interval must divide a day, from 1 s to 6 h.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(retainPoints, 2);
        Interval = interval;
        Start = start;
        StepsPerDay = (int)(Day.Ticks / interval.Ticks);
        _retainPoints = retainPoints;
        _linearGapPoints = Math.Max(1, (int)(TimeSpan.FromMinutes(10).Ticks / interval.Ticks));
        var capacity = retainPoints + Math.Max(64, retainPoints / 16);
        _values = new double[capacity];
        _cumulative = new double[capacity + 1];
        _real = new bool[capacity];
    }

    public TimeSpan Interval { get; }

    /// <summary>Start of the interval at absolute position 0.</summary>
    public DateTimeOffset Start { get; }

    public int StepsPerDay { get; }

    /// <summary>Points held now.</summary>
    public int Count { get; private set; }

    /// <summary>Absolute position of the oldest point held: how many were dropped before it.</summary>
    public long Offset { get; private set; }

    /// <summary>Points ever observed, without the missing ones.</summary>
    public long RealPoints { get; private set; }

    /// <summary>Missing points at the newest end: 0 when the newest point was observed.</summary>
    public int OpenGapPoints => _openGapPoints;

    /// <summary>True when the newest points have been missing for longer than can be filled in with a straight line.</summary>
    public bool IsStale => _openGapPoints > _linearGapPoints;

    /// <summary>Start of the interval after the newest one.</summary>
    public DateTimeOffset End => TimeOf(Count);

    /// <summary>Values held, oldest first; estimates where <see cref="IsReal"/> is false.</summary>
    public ReadOnlySpan<double> Values => _values.AsSpan(0, Count);

    /// <summary>Running sums: entry <c>i</c> is the sum of the first <c>i</c> values held.</summary>
    internal ReadOnlySpan<double> Cumulative => _cumulative.AsSpan(0, Count + 1);

    internal Past Past => new(Values, Cumulative, Offset);

    public bool IsReal(int index) => _real[index];

    /// <summary>Start of the interval at <paramref name="index"/> of <see cref="Values"/>; may lie beyond the newest.</summary>
    public DateTimeOffset TimeOf(int index) => Start + (Interval * (Offset + index));

    /// <summary>Appends the value of the interval that starts at <paramref name="at"/> (rounded down to the grid).</summary>
    /// <param name="at">May lie after <see cref="End"/>: the intervals between are then missing.</param>
    /// <param name="value">Not finite or negative counts as missing.</param>
    public AppendResult Append(DateTimeOffset at, double value)
    {
        var position = Math.DivRem((at - Start).Ticks, Interval.Ticks, out var remainder) - (remainder < 0 ? 1 : 0) - Offset;
        if (position < Count)
        {
            return position == Count - 1 ? AppendResult.Duplicate : AppendResult.Late;
        }

        var missing = position - Count;
        if (missing > _retainPoints)
        {
            Forget(missing);   // a gap longer than the memory: what was known is too old to learn from
            missing = 1;
        }

        for (var i = 0; i < missing; i++)
        {
            Append(double.NaN);
        }

        Append(value);
        return missing > 0 ? AppendResult.AppendedAfterGap : AppendResult.Appended;
    }

    /// <summary>Appends the next interval's value; not finite or negative counts as missing.</summary>
    public void Append(double value)
    {
        if (Count == _values.Length)
        {
            DropOldest();
        }

        var real = double.IsFinite(value) && value >= 0;
        if (real)
        {
            RealPoints++;
            CloseGap(value);
        }
        else
        {
            _openGapPoints++;
            value = EstimateMissing();
        }

        _values[Count] = value;
        _real[Count] = real;
        _cumulative[Count + 1] = _cumulative[Count] + value;
        Count++;
    }

    private void Forget(long missing)
    {
        Offset += Count + missing - 1;
        Count = 0;
        RealPoints = 0;
        _openGapPoints = 0;
    }

    private double EstimateMissing()
    {
        if (_openGapPoints > _linearGapPoints && Count >= StepsPerDay)
        {
            return _values[Count - StepsPerDay];
        }

        return Count == 0 ? 0 : _values[Count - 1];
    }

    private void CloseGap(double value)
    {
        var gap = _openGapPoints;
        _openGapPoints = 0;
        if (gap == 0 || gap > _linearGapPoints || Count - gap < 1)
        {
            return;
        }

        var first = Count - gap;
        var before = _values[first - 1];
        for (var i = 0; i < gap; i++)
        {
            _values[first + i] = before + ((value - before) * (i + 1) / (gap + 1));
            _cumulative[first + i + 1] = _cumulative[first + i] + _values[first + i];
        }
    }

    private void DropOldest()
    {
        var drop = Count - _retainPoints;
        Array.Copy(_values, drop, _values, 0, _retainPoints);
        Array.Copy(_real, drop, _real, 0, _retainPoints);
        Count = _retainPoints;
        Offset += drop;
        for (var i = 0; i < Count; i++)
        {
            _cumulative[i + 1] = _cumulative[i] + _values[i];   // summed anew, so rounding never builds up
        }
    }
}

/// <summary>View of a series up to now, for code that walks it index by index.</summary>
internal readonly ref struct Past(ReadOnlySpan<double> values, ReadOnlySpan<double> cumulative, long offset)
{
    private readonly ReadOnlySpan<double> _cumulative = cumulative;

    public ReadOnlySpan<double> Values { get; } = values;

    /// <summary>Absolute position of index 0.</summary>
    public long Offset { get; } = offset;

    /// <summary>Mean of the values from <paramref name="from"/> up to, without, <paramref name="to"/>; the range is cut to what is known.</summary>
    public double Mean(int from, int to)
    {
        from = Math.Max(0, from);
        to = Math.Min(Values.Length, to);
        return (_cumulative[to] - _cumulative[from]) / (to - from);
    }
}
