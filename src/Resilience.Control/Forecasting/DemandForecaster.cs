using Resilience.Control.Forecasting.Models;

namespace Resilience.Control.Forecasting;

/// <summary>How much a series has taught so far, and so what is forecast from.</summary>
public enum ForecastStage
{
    /// <summary>Fewer than 30 points: no forecast; the reactive autoscaler is alone.</summary>
    Silent,

    /// <summary>Less than a day: short autoregressions and the last value, equally trusted.</summary>
    Warming,

    /// <summary>One to two days: the day profile and Holt-Winters may join.</summary>
    Young,

    /// <summary>Two days or more: the whole pool.</summary>
    Full,
}

/// <summary>
/// Forecasts one demand series: a pool of models weighted per horizon by their recent errors, challengers that must earn
/// their place, and calibrated one-sided quantiles. Deterministic; no clock, no IO, no randomness.
/// </summary>
/// <remarks>
/// Use: <see cref="Append(DateTimeOffset, double)"/> each interval, <see cref="Refit"/> when <see cref="RefitDue"/> says so (at a
/// moment that suits the host), then read. Appending and reading do not allocate. Not thread-safe.
/// </remarks>
public sealed partial class DemandForecaster
{
    private readonly ForecasterOptions _options;
    private readonly int[] _horizons;
    private readonly SeasonalClock _clock;
    private readonly DayProfile _profile;
    private readonly Member[] _members;
    private readonly int _naive;
    private readonly int _ringLength;
    private readonly double[] _pending;
    private readonly double[] _pendingPool;
    private readonly double[] _pendingScale;
    private readonly double[] _pendingQuantiles;
    private readonly long[] _pendingPosition;
    private readonly double[] _pendingMixture;
    private readonly double[] _pendingBlend;
    private readonly ConvexMixture[] _mixtures;
    private readonly double[] _mixtureWeights;
    private readonly TrailingMean _errors;
    private readonly TrailingMean _poolErrors;
    private readonly TrailingMean _blendErrors;
    private readonly TrailingMean _skillErrors;
    private readonly TrailingMean _covered;
    private readonly ConformalBand[] _bands;
    private readonly VolatilityProfile[] _volatility;
    private readonly double[] _weights;
    private readonly double[] _point;
    private readonly double[] _scale;
    private readonly FeatureMap _shortFeatures;
    private FeatureMap? _fullFeatures;
    private double[] _x = [];
    private double _median = 1;
    private double _max;
    private long _refitPosition = -1;
    private long _stepped = -1;

    public DemandForecaster(DemandSeries series, ForecasterOptions options, IReadOnlyList<IForecaster>? challengers = null)
    {
        options.Validate(series.Interval);
        Series = series;
        _options = options;
        _horizons = [.. options.Horizons];
        _clock = new SeasonalClock(series.Start, series.Interval, options.Zone);
        _profile = new DayProfile(_clock, maxDays: _clock.StepsPerDay > 48 ? 7 : 28);
        _shortFeatures = new FeatureMap(_clock, days: 0, weeks: false);
        _members = CreateMembers(challengers ?? []);
        _naive = Array.FindIndex(_members, member => member.Forecaster is NaiveForecaster);
        var (h, m) = (_horizons.Length, _members.Length);
        _ringLength = _horizons[^1] + 1;
        _pending = new double[_ringLength * h * m];
        _pendingPool = new double[_ringLength * h];
        _pendingScale = new double[_ringLength * h];
        _pendingQuantiles = new double[_ringLength * h * WatchedLevels.Length];
        _pendingPosition = new long[_ringLength];
        Array.Fill(_pendingPosition, -1);
        var errorSteps = Steps(options.ErrorWindow);
        _errors = new TrailingMean(h * m, errorSteps);
        _poolErrors = new TrailingMean(h, errorSteps);
        _pendingMixture = new double[_ringLength * h];
        _pendingBlend = new double[_ringLength * h];
        _mixtures = [.. _horizons.Select(_ => new ConvexMixture(m, errorSteps))];
        _mixtureWeights = new double[m];
        _blendErrors = new TrailingMean(h, Steps(options.ResidualWindow));
        _skillErrors = new TrailingMean(3 * h, Steps(options.ResidualWindow));
        _covered = new TrailingMean(h * WatchedLevels.Length, Steps(options.ResidualWindow));
        var guard = Math.Max(Steps(TimeSpan.FromMinutes(60)), GuardPointsMinimum);
        _bands = [.. _horizons.Select(_ => new ConformalBand(Steps(options.ResidualWindow), guard))];
        _volatility = [.. _horizons.Select(_ => new VolatilityProfile(series.StepsPerDay))];
        _weights = new double[h * m];
        _point = new double[h];
        _scale = new double[h];
        Array.Fill(_point, double.NaN);
    }

    public DemandSeries Series { get; }

    public IReadOnlyList<int> Horizons => _horizons;

    public ForecastStage Stage => _refitPosition < 0 ? ForecastStage.Silent
        : Series.RealPoints < Series.StepsPerDay ? ForecastStage.Warming
        : Series.RealPoints < 2 * Series.StepsPerDay ? ForecastStage.Young
        : ForecastStage.Full;

    /// <summary>True when a forecast can be read: there was a refit, and the newest value is not missing for too long.</summary>
    public bool HasForecast => _stepped == Newest && !double.IsNaN(_point[0]) && !Series.IsStale;

    /// <summary>True when the models have not been fitted for as long as their stage allows.</summary>
    public bool RefitDue
    {
        get
        {
            if (Series.RealPoints < MinimumPoints)
            {
                return false;
            }

            var every = Series.RealPoints < Series.StepsPerDay ? Math.Max(MinimumPoints, Series.StepsPerDay / 24)
                : Series.RealPoints < 2 * Series.StepsPerDay ? Math.Max(MinimumPoints, Series.StepsPerDay / 4)
                : Math.Min(Steps(_options.RefitEvery), Math.Max((int)Math.Min(int.MaxValue, Series.RealPoints / 4), Series.StepsPerDay / 4));
            return _refitPosition < 0 || Newest - _refitPosition >= every;
        }
    }

    /// <summary>Largest value trained on; forecasts are clipped at three times this.</summary>
    public double TrainedMax => _max;

    private const int MinimumPoints = 30;
    private const int GuardPointsMinimum = 12;

    private long Newest => Series.Offset + Series.Count - 1;

    /// <summary>Appends one sample and forecasts from it; missing intervals before it are stepped through as missing.</summary>
    public AppendResult Append(DateTimeOffset at, double value)
    {
        if (at >= Series.End + Series.Interval && at - Series.End <= TimeSpan.FromDays(1))
        {
            while (at >= Series.End + Series.Interval)
            {
                Append(double.NaN);
            }

            Append(value);
            return AppendResult.AppendedAfterGap;
        }

        var result = Series.Append(at, value);
        if (result is AppendResult.Appended or AppendResult.AppendedAfterGap)
        {
            Step();
        }

        return result;
    }

    /// <summary>Appends the next interval's value (not finite or negative: missing) and forecasts from it.</summary>
    public void Append(double value)
    {
        Series.Append(value);
        Step();
    }

    /// <summary>
    /// Brings a new instance to where it would be had it run all along: the history is appended, the models are fitted as of
    /// one residual window before its end, and the rest is stepped through, which restores weights, champion and calibration.
    /// </summary>
    public void Restore(ReadOnlySpan<double> history, ForecastWorkspace workspace)
    {
        var learned = Math.Max(0, history.Length - Steps(_options.ResidualWindow));
        foreach (var value in history[..learned])
        {
            Series.Append(value);
        }

        if (RefitDue)
        {
            Refit(workspace);
        }

        foreach (var value in history[learned..])
        {
            Append(value);
            if (RefitDue)
            {
                Refit(workspace);
            }
        }
    }

    /// <summary>Fits all models to the history so far and forecasts again from the newest value.</summary>
    public void Refit(ForecastWorkspace workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        var m = Series.StepsPerDay;
        var training = new TrainingSet(Series, _clock, _horizons, Steps(_options.Train), workspace);
        (_median, _max) = (training.Median, training.Max);
        _profile.Fit(Series, workspace);
        if (Series.Count >= 2 * m)
        {
            ChooseFeatures(training.TrainPoints);
        }

        for (var h = 0; h < _horizons.Length; h++)
        {
            FitGroup(training, h, FeatureUse.None, features: null);
            if (_fullFeatures is not null)
            {
                FitGroup(training, h, FeatureUse.Full, _fullFeatures);
            }

            if (!FullIsReady)
            {
                FitGroup(training, h, FeatureUse.Short, _shortFeatures);
            }
        }

        _refitPosition = Newest;
        Forecast();
    }

    private bool FullIsReady => Array.TrueForAll(_members, member => member.Record is not null || member.Uses == FeatureUse.Short || member.Forecaster.IsReady);

    private void FitGroup(TrainingSet training, int horizonIndex, FeatureUse use, FeatureMap? features)
    {
        if (features is not null)
        {
            training.Build(features, _profile, _horizons[horizonIndex]);
            if (_x.Length < features.Inputs)
            {
                _x = new double[features.Inputs];
            }
        }

        foreach (var member in _members)
        {
            if (member.Uses == use)
            {
                member.Forecaster.Fit(training, horizonIndex);
            }
        }
    }

    /// <summary>Looks back three days, or as many as leave a day to learn from; looks back weeks once they leave most of the training points.</summary>
    private void ChooseFeatures(int trainPoints)
    {
        var m = Series.StepsPerDay;
        var weekly = new FeatureMap(_clock, days: 3, weeks: true);
        _fullFeatures = Series.Count - weekly.Reach >= Math.Max(trainPoints * 6 / 10, 7 * m)
            ? weekly
            : new FeatureMap(_clock, Math.Clamp((Series.Count - m) / m, 1, 3), weeks: false);
    }

    private Member[] CreateMembers(IReadOnlyList<IForecaster> challengers)
    {
        var h = _horizons.Length;
        List<Member> members =
        [
            new(new RidgeForecaster("ridge_log", RidgeScale.Log, h), FeatureUse.Full),
            new(new RidgeForecaster("ridge_rel", RidgeScale.Relative, h), FeatureUse.Full),
            new(new RidgeForecaster("ridge", RidgeScale.Level, h), FeatureUse.Full),
            new(new HoltWintersForecaster(_clock, _profile, h), FeatureUse.None),
            new(new DayProfileForecaster(_profile, Math.Clamp(_clock.StepsPerDay / 96, 3, 60)), FeatureUse.None),
            new(new MovingAverageForecaster(5), FeatureUse.None),
            new(new NaiveForecaster(), FeatureUse.None, warms: true),
            new(new RidgeForecaster("ar_log", RidgeScale.Log, h), FeatureUse.Short, warms: true),
            new(new RidgeForecaster("ar", RidgeScale.Level, h), FeatureUse.Short, warms: true),
        ];
        if (_options.GradientBoosting)
        {
            members.Add(new(new GradientBoostingForecaster(h), FeatureUse.Full) { Record = CreateRecord() });
        }

        members.AddRange(challengers.Select(challenger => new Member(challenger, FeatureUse.None) { Record = CreateRecord() }));
        return [.. members.Where(member => _options.Models is null || member.Uses == FeatureUse.Short || _options.Models.Contains(member.Forecaster.Name))];
    }

    private int Steps(TimeSpan span) => Math.Max(1, (int)(span.Ticks / Series.Interval.Ticks));

    private enum FeatureUse
    {
        None,
        Short,
        Full,
    }

    private ChallengerRecord CreateRecord() => new(_horizons.Length, Steps(_options.ResidualWindow), Steps(_options.ErrorWindow));

    private sealed class Member(IForecaster forecaster, FeatureUse uses, bool warms = false)
    {
        public IForecaster Forecaster { get; } = forecaster;

        public FeatureUse Uses { get; } = uses;

        /// <summary>Trusted from the first points of a series' life.</summary>
        public bool Warms { get; } = warms;

        /// <summary>What a challenger has shown; null for a member by right.</summary>
        public ChallengerRecord? Record { get; init; }

        public bool InPool => Record is null || Record.Entered;
    }
}
