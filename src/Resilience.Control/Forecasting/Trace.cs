namespace Resilience.Control.Forecasting;

/// <summary>A recorded demand series on a fixed grid; missing points are NaN.</summary>
/// <param name="Start">Start of the first interval.</param>
/// <param name="Interval">Grid step.</param>
/// <param name="Values">One per interval.</param>
public sealed record Trace(DateTimeOffset Start, TimeSpan Interval, IReadOnlyList<double> Values)
{
    public int Count => Values.Count;

    public DateTimeOffset TimeOf(int index) => Start + (Interval * index);

    public int Steps(TimeSpan span) => (int)(span.Ticks / Interval.Ticks);

    /// <summary>The trace up to an instant.</summary>
    public Trace Until(DateTimeOffset end) => this with { Values = [.. Values.Take((int)Math.Clamp((end - Start).Ticks / Interval.Ticks, 0, Count))] };

    /// <summary>A series that has seen the first <paramref name="count"/> points, or as many of them as it retains.</summary>
    public DemandSeries Take(int count, int retainPoints)
    {
        var from = Math.Max(0, count - retainPoints);
        var series = new DemandSeries(Interval, TimeOf(from), retainPoints);
        for (var i = from; i < count; i++)
        {
            series.Append(Values[i]);
        }

        return series;
    }

    /// <summary>Mean change since the same time a day before, over a range of indexes: the yardstick of the mean absolute scaled error.</summary>
    public double SeasonalScale(int from, int to)
    {
        var (sum, count) = (0d, 0);
        var day = Steps(TimeSpan.FromDays(1));
        for (var i = Math.Max(from, day); i < to; i++)
        {
            if (!double.IsNaN(Values[i]) && !double.IsNaN(Values[i - day]))
            {
                sum += Math.Abs(Values[i] - Values[i - day]);
                count++;
            }
        }

        return count == 0 ? 0 : sum / count;
    }

    /// <summary>Empirical quantile of the observed values in a range of indexes; NaN when there are none.</summary>
    public double Quantile(int from, int to, double q)
    {
        var sorted = Values.Skip(from).Take(to - from).Where(value => !double.IsNaN(value)).Order().ToArray();
        if (sorted.Length == 0)
        {
            return double.NaN;
        }

        var rank = q * (sorted.Length - 1);
        var below = (int)rank;
        return sorted[below] + ((rank - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]));
    }
}
