namespace Resilience.Control.Forecasting;

/// <summary>A model's part in a forecast.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Weight">Share of the pool, 0 to 1.</param>
/// <param name="MeanAbsoluteError">Over the error window; NaN without a record.</param>
/// <param name="InPool">False for a challenger that has not earned its place.</param>
public sealed record ModelShare(string Model, double Weight, double MeanAbsoluteError, bool InPool);

/// <content>What can be read of the newest forecast.</content>
public sealed partial class DemandForecaster
{
    /// <summary>Skill against the median below which a series counts as not forecastable.</summary>
    private const double MinimumSkill = 0.02;

    /// <summary>Levels whose live coverage is kept.</summary>
    private static double[] WatchedLevels => ConformalBand.Levels;

    /// <summary>A demand that is forecast exactly must not exceed its own quantile by the last bit.</summary>
    private const double Rounding = 1e-9;

    /// <summary>The pool's forecast; NaN before the first refit.</summary>
    public double Point(int horizonIndex) => _point[horizonIndex];

    /// <summary>Demand that a share <paramref name="q"/> of outcomes should not exceed; NaN until there is a record of errors.</summary>
    public double Quantile(int horizonIndex, double q) => _bands[horizonIndex].Count < MinimumPoints
        ? double.NaN
        : Math.Max(0, _point[horizonIndex] + (_scale[horizonIndex] * _bands[horizonIndex].Quantile(q))) * (1 + Rounding);

    /// <summary>
    /// Share of the observed outcomes of the residual window that were at or below the quantile forecast for them at the time: near
    /// <paramref name="q"/> while the forecaster is calibrated. NaN until there is such an outcome.
    /// </summary>
    /// <param name="horizonIndex">Position in <see cref="Horizons"/>.</param>
    /// <param name="q">0.9 or 0.99: the levels that are watched.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="q"/> is not watched.</exception>
    public double Coverage(int horizonIndex, double q)
    {
        var level = Array.IndexOf(WatchedLevels, q);
        ArgumentOutOfRangeException.ThrowIfNegative(level, nameof(q));
        return _covered[(horizonIndex * WatchedLevels.Length) + level];
    }

    /// <summary>Name and share of the model with the most weight.</summary>
    public (string Model, double Share) Champion(int horizonIndex)
    {
        var weights = _weights.AsSpan(horizonIndex * _members.Length, _members.Length);
        var best = 0;
        for (var i = 1; i < weights.Length; i++)
        {
            best = weights[i] > weights[best] ? i : best;
        }

        return (_members[best].Forecaster.Name, weights[best]);
    }

    /// <summary>1 - error / error of repeating the last value, over the residual window, mean of the horizons; NaN without a record.</summary>
    public double SkillAgainstNaive => Skill(2);

    /// <summary>1 - error / error of always forecasting the training points' median; NaN without a record.</summary>
    public double SkillAgainstMedian => Skill(1);

    /// <summary>False once the record shows that the past says next to nothing about the future: a static floor is then the honest answer.</summary>
    public bool IsForecastable => !HasSkillRecord || SkillAgainstMedian > MinimumSkill;

    /// <summary>False once the record shows that repeating the last value would have been as good.</summary>
    public bool IsBetterThanNaive => !HasSkillRecord || SkillAgainstNaive > 0;

    private bool HasSkillRecord => _skillErrors.Count(0) >= Steps(_options.ResidualWindow) / 2;

    /// <summary>The table behind a horizon's forecast, heaviest first.</summary>
    public IReadOnlyList<ModelShare> Shares(int horizonIndex) =>
    [
        .. _members
            .Select((member, i) => new ModelShare(
                member.Forecaster.Name,
                _weights[(horizonIndex * _members.Length) + i],
                _errors[(horizonIndex * _members.Length) + i],
                member.InPool))
            .Where(share => share.Weight > 0 || !double.IsNaN(share.MeanAbsoluteError))
            .OrderByDescending(share => share.Weight),
    ];

    private double Skill(int reference)
    {
        var sum = 0d;
        for (var h = 0; h < _horizons.Length; h++)
        {
            var yardstick = _skillErrors[(3 * h) + reference];
            sum += yardstick > 0 ? 1 - (_skillErrors[3 * h] / yardstick) : 0;
        }

        return _skillErrors.Count(0) == 0 ? double.NaN : sum / _horizons.Length;
    }
}
