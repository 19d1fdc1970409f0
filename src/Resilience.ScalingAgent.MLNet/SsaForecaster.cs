using Microsoft.ML;
using Microsoft.ML.Transforms.TimeSeries;
using Resilience.Control.Forecasting;

namespace Resilience.ScalingAgent.MLNet;

/// <summary>
/// Singular spectrum analysis of Microsoft.ML.TimeSeries as a challenger: it runs in the shadow and enters the pool only where it proves
/// better. Its known traps are guarded here, because each of them ends in a wrong floor and not in an error.
/// </summary>
/// <remarks>
/// The engine keeps a state that every observation moves, but its basis is only renewed by a fit; <c>isAdaptive</c> and <c>discountFactor</c>
/// do nothing in it and <c>maxRank</c> is not passed on, so none of them is set. Not thread-safe, as every forecaster.
/// </remarks>
internal sealed class SsaForecaster : IForecaster, IDisposable
{
    /// <summary>The native part tries every rank below the window, each with a pass over the training points: an hour of minutes is what it can do in time.</summary>
    private const int LongestWindow = 60;

    /// <summary>Training points used at most: two days of minutes.</summary>
    private const int LongestTraining = 2_880;

    private readonly MLContext _ml = new(seed: 1);
    private readonly int _horizon;
    private readonly float[] _forecast;
    private TimeSeriesPredictionEngine<Point, Course>? _engine;

    /// <param name="horizon">Most steps ahead that will be asked for. The engine's buffers want the horizon of the fit and of the question to be the same.</param>
    public SsaForecaster(int horizon)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(horizon, 1);
        _horizon = horizon;
        _forecast = new float[horizon];
    }

    public string Name => "ssa";

    public bool IsReady => _engine is not null;

    /// <summary>Called for each horizon; one fit answers all, so the first call does the work.</summary>
    public void Fit(TrainingSet training, int horizonIndex)
    {
        ArgumentNullException.ThrowIfNull(training);
        if (horizonIndex != 0)
        {
            return;
        }

        var values = Newest(training.Series.Values[^training.TrainPoints..]);
        var window = Math.Min(LongestWindow, (values.Length / 2) - 1);
        // Fewer valid rows than two windows: the library warns in a log nobody reads and then forecasts zero, a floor of nothing.
        // The same happens to a constant, whose covariance has no direction.
        if (window < 8 || values.Length <= 2 * window || IsConstant(values))
        {
            Forget();
            return;
        }

        Forget();
        var data = _ml.Data.LoadFromEnumerable(values.Select(value => new Point { Value = value }));
        var model = _ml.Forecasting.ForecastBySsa(
            nameof(Course.Forecast), nameof(Point.Value), windowSize: window, seriesLength: values.Length, trainSize: values.Length, horizon: _horizon).Fit(data);
        _engine = model.CreateTimeSeriesEngine<Point, Course>(_ml);
        Ask();
    }

    /// <summary>Moves the engine's state. A missing value comes as its estimate: the library drops what is not a number, which would shift the season.</summary>
    public void Observe(in ForecastInput input)
    {
        if (_engine is not null)
        {
            Keep(_engine.Predict(new Point { Value = (float)input.Values[^1] }));
        }
    }

    public double Forecast(in ForecastInput input) => input.Horizon <= _horizon ? _forecast[input.Horizon - 1] : double.NaN;

    public void Dispose() => Forget();

    private void Ask() => Keep(_engine!.Predict());

    private void Keep(Course course) => course.Forecast.AsSpan(0, Math.Min(course.Forecast.Length, _horizon)).CopyTo(_forecast);

    private void Forget()
    {
        _engine?.Dispose();
        _engine = null;
    }

    private static float[] Newest(ReadOnlySpan<double> values)
    {
        var used = values[Math.Max(0, values.Length - LongestTraining)..];
        var single = new float[used.Length];
        for (var i = 0; i < used.Length; i++)
        {
            single[i] = (float)used[i];
        }

        return single;
    }

    private static bool IsConstant(float[] values) => Array.TrueForAll(values, value => value == values[0]);

    private sealed class Point
    {
        public float Value { get; set; }
    }

    private sealed class Course
    {
        public float[] Forecast { get; set; } = [];
    }
}
