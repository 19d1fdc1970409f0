namespace Resilience.Control.Forecasting;

/// <summary>
/// One-sided quantiles around a forecast, from nothing but how wrong it has been lately. Residuals are scaled by
/// sqrt(forecast x median), between additive and multiplicative, and kept for a long window; a short window of the newest
/// residuals widens the band when demand has just become more volatile.
/// </summary>
internal sealed class ConformalBand
{
    private readonly float[] _ring;
    private readonly float[] _sorted;
    private readonly float[] _guardSorted;
    private long _added;

    /// <param name="windowPoints">Residuals the quantiles are drawn from.</param>
    /// <param name="guardPoints">Newest residuals that guard against a burst of volatility; at most the window.</param>
    public ConformalBand(int windowPoints, int guardPoints)
    {
        _ring = new float[windowPoints];
        _sorted = new float[windowPoints];
        _guardSorted = new float[Math.Min(guardPoints, windowPoints)];
    }

    /// <summary>Residuals held.</summary>
    public int Count => (int)Math.Min(_added, _ring.Length);

    /// <summary>Scale of a residual at a forecast level.</summary>
    public static double Scale(double forecast, double median) => Math.Sqrt(Math.Max(forecast, 0.01 * median) * median);

    public void Add(double residual)
    {
        var value = (float)residual;
        var guardCount = (int)Math.Min(_added, _guardSorted.Length);
        if (guardCount == _guardSorted.Length)
        {
            Remove(_guardSorted, guardCount--, _ring[(_added - _guardSorted.Length) % _ring.Length]);
        }

        Insert(_guardSorted, guardCount, value);
        var count = Count;
        if (count == _ring.Length)
        {
            Remove(_sorted, count--, _ring[_added % _ring.Length]);
        }

        Insert(_sorted, count, value);
        _ring[_added % _ring.Length] = value;
        _added++;
    }

    /// <summary>Scaled residual that a share <paramref name="q"/> of the future ones should stay below; never decreasing in q.</summary>
    public double Quantile(double q)
    {
        var guardCount = (int)Math.Min(_added, _guardSorted.Length);
        return Math.Max(Between(_sorted, Count, q), Between(_guardSorted, guardCount, Math.Min(q, 0.95)));
    }

    /// <summary>Quantile by interpolation: with few residuals the next one up may be far away.</summary>
    private static double Between(float[] sorted, int count, double q)
    {
        var rank = q * (count - 1);
        var below = (int)rank;
        return count == 0 ? double.NaN : sorted[below] + ((rank - below) * (sorted[Math.Min(below + 1, count - 1)] - sorted[below]));
    }

    private static void Insert(float[] sorted, int count, float value)
    {
        var at = Array.BinarySearch(sorted, 0, count, value);
        at = at < 0 ? ~at : at;
        Array.Copy(sorted, at, sorted, at + 1, count - at);
        sorted[at] = value;
    }

    private static void Remove(float[] sorted, int count, float value)
    {
        var at = Math.Max(0, Array.BinarySearch(sorted, 0, count, value));
        Array.Copy(sorted, at + 1, sorted, at, count - at - 1);
    }
}
