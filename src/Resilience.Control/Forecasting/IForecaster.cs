namespace Resilience.Control.Forecasting;

/// <summary>One member of the pool, or a challenger that would like to be one.</summary>
/// <remarks>
/// A forecaster belongs to one series and is used by one thread at a time. It sees the past only; whatever it answers is
/// clipped to [0, 3 x the largest value trained on], and a value that is not finite counts as "repeat the last value".
/// </remarks>
public interface IForecaster
{
    /// <summary>Short stable name, as it appears in explanations and metrics.</summary>
    string Name { get; }

    /// <summary>False until there has been enough history to fit.</summary>
    bool IsReady { get; }

    /// <summary>Learns one horizon; called for each horizon in ascending order on every refit.</summary>
    void Fit(TrainingSet training, int horizonIndex);

    /// <summary>A value has arrived: <see cref="ForecastInput.Values"/> ends with it. Called once per interval, fitted or not.</summary>
    void Observe(in ForecastInput input);

    /// <summary>Forecast of the value <see cref="ForecastInput.Horizon"/> steps after the newest. Must not allocate.</summary>
    double Forecast(in ForecastInput input);
}

/// <summary>What a forecaster may read when a value has arrived.</summary>
public readonly ref struct ForecastInput
{
    /// <summary>Values so far, newest last; missing ones are estimates.</summary>
    public required ReadOnlySpan<double> Values { get; init; }

    /// <summary>Absolute position of the newest value on the grid.</summary>
    public required long Position { get; init; }

    /// <summary>False when the newest value is an estimate of a missing one.</summary>
    public required bool IsReal { get; init; }

    /// <summary>Steps ahead; 0 while observing.</summary>
    public int Horizon { get; init; }

    /// <summary>Position of <see cref="Horizon"/> in the options' list.</summary>
    public int HorizonIndex { get; init; }

    /// <summary>The inputs of <see cref="FeatureMap"/> for this horizon; empty while observing or before the first refit.</summary>
    internal ReadOnlySpan<double> Features { get; init; }
}
