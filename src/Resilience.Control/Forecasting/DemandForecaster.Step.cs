namespace Resilience.Control.Forecasting;

/// <content>The hot path: score what was forecast for the newest interval, then forecast from it.</content>
public sealed partial class DemandForecaster
{
    /// <summary>Share of a full error window that a model must have been scored over before it is weighted.</summary>
    private const double MinimumRecord = 0.4;

    /// <summary>Part of the weights that the learned mixture decides.</summary>
    private const double MixtureShare = 0.5;


    /// <summary>Challengers are judged this many times per error window.</summary>
    private const int VerdictsPerWindow = 24;

    private void Step()
    {
        var newest = Newest;
        Mature(newest);
        var input = new ForecastInput { Values = Series.Values, Position = newest, IsReal = Series.IsReal(Series.Count - 1) };
        foreach (var member in _members)
        {
            member.Forecaster.Observe(input);
            member.Record?.Advance();
        }

        _errors.Advance();
        _poolErrors.Advance();
        _blendErrors.Advance();
        _skillErrors.Advance();
        _covered.Advance();
        if (newest % Math.Max(1, Steps(_options.ErrorWindow) / VerdictsPerWindow) == 0)
        {
            JudgeChallengers();
        }

        Forecast();
    }

    private void Mature(long newest)
    {
        if (!Series.IsReal(Series.Count - 1))
        {
            return;
        }

        var actual = Series.Values[^1];
        for (var h = 0; h < _horizons.Length; h++)
        {
            var origin = newest - _horizons[h];
            var slot = (int)(((origin % _ringLength) + _ringLength) % _ringLength);
            if (origin < 0 || _pendingPosition[slot] != origin)
            {
                continue;
            }

            for (var i = 0; i < _members.Length; i++)
            {
                var forecast = _pending[(((slot * _horizons.Length) + h) * _members.Length) + i];
                if (!double.IsNaN(forecast))
                {
                    _errors.Add((h * _members.Length) + i, Math.Abs(actual - forecast));
                    _members[i].Record?.Add(h, actual, forecast, _median);
                }
            }

            var pending = (slot * _horizons.Length) + h;
            ScoreQuantiles(pending, h, actual);
            if (!double.IsNaN(_pendingMixture[pending]))
            {
                _mixtures[h].Learn(_pending.AsSpan(pending * _members.Length, _members.Length), _pendingMixture[pending], actual);
            }

            var pool = _pendingPool[pending];
            if (!double.IsNaN(pool))
            {
                _poolErrors.Add(h, Math.Abs(actual - pool));
                _blendErrors.Add(h, Math.Abs(actual - _pendingBlend[pending]));
                _skillErrors.Add(3 * h, Math.Abs(actual - pool));
                _skillErrors.Add((3 * h) + 1, Math.Abs(actual - _median));
                _skillErrors.Add((3 * h) + 2, Math.Abs(actual - Series.Values[Series.Count - 1 - _horizons[h]]));
                _bands[h].Add((actual - pool) / _pendingScale[pending]);
                _volatility[h].Add(_clock.Phase(newest), (actual - pool) / ConformalBand.Scale(pool, _median));
            }
        }
    }

    private void ScoreQuantiles(int pending, int h, double actual)
    {
        for (var level = 0; level < WatchedLevels.Length; level++)
        {
            var quantile = _pendingQuantiles[(pending * WatchedLevels.Length) + level];
            if (!double.IsNaN(quantile))
            {
                _covered.Add((h * WatchedLevels.Length) + level, actual <= quantile ? 1 : 0);
                _bands[h].Adapt(level, missed: actual > quantile);
            }
        }
    }

    private void Forecast()
    {
        var newest = Newest;
        _stepped = newest;
        if (_refitPosition < 0)
        {
            return;
        }

        var slot = (int)(newest % _ringLength);
        _pendingPosition[slot] = newest;
        for (var h = 0; h < _horizons.Length; h++)
        {
            var forecasts = _pending.AsSpan(((slot * _horizons.Length) + h) * _members.Length, _members.Length);
            ForecastMembers(newest, h, forecasts);
            var pending = (slot * _horizons.Length) + h;
            Weigh(h, forecasts);
            Mix(h, pending, forecasts);
            _pendingBlend[pending] = Blend(h, forecasts);
            PreferNaive(h, forecasts);
            var pool = Blend(h, forecasts);
            _point[h] = pool;
            _scale[h] = ConformalBand.Scale(pool, _median) * _volatility[h].At(_clock.Phase(newest + _horizons[h]));
            _pendingPool[pending] = pool;
            _pendingScale[pending] = _scale[h];
            for (var level = 0; level < WatchedLevels.Length; level++)
            {
                _pendingQuantiles[(pending * WatchedLevels.Length) + level] = Quantile(h, WatchedLevels[level]);
            }
        }
    }

    private void ForecastMembers(long newest, int h, Span<double> forecasts)
    {
        var filled = FeatureUse.None;
        for (var i = 0; i < _members.Length; i++)
        {
            var member = _members[i];
            forecasts[i] = double.NaN;
            var features = member.Uses == FeatureUse.Full ? _fullFeatures : member.Uses == FeatureUse.Short ? _shortFeatures : null;
            if (!member.Forecaster.IsReady
                || (member.Uses == FeatureUse.Short && FullIsReady)
                || (features is not null && Series.Count <= features.Reach))
            {
                continue;
            }

            if (features is not null && filled != member.Uses)
            {
                features.Fill(Series.Past, Series.Count - 1, _horizons[h], _profile, refit: null, _x.AsSpan(0, features.Inputs));
                filled = member.Uses;
            }

            var forecast = member.Forecaster.Forecast(new ForecastInput
            {
                Values = Series.Values,
                Position = newest,
                IsReal = Series.IsReal(Series.Count - 1),
                Horizon = _horizons[h],
                HorizonIndex = h,
                Features = features is null ? [] : _x.AsSpan(0, features.Inputs),
            });
            forecasts[i] = double.IsFinite(forecast) ? Math.Clamp(forecast, 0, 3 * _max) : Series.Values[^1];
        }
    }

    /// <summary>Weights ~ error^-sharpness among the pool's models with a record; equal until there are records.</summary>
    private void Weigh(int h, ReadOnlySpan<double> forecasts)
    {
        var weights = _weights.AsSpan(h * forecasts.Length, forecasts.Length);
        weights.Clear();
        var (best, longest) = (double.PositiveInfinity, 0);
        for (var i = 0; i < forecasts.Length; i++)
        {
            if (_members[i].InPool && !double.IsNaN(forecasts[i]))
            {
                longest = Math.Max(longest, _errors.Count((h * forecasts.Length) + i));
            }
        }

        var needed = Series.RealPoints < Series.StepsPerDay ? int.MaxValue : (int)(MinimumRecord * longest);
        for (var i = 0; i < forecasts.Length; i++)
        {
            if (Eligible(h, i, forecasts, needed))
            {
                best = Math.Min(best, _errors[(h * forecasts.Length) + i]);
            }
        }

        var sum = 0d;
        for (var i = 0; i < forecasts.Length; i++)
        {
            var ready = _members[i].InPool && !double.IsNaN(forecasts[i]);
            weights[i] = !ready ? 0
                : double.IsPositiveInfinity(best) ? (Series.RealPoints >= Series.StepsPerDay || _members[i].Warms ? 1 : 0)
                : !Eligible(h, i, forecasts, needed) ? 0
                : Math.Pow(Math.Max(best, 1e-12) / Math.Max(_errors[(h * forecasts.Length) + i], 1e-12), _options.Sharpness);
            sum += weights[i];
        }

        foreach (ref var weight in weights)
        {
            weight = sum > 0 ? weight / sum : 0;
        }
    }

    /// <summary>
    /// Half the weights by each model's error, half those of the mixture that would have erred least: the first are slow to be
    /// fooled, the second let errors cancel.
    /// </summary>
    private void Mix(int h, int pending, ReadOnlySpan<double> forecasts)
    {
        _pendingMixture[pending] = double.NaN;
        if (Series.RealPoints < 2 * Series.StepsPerDay)
        {
            return;
        }

        var weights = _weights.AsSpan(h * forecasts.Length, forecasts.Length);
        var sum = 0d;
        for (var i = 0; i < forecasts.Length; i++)
        {
            _mixtureWeights[i] = _members[i].InPool && !double.IsNaN(forecasts[i]) ? _mixtures[h].Due(i) : 0;
            sum += _mixtureWeights[i];
        }

        var mixture = 0d;
        for (var i = 0; i < forecasts.Length; i++)
        {
            var weight = sum > 0 ? _mixtureWeights[i] / sum : weights[i];
            mixture += weight > 0 ? weight * forecasts[i] : 0;
            weights[i] = (MixtureShare * weight) + ((1 - MixtureShare) * weights[i]);
        }

        _pendingMixture[pending] = mixture;
    }

    /// <summary>Without a proven gain over repeating the last value, that is what is done: nothing else can be no worse on any series.</summary>
    private void PreferNaive(int h, ReadOnlySpan<double> forecasts)
    {
        var noGain = _blendErrors.Count(h) >= Steps(_options.ErrorWindow) / 2 && _blendErrors[h] >= _skillErrors[(3 * h) + 2];
        if (noGain && _naive >= 0 && !double.IsNaN(forecasts[_naive]))
        {
            var weights = _weights.AsSpan(h * forecasts.Length, forecasts.Length);
            weights.Clear();
            weights[_naive] = 1;
        }
    }

    private double Blend(int h, ReadOnlySpan<double> forecasts)
    {
        var sum = 0d;
        for (var i = 0; i < forecasts.Length; i++)
        {
            var weight = _weights[(h * forecasts.Length) + i];
            sum += weight > 0 ? weight * forecasts[i] : 0;
        }

        return sum;
    }

    private bool Eligible(int h, int member, ReadOnlySpan<double> forecasts, int needed) =>
        _members[member].InPool && !double.IsNaN(forecasts[member]) && _errors.Count((h * forecasts.Length) + member) is var count && count > 0 && count >= needed;

    /// <summary>
    /// A challenger enters when over the error window it was at least 2% better than the pool at two served horizons (or the
    /// only one) and its own q.99 was calibrated; it leaves when it was as much worse than the pool at as many.
    /// </summary>
    private void JudgeChallengers()
    {
        for (var i = 0; i < _members.Length; i++)
        {
            if (_members[i].Record is not { } record || !_members[i].Forecaster.IsReady)
            {
                continue;
            }

            var (better, worse) = (0, 0);
            for (var h = 0; h < _horizons.Length; h++)
            {
                var stream = (h * _members.Length) + i;
                if (_errors.Count(stream) >= Math.Max(0.9 * _poolErrors.Count(h), 0.5 * Steps(_options.ErrorWindow)))
                {
                    var ratio = _errors[stream] / _poolErrors[h];
                    better += ratio <= 0.98 && record.IsCalibrated(h) ? 1 : 0;
                    worse += ratio >= 1.02 ? 1 : 0;
                }
            }

            var needed = Math.Min(2, _horizons.Length);
            record.Entered = record.Entered ? worse < needed : better >= needed;
        }
    }
}
