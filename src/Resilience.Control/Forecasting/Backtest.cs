namespace Resilience.Control.Forecasting;

/// <summary>What a rolling-origin evaluation covers. Each step of the evaluation is an origin; nothing after it is known there.</summary>
/// <param name="Train">History before each refit that is learned from.</param>
/// <param name="WarmUp">Time before the evaluation in which weights and quantiles are earned.</param>
/// <param name="Evaluation">Time that is scored; ends where the series ends.</param>
/// <param name="RefitEvery">Time between refits.</param>
/// <param name="Horizons">Steps ahead.</param>
/// <param name="Lead">Steps from a request for replicas to their service, for replays.</param>
public sealed record BacktestWindows(
    TimeSpan Train, TimeSpan WarmUp, TimeSpan Evaluation, TimeSpan RefitEvery, IReadOnlyList<int> Horizons, int Lead)
{
    /// <summary>Windows for a grid: days for grids of minutes, weeks and months for half hours and hours.</summary>
    public static BacktestWindows For(TimeSpan interval)
    {
        var defaults = ForecasterOptions.For(interval, [1]);
        var slow = interval >= TimeSpan.FromMinutes(30);
        return new BacktestWindows(
            defaults.Train,
            TimeSpan.FromDays(!slow ? 2 : interval < TimeSpan.FromHours(1) ? 7 : 14),
            TimeSpan.FromDays(slow ? 60 : 5),
            defaults.RefitEvery,
            slow ? [1, 3, 6] : interval >= TimeSpan.FromMinutes(5) ? [1, 2, 3] : [5, 10, 15],
            slow ? 1 : interval >= TimeSpan.FromMinutes(5) ? 2 : 3);
    }

    /// <summary>The options of a forecaster that is evaluated over these windows.</summary>
    public ForecasterOptions ToOptions(TimeSpan interval) => ForecasterOptions.For(interval, Horizons) with { Train = Train, RefitEvery = RefitEvery };
}

/// <summary>One origin and horizon.</summary>
/// <param name="Origin">Index of the newest value known.</param>
/// <param name="HorizonIndex">Position in the list of horizons.</param>
/// <param name="Actual">What came; NaN when the point is missing.</param>
/// <param name="P50">The pool's forecast.</param>
/// <param name="P90">Calibrated 90% quantile.</param>
/// <param name="P99">Calibrated 99% quantile.</param>
/// <param name="Champion">Model with the most weight.</param>
public readonly record struct BacktestRow(int Origin, int HorizonIndex, double Actual, double P50, double P90, double P99, string Champion);

/// <summary>Scores of one horizon.</summary>
public sealed record BacktestScore(
    int Horizon, int Forecasts, double RelNaive, double Mase, double Smape, double Coverage90, double Coverage99, IReadOnlyDictionary<string, double> ChampionShares);

/// <summary>Scores of one series.</summary>
/// <param name="Scores">One per horizon.</param>
/// <param name="RelNaive">Mean of the horizons.</param>
/// <param name="Refits">Refits done.</param>
/// <param name="RefitSeconds">Longest refit.</param>
/// <param name="ForecastMilliseconds">Mean time of one step: scoring, calibration and forecasting all horizons.</param>
/// <param name="Forecastable">What the forecaster itself said at the end.</param>
public sealed record BacktestResult(
    IReadOnlyList<BacktestScore> Scores, double RelNaive, int Refits, double RefitSeconds, double ForecastMilliseconds, bool Forecastable);

/// <summary>Rolling-origin evaluation of a <see cref="DemandForecaster"/> on a recorded series.</summary>
public static class Backtest
{
    /// <summary>Evaluates and hands every forecast to <paramref name="visit"/> in order of origin, then horizon.</summary>
    /// <param name="trace">Recorded series; not changed.</param>
    /// <param name="windows">What to evaluate.</param>
    /// <param name="options">Options of the forecaster under test.</param>
    /// <param name="clock">Measures the time of refits and steps; does not influence any forecast.</param>
    /// <param name="visit">Receives each forecast; may be null.</param>
    /// <param name="challengers">Further forecasters to compete.</param>
    public static BacktestResult Run(
        Trace trace,
        BacktestWindows windows,
        ForecasterOptions options,
        TimeProvider clock,
        Action<BacktestRow>? visit = null,
        IReadOnlyList<IForecaster>? challengers = null)
    {
        var evaluation = trace.Steps(windows.Evaluation);
        var evaluationFrom = trace.Count - evaluation;
        var warmUpFrom = evaluationFrom - trace.Steps(windows.WarmUp);
        if (warmUpFrom < 2)
        {
            throw new ArgumentException($"The trace holds {trace.Count} points; warm-up and evaluation alone need {trace.Count - warmUpFrom + 2}.", nameof(windows));
        }

        var series = trace.Take(warmUpFrom, options.RetainPoints(trace.Interval));
        var forecaster = new DemandForecaster(series, options, challengers);
        var scorer = new Scorer(trace, windows, warmUpFrom);
        var workspace = new ForecastWorkspace();
        var (refits, slowest, stepping, steps) = (0, TimeSpan.Zero, TimeSpan.Zero, 0);
        for (var i = warmUpFrom; ; i++)
        {
            if (forecaster.RefitDue)
            {
                var started = clock.GetTimestamp();
                forecaster.Refit(workspace);
                slowest = clock.GetElapsedTime(started) is var took && took > slowest ? took : slowest;
                refits++;
            }

            if (i > evaluationFrom)
            {
                scorer.Add(forecaster, i - 1, visit);
            }

            if (i == trace.Count)
            {
                break;
            }

            var stepStarted = clock.GetTimestamp();
            forecaster.Append(trace.Values[i]);
            stepping += clock.GetElapsedTime(stepStarted);
            steps++;
        }

        var scores = scorer.Scores();
        return new BacktestResult(
            scores, scores.Average(score => score.RelNaive), refits, slowest.TotalSeconds, stepping.TotalMilliseconds / steps, forecaster.IsForecastable);
    }

    private sealed class Scorer(Trace trace, BacktestWindows windows, int warmUpFrom)
    {
        private readonly Sums[] _sums = [.. windows.Horizons.Select(_ => new Sums())];

        public void Add(DemandForecaster forecaster, int origin, Action<BacktestRow>? visit)
        {
            for (var h = 0; h < windows.Horizons.Count; h++)
            {
                var target = origin + windows.Horizons[h];
                if (target >= trace.Count || double.IsNaN(forecaster.Point(h)))
                {
                    continue;
                }

                var point = forecaster.Point(h);
                var p90 = Math.Max(point, forecaster.Quantile(h, 0.9));
                var p99 = Math.Max(p90, forecaster.Quantile(h, 0.99));
                var champion = forecaster.Champion(h).Model;
                visit?.Invoke(new BacktestRow(origin, h, trace.Values[target], point, p90, p99, champion));
                var naive = forecaster.Series.Values[^1];
                if (!double.IsNaN(trace.Values[target]))
                {
                    _sums[h].Add(trace.Values[target], point, naive, p90, p99, champion);
                }
            }
        }

        public IReadOnlyList<BacktestScore> Scores() =>
            [.. _sums.Select((sums, h) => sums.ToScore(windows.Horizons[h], trace.SeasonalScale(warmUpFrom - trace.Steps(windows.Train), warmUpFrom)))];
    }

    private sealed class Sums
    {
        private readonly Dictionary<string, int> _champions = [];
        private int _count;
        private double _error;
        private double _actual;
        private double _naive;
        private double _smape;
        private int _covered90;
        private int _covered99;

        public void Add(double actual, double point, double naive, double p90, double p99, string champion)
        {
            _count++;
            _error += Math.Abs(actual - point);
            _actual += actual;
            _naive += Math.Abs(actual - naive);
            _smape += actual + point > 0 ? 2 * Math.Abs(actual - point) / (actual + point) : 0;
            _covered90 += actual <= p90 ? 1 : 0;
            _covered99 += actual <= p99 ? 1 : 0;
            _champions[champion] = _champions.GetValueOrDefault(champion) + 1;
        }

        /// <summary>Errors that are all zero, of a constant series, score as good as the yardstick: 1 against naive, 0 scaled.</summary>
        public BacktestScore ToScore(int horizon, double scale)
        {
            var error = _error > 1e-9 * _actual ? _error : 0;
            return new BacktestScore(
                horizon,
                _count,
                _naive > 0 ? error / _naive : error > 0 ? double.PositiveInfinity : 1,
                scale > 0 ? error / _count / scale : error > 0 ? double.NaN : 0,
                100 * _smape / _count,
                (double)_covered90 / _count,
                (double)_covered99 / _count,
                _champions.OrderByDescending(pair => pair.Value).ToDictionary(pair => pair.Key, pair => (double)pair.Value / _count));
        }
    }
}
