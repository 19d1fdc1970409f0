namespace Resilience.Control.Forecasting;

/// <summary>What a forecaster may learn from at a refit: the series up to now, and inputs with known outcomes per horizon.</summary>
public sealed class TrainingSet
{
    private readonly ForecastWorkspace _workspace;

    internal TrainingSet(DemandSeries series, SeasonalClock clock, IReadOnlyList<int> horizons, int trainPoints, ForecastWorkspace workspace)
    {
        Series = series;
        Clock = clock;
        Horizons = horizons;
        TrainPoints = Math.Min(trainPoints, series.Count);
        _workspace = workspace;
        Summarise();
    }

    public DemandSeries Series { get; }

    public SeasonalClock Clock { get; }

    public IReadOnlyList<int> Horizons { get; }

    /// <summary>Newest points of the series to learn from.</summary>
    public int TrainPoints { get; }

    /// <summary>Largest observed value of the training points.</summary>
    public double Max { get; private set; }

    /// <summary>Median observed value of the training points, at least a millionth of the largest.</summary>
    public double Median { get; private set; }

    /// <summary>Observed values below and above which lie 0.2% of the training points.</summary>
    internal (double Low, double High) WinsorLimits { get; private set; }

    internal ForecastWorkspace Workspace => _workspace;

    /// <summary>Rows of the current horizon.</summary>
    internal int Rows { get; private set; }

    internal FeatureMap? Features { get; private set; }

    /// <summary>Inputs, row by row, of the current horizon.</summary>
    internal ReadOnlySpan<double> Inputs => _workspace.Inputs.AsSpan(0, Rows * Features!.Inputs);

    /// <summary>Outcomes, one per row, of the current horizon; winsorised.</summary>
    internal ReadOnlySpan<double> Targets => _workspace.Targets.AsSpan(0, Rows);

    /// <summary>Builds the rows of one horizon: every origin whose outcome was observed, oldest first.</summary>
    internal void Build(FeatureMap features, DayProfile profile, int horizon)
    {
        Features = features;
        var first = Math.Max(Series.Count - TrainPoints, features.Reach);
        var origins = Math.Max(0, Series.Count - horizon - first);
        _workspace.Reserve(origins, features.Inputs);
        var (low, high) = WinsorLimits;
        Rows = 0;
        for (var origin = first; origin < Series.Count - horizon; origin++)
        {
            if (!Series.IsReal(origin + horizon) || IsOutage(origin + horizon))
            {
                continue;
            }

            features.Fill(
                Series.Past, origin, horizon, profile, _workspace,
                _workspace.Inputs.AsSpan(Rows * features.Inputs, features.Inputs));
            _workspace.Targets[Rows++] = Math.Clamp(Series.Values[origin + horizon], low, high);
        }
    }

    /// <summary>
    /// A run of exact zeros in a series that otherwise never comes near zero is an outage of the service or of its metrics:
    /// nothing to learn demand from.
    /// </summary>
    private bool IsOutage(int index)
    {
        if (Series.Values[index] > 0 || WinsorLimits.Low > 0 || Median <= 4)
        {
            return Series.Values[index] == 0 && WinsorLimits.Low > 0;
        }

        var from = Math.Max(0, index - 15);
        var to = Math.Min(Series.Count, index + 16);
        return Series.Cumulative[to] - Series.Cumulative[from] == 0;
    }

    private void Summarise()
    {
        var sorted = _workspace.Sort(TrainPoints);
        var n = 0;
        for (var i = Series.Count - TrainPoints; i < Series.Count; i++)
        {
            if (Series.IsReal(i))
            {
                sorted[n++] = Series.Values[i];
            }
        }

        sorted = sorted[..n];
        sorted.Sort();
        Max = n == 0 ? 0 : sorted[^1];
        Median = n == 0 ? 1 : Math.Max(sorted[n / 2], Math.Max(Max * 1e-6, 1e-9));
        WinsorLimits = n == 0 ? (0, 0) : (sorted[(int)(n * 0.002)], sorted[Math.Min(n - 1, (int)(n * 0.998))]);
    }
}
