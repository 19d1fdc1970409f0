namespace Resilience.Control.Forecasting;

/// <summary>What a challenger has shown while it ran in the shadow: its own calibrated quantiles, and how well they held.</summary>
internal sealed class ChallengerRecord(int horizons, int residualPoints, int coverageSteps)
{
    private readonly ConformalBand[] _bands = [.. Enumerable.Range(0, horizons).Select(_ => new ConformalBand(residualPoints, 60))];
    private readonly TrailingMean _covered = new(horizons, coverageSteps);

    /// <summary>True while the challenger is part of the pool.</summary>
    public bool Entered { get; set; }

    public void Add(int horizonIndex, double actual, double forecast, double median)
    {
        var band = _bands[horizonIndex];
        var residual = (actual - forecast) / ConformalBand.Scale(forecast, median);
        if (band.Count >= 30)
        {
            _covered.Add(horizonIndex, residual <= band.Quantile(0.99) ? 1 : 0);
        }

        band.Add(residual);
    }

    public void Advance() => _covered.Advance();

    /// <summary>
    /// True when q.99 covered between 98% and 99.7% of the outcomes; with too few outcomes to tell 99.7% from all, no upper limit.
    /// </summary>
    public bool IsCalibrated(int horizonIndex) =>
        _covered[horizonIndex] is >= 0.98 and var covered && (covered <= 0.997 || _covered.Count(horizonIndex) < 1_000);
}
