namespace Resilience.Control.Forecasting;

/// <summary>
/// One-sided quantiles around a forecast, from nothing but how wrong it has been lately. Residuals are scaled by
/// sqrt(forecast x median), between additive and multiplicative, and kept for a long window; a short window of the newest
/// residuals widens the band when demand has just become more volatile.
/// </summary>
internal sealed class ConformalBand
{
    /// <summary>Levels that are watched and kept.</summary>
    public static readonly double[] Levels = [0.9, 0.99];

    /// <summary>How far the share of misses read may differ from the one promised, as a part of it: at 99% there are few misses to learn from.</summary>
    private static readonly double[] MaxAdaptation = [0.5, 0.125];

    private readonly double[] _missRatio = [1, 1];
    private readonly double _adaptRate;
    private readonly float[] _ring;
    private readonly float[] _sorted;
    private readonly float[] _guardSorted;
    private long _added;

    /// <param name="windowPoints">Residuals the quantiles are drawn from.</param>
    /// <param name="guardPoints">Newest residuals that guard against a burst of volatility; at most the window.</param>
    public ConformalBand(int windowPoints, int guardPoints)
    {
        _ring = new float[windowPoints];
        _adaptRate = Math.Min(0.001, 2.0 / windowPoints);
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

    /// <summary>
    /// Takes in whether an outcome exceeded its quantile, one of <see cref="Levels"/>: after misses beyond what was promised the level
    /// that is read rises, after too few it falls, until what was promised is kept.
    /// </summary>
    /// <remarks>Adaptive conformal inference (Gibbs and Candes, 2021), relative to the promised share of misses and bounded.</remarks>
    public void Adapt(int level, bool missed)
    {
        var promised = 1 - Levels[level];
        _missRatio[level] = Math.Clamp(_missRatio[level] + (_adaptRate * (promised - (missed ? 1 : 0)) / promised), 1 - MaxAdaptation[level], 1 + MaxAdaptation[level]);
    }

    /// <summary>Scaled residual that a share <paramref name="q"/> of the future ones should stay below; never decreasing in q.</summary>
    public double Quantile(double q)
    {
        var guardCount = (int)Math.Min(_added, _guardSorted.Length);
        return Math.Max(Between(_sorted, Count, Adapted(q)), Between(_guardSorted, guardCount, Math.Min(q, 0.95)));
    }

    /// <summary>The level to read so that <paramref name="q"/> is kept: by what was learned at the watched levels, in between by the logarithm of the share of misses.</summary>
    private double Adapted(double q)
    {
        var ratio = q <= 0.5 ? 1
            : q < Levels[0] ? 1 + ((_missRatio[0] - 1) * (q - 0.5) / (Levels[0] - 0.5))
            : q < Levels[1] ? _missRatio[0] + ((_missRatio[1] - _missRatio[0]) * Math.Log((1 - q) / (1 - Levels[0])) / Math.Log((1 - Levels[1]) / (1 - Levels[0])))
            : _missRatio[1];
        return 1 - ((1 - q) * ratio);
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
