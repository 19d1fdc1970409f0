namespace Resilience.Control.Forecasting.Models;

/// <summary>
/// Additive Holt-Winters with a season of one day. Of 24 parameter sets each horizon keeps the one whose forecasts at that
/// horizon were best over the newer half of the training points.
/// </summary>
internal sealed class HoltWintersForecaster(SeasonalClock clock, DayProfile profile, int horizons) : IForecaster
{
    private static readonly Parameters[] Sets =
    [
        .. from alpha in new[] { 0.05, 0.2, 0.5, 0.9 }
           from beta in new[] { 0, 0.02 }
           from gamma in new[] { 0, 0.05, 0.2 }
           select new Parameters(alpha, beta, gamma),
    ];

    private readonly State[] _states = [.. Enumerable.Range(0, horizons).Select(_ => new State(clock.StepsPerDay))];
    private readonly DayProfile _early = new(clock, profile.MaxDays);
    private readonly State _trial = new(clock.StepsPerDay);

    public string Name => "hw";

    public bool IsReady { get; private set; }

    public void Fit(TrainingSet training, int horizonIndex)
    {
        if (horizonIndex > 0 || training.TrainPoints < 2 * clock.StepsPerDay)
        {
            return;
        }

        var series = training.Series;
        var first = series.Count - training.TrainPoints;
        var phases = training.Workspace.Phases(training.TrainPoints);
        for (var i = 0; i < phases.Length; i++)
        {
            phases[i] = clock.Phase(series.Offset + first + i);
        }

        var scoreFrom = Math.Max(clock.StepsPerDay, training.TrainPoints / 2);
        _early.Fit(series, first + scoreFrom, training.Workspace);
        Span<double> best = stackalloc double[horizons];
        best.Fill(double.PositiveInfinity);
        Span<double> errors = stackalloc double[horizons];
        foreach (var set in Sets)
        {
            Run(training, set, phases, scoreFrom, errors);
            for (var h = 0; h < horizons; h++)
            {
                if (errors[h] < best[h])
                {
                    best[h] = errors[h];
                    _states[h].Set = set;
                }
            }
        }

        foreach (var state in _states)
        {
            state.Start(state.Set, series.Values[first], phases[0], profile);
            for (var i = 0; i < training.TrainPoints; i++)
            {
                if (series.IsReal(first + i))
                {
                    state.Update(series.Values[first + i], phases[i]);
                }
            }
        }

        IsReady = true;
    }

    public void Observe(in ForecastInput input)
    {
        if (!IsReady || !input.IsReal)
        {
            return;
        }

        var phase = clock.Phase(input.Position);
        foreach (var state in _states)
        {
            state.Update(input.Values[^1], phase);
        }
    }

    public double Forecast(in ForecastInput input) =>
        _states[input.HorizonIndex].Forecast(input.Horizon, clock.Phase(input.Position + input.Horizon));

    /// <summary>Scores one parameter set on the newer part of the training points; the usual day is learned from the older part.</summary>
    private void Run(TrainingSet training, Parameters set, ReadOnlySpan<int> phases, int scoreFrom, Span<double> errors)
    {
        errors.Clear();
        var series = training.Series;
        var first = series.Count - training.TrainPoints;
        var values = series.Values[first..];
        _trial.Start(set, values[0], phases[0], _early);
        for (var i = 0; i < values.Length; i++)
        {
            if (series.IsReal(first + i))
            {
                _trial.Update(values[i], phases[i]);
            }

            for (var h = 0; i >= scoreFrom && h < errors.Length; h++)
            {
                var target = i + training.Horizons[h];
                if (target < values.Length)
                {
                    errors[h] += Math.Abs(values[target] - _trial.Forecast(training.Horizons[h], phases[target]));
                }
            }
        }
    }

    private readonly record struct Parameters(double Alpha, double Beta, double Gamma);

    private sealed class State(int stepsPerDay)
    {
        private readonly float[] _season = new float[stepsPerDay];
        private double _level;
        private double _trend;

        public Parameters Set { get; set; }

        /// <summary>Starts from a usual day; without seasonal adaptation there is no season at all: plain exponential smoothing.</summary>
        public void Start(Parameters set, double value, int phase, DayProfile usual)
        {
            Set = set;
            _trend = 0;
            for (var i = 0; i < _season.Length; i++)
            {
                _season[i] = set.Gamma == 0 ? 0 : (float)(usual.ForPhase(i) - usual.Mean);
            }

            _level = value - _season[phase];
        }

        public void Update(double value, int phase)
        {
            var season = _season[phase];
            var expected = _level + _trend;
            var level = expected + (Set.Alpha * (value - season - expected));
            _trend += Set.Beta * Set.Alpha * (value - season - expected);
            _level = level;
            _season[phase] = (float)(season + (Set.Gamma * (1 - Set.Alpha) * (value - season - expected)));
        }

        public double Forecast(int horizon, int phase) => _level + (horizon * _trend) + _season[phase];
    }
}
