using Resilience.Control.Forecasting;

namespace Resilience.Control.Scaling;

/// <summary>How far a plan may rest on a forecast.</summary>
public enum ForecastTrust
{
    /// <summary>The forecast has a record and beats repeating the last value, or is too young to have lost.</summary>
    Trusted,

    /// <summary>Not enough history yet.</summary>
    TooYoung,

    /// <summary>Demand has been missing for longer than can be filled in.</summary>
    Stale,

    /// <summary>The past says next to nothing about the future; the quantiles of the past itself are used.</summary>
    NotForecastable,

    /// <summary>Repeating the last value would have been as good over the residual window; there is no floor.</summary>
    NotBetterThanNaive,
}

/// <summary>What is expected until a replica requested now would serve.</summary>
/// <param name="At">Start of the newest interval.</param>
/// <param name="Lead">Time from a request for replicas to their service.</param>
/// <param name="Demand">Newest demand, in the unit of the capacity.</param>
/// <param name="RecentHigh">Largest demand within the drop guard's time.</param>
/// <param name="TypicalDemand">Mean demand of the last week, or of what is known; what a budget is paced by.</param>
/// <param name="Peaks">For each of <see cref="Levels"/>: the demand that level of confidence covers throughout the lead; empty without a forecast.</param>
/// <param name="Expected">Expected demand at the end of the lead.</param>
/// <param name="WhyNoForecast">Why there is no forecast; null when there is one.</param>
public sealed record DemandOutlook(
    DateTimeOffset At, TimeSpan Lead, double Demand, double RecentHigh, double TypicalDemand, IReadOnlyList<double> Peaks, double Expected, string? WhyNoForecast)
{
    /// <summary>Levels of confidence at which plans are drawn up.</summary>
    public static IReadOnlyList<double> Levels { get; } = [0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999];

    /// <summary>What the peaks come from, for explanations: <c>forecast</c>, or <c>usual</c> when only the past distribution is known.</summary>
    public string Basis { get; init; } = "forecast";

    public bool HasForecast => Peaks.Count == Levels.Count;

    /// <summary>Reads a forecaster; the horizons up to the lead count, and the first one beyond it when the lead falls between two.</summary>
    public static DemandOutlook From(DemandForecaster forecaster, int leadSteps, TimeSpan guardTime)
    {
        ArgumentNullException.ThrowIfNull(forecaster);
        var series = forecaster.Series;
        var at = series.End - series.Interval;
        var lead = series.Interval * leadSteps;
        var recent = series.Values[Math.Max(0, series.Count - 1 - (int)(guardTime.Ticks / series.Interval.Ticks))..];
        var high = 0d;
        foreach (var value in recent)
        {
            high = Math.Max(high, value);
        }

        var week = Math.Min(series.Count, 7 * series.StepsPerDay);
        var typical = series.Past.Mean(series.Count - week, series.Count);
        var why = Why(forecaster);
        if (why is not null)
        {
            return new DemandOutlook(at, lead, series.Values[^1], high, typical, [], series.Values[^1], why);
        }

        var used = 1;
        while (used < forecaster.Horizons.Count && forecaster.Horizons[used - 1] < leadSteps)
        {
            used++;
        }

        var peaks = new double[Levels.Count];
        for (var level = 0; level < peaks.Length; level++)
        {
            for (var h = 0; h < used; h++)
            {
                peaks[level] = Math.Max(peaks[level], forecaster.Quantile(h, Levels[level]));
            }

            peaks[level] = level == 0 ? peaks[0] : Math.Max(peaks[level], peaks[level - 1]);
        }

        return new DemandOutlook(at, lead, series.Values[^1], high, typical, peaks, forecaster.Point(used - 1), null);
    }

    /// <summary>Demand covered at a level of confidence; straight lines between the levels.</summary>
    public double Peak(double quantile)
    {
        var above = 1;
        while (above < Levels.Count - 1 && Levels[above] < quantile)
        {
            above++;
        }

        var share = (quantile - Levels[above - 1]) / (Levels[above] - Levels[above - 1]);
        return Peaks[above - 1] + (Math.Clamp(share, 0, 1) * (Peaks[above] - Peaks[above - 1]));
    }

    /// <summary>Chance that demand exceeds a capacity before the lead is over: 0.0005 (beyond the highest level) to 0.5 and above.</summary>
    public double Risk(double capacity)
    {
        if (capacity < Peaks[0])
        {
            return Math.Min(1, 1 - (0.5 * capacity / Math.Max(Peaks[0], double.Epsilon)));
        }

        for (var level = 1; level < Peaks.Count; level++)
        {
            if (capacity < Peaks[level])
            {
                var share = (capacity - Peaks[level - 1]) / (Peaks[level] - Peaks[level - 1]);
                return 1 - (Levels[level - 1] + (share * (Levels[level] - Levels[level - 1])));
            }
        }

        return (1 - Levels[^1]) / 2;
    }

    /// <summary>
    /// The outlook that a plan may rest on. A series that cannot be forecast gets the quantiles of its own past instead, and a
    /// forecast that has lost against repeating the last value is withheld: no floor comes from a model that has lost.
    /// </summary>
    /// <remarks>Source of the rule: trailing skill against the mean of at most 2% means that only the marginal distribution is known.</remarks>
    public static (DemandOutlook Outlook, ForecastTrust Trust) Trusted(DemandForecaster forecaster, int leadSteps, TimeSpan guardTime)
    {
        var outlook = From(forecaster, leadSteps, guardTime);
        if (!outlook.HasForecast)
        {
            return (outlook, forecaster.Stage != ForecastStage.Silent && forecaster.Series.IsStale ? ForecastTrust.Stale : ForecastTrust.TooYoung);
        }

        if (!forecaster.IsForecastable)
        {
            var peaks = MarginalPeaks(forecaster.Series);
            return (outlook with { Peaks = peaks, Expected = peaks[0], Basis = "usual" }, ForecastTrust.NotForecastable);
        }

        return forecaster.IsBetterThanNaive
            ? (outlook, ForecastTrust.Trusted)
            : (outlook with { Peaks = [], WhyNoForecast = "the forecast is no better than repeating the last value" }, ForecastTrust.NotBetterThanNaive);
    }

    /// <summary>Quantiles of the observed demand of the last week, or of what is known.</summary>
    private static double[] MarginalPeaks(DemandSeries series)
    {
        var from = Math.Max(0, series.Count - (7 * series.StepsPerDay));
        var observed = new List<double>(series.Count - from);
        for (var i = from; i < series.Count; i++)
        {
            if (series.IsReal(i))
            {
                observed.Add(series.Values[i]);
            }
        }

        observed.Sort();
        return [.. Levels.Select(level => observed[Math.Clamp((int)Math.Ceiling(level * observed.Count) - 1, 0, observed.Count - 1)])];
    }

    private static string? Why(DemandForecaster forecaster) =>
        forecaster.Stage == ForecastStage.Silent ? "fewer than 30 points of history"
        : forecaster.Series.IsStale ? "the metrics are stale"
        : double.IsNaN(forecaster.Quantile(0, 0.5)) ? "no record of forecast errors yet"
        : forecaster.HasForecast ? null : "the models have not been fitted";
}
