namespace Resilience.Control.Forecasting;

/// <summary>Settings of a <see cref="DemandForecaster"/>. <see cref="For"/> gives defaults that suit the grid.</summary>
public sealed record ForecasterOptions
{
    /// <summary>Steps ahead to forecast, ascending, 1 to 288. A plan with a lead of n steps needs the steps up to n.</summary>
    public required IReadOnlyList<int> Horizons { get; init; }

    /// <summary>History that a refit learns from.</summary>
    public required TimeSpan Train { get; init; }

    /// <summary>Time whose residuals the quantiles are drawn from.</summary>
    public required TimeSpan ResidualWindow { get; init; }

    /// <summary>Time between refits once the history is long enough.</summary>
    public required TimeSpan RefitEvery { get; init; }

    /// <summary>Errors that the weights and the champion are decided by.</summary>
    public required TimeSpan ErrorWindow { get; init; }

    /// <summary>How sharply the pool prefers the better model: weight ~ error^-sharpness.</summary>
    public double Sharpness { get; init; } = 8;

    /// <summary>Gradient-boosted trees run in the shadow and enter the pool when they prove better.</summary>
    public bool GradientBoosting { get; init; } = true;

    /// <summary>Names of the models that may be part of the pool; null: all. For experiments.</summary>
    public IReadOnlyList<string>? Models { get; init; }

    /// <summary>Zone whose local time demand follows, so that daylight shifts do not move the season; null: UTC.</summary>
    public TimeZoneInfo? Zone { get; init; }

    /// <summary>Points a series must keep to serve these options: the training window, and the week or two before it that it looks back at.</summary>
    public int RetainPoints(TimeSpan interval) =>
        (int)((Train + TimeSpan.FromDays(interval >= TimeSpan.FromMinutes(30) ? 15 : 8)).Ticks / interval.Ticks);

    /// <summary>Defaults: a week of training for grids of minutes, two to three months for half hours and hours.</summary>
    public static ForecasterOptions For(TimeSpan interval, IReadOnlyList<int> horizons)
    {
        var slow = interval >= TimeSpan.FromMinutes(30);
        return new ForecasterOptions
        {
            Horizons = horizons,
            Train = TimeSpan.FromDays(interval < TimeSpan.FromMinutes(5) ? 7 : interval < TimeSpan.FromMinutes(30) ? 6 : interval < TimeSpan.FromHours(1) ? 56 : 84),
            ResidualWindow = TimeSpan.FromDays(slow ? 14 : 2),
            RefitEvery = TimeSpan.FromDays(slow ? 7 : 1),
            ErrorWindow = TimeSpan.FromDays(slow ? 7 : 1),
        };
    }

    internal void Validate(TimeSpan interval)
    {
        if (Horizons.Count is 0 or > 64 || Horizons[0] < 1 || Horizons[^1] > 288 || !Horizons.Zip(Horizons.Skip(1)).All(pair => pair.First < pair.Second))
        {
            throw new ArgumentException("Horizons must be 1 to 64 ascending steps between 1 and 288.");
        }

        if (Train < TimeSpan.FromDays(2) || RefitEvery < interval || ResidualWindow < interval || ErrorWindow < interval || Sharpness < 0)
        {
            throw new ArgumentException("Train must be at least 2 days; refits and windows at least one interval; sharpness not negative.");
        }
    }
}
