namespace Resilience.Cost.Model;

/// <summary>
/// Pod-hours times prices. Pure: no clock, no IO. Money is never rounded here; quantities are rounded once, to 1e-9,
/// so that unit price times quantity gives the cost, in the reports and in the FOCUS export alike.
/// </summary>
/// <remarks>Source: the assumptions in cost/cost_assumptions.md.</remarks>
public static class CostModel
{
    /// <summary>Hours of a month: a year of 8,760 h over 12.</summary>
    public const decimal MonthHours = 730m;

    private const int QuantityDigits = 9;
    private const decimal RequestsPerMillion = 1_000_000m;

    /// <summary>A month of a strategy.</summary>
    /// <param name="name">One of <see cref="StrategyNames"/>.</param>
    /// <param name="timeline">Needed by the strategies in <see cref="StrategyNames.FromTimeline"/>, ignored by the others.</param>
    /// <exception cref="CostInputException">The name is unknown, or the timeline is missing.</exception>
    public static StrategyCost Price(string name, Scenario scenario, PodRate rate, TimelineUse? timeline = null)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(rate);
        return name switch
        {
            StrategyNames.AlwaysOnBoth => Of(
                name, $"2 slots of {scenario.Replicas}, always", scenario.RequestsPerMonth,
                Always(rate, "active", scenario.Replicas), Always(rate, "standby", scenario.Replicas)),
            StrategyNames.AlwaysOnOne => Of(
                name, $"1 slot of {scenario.Replicas}, always", scenario.RequestsPerMonth, Always(rate, "active", scenario.Replicas)),
            StrategyNames.WarmStandby => Of(
                name, $"{scenario.Replicas} active and {scenario.StandbyReplicas} standby, always", scenario.RequestsPerMonth,
                Always(rate, "active", scenario.Replicas), Always(rate, "standby", scenario.StandbyReplicas)),
            StrategyNames.PeakScaling => PeakScaling(scenario, rate),
            StrategyNames.ScaleToZero => ScaleToZero(scenario, rate),
            StrategyNames.PredictiveFloor or StrategyNames.PredictiveStandby => Predictive(
                name, scenario, rate, timeline ?? throw new CostInputException($"{name} needs --replay with a decisions.csv or a replica timeline")),
            _ => throw Nearest.Unknown("strategy", name, StrategyNames.All),
        };
    }

    public static Savings Compare(StrategyCost strategy, StrategyCost baseline)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        ArgumentNullException.ThrowIfNull(baseline);
        var saved = baseline.Usd - strategy.Usd;
        return new Savings(saved, baseline.Usd == 0 ? 0 : 100m * saved / baseline.Usd);
    }

    /// <summary>Null when nothing was answered well.</summary>
    public static decimal? UsdPerMillion(decimal usd, decimal goodRequests) => goodRequests > 0 ? usd * RequestsPerMillion / goodRequests : null;

    /// <summary>Whole pods of a standby beside <paramref name="activePods"/>, rounded up.</summary>
    internal static decimal StandbyFor(decimal activePods, decimal percent) => Math.Ceiling(activePods * percent / 100m);

    internal static decimal RoundQuantity(decimal quantity) => Math.Round(quantity, QuantityDigits, MidpointRounding.ToEven);

    private static StrategyCost PeakScaling(Scenario scenario, PodRate rate)
    {
        var peakHours = scenario.Peak.InMonth(MonthHours);
        return Of(
            StrategyNames.PeakScaling,
            $"{scenario.Replicas} in peak hours, else {scenario.OffPeakReplicas}",
            scenario.RequestsPerMonth,
            CostLine.Of(rate, "peak", scenario.Replicas, peakHours),
            CostLine.Of(rate, "off-peak", scenario.OffPeakReplicas, MonthHours - peakHours));
    }

    private static StrategyCost ScaleToZero(Scenario scenario, PodRate rate)
    {
        var served = scenario.RequestsPerMonth * (100m - scenario.OffHoursRequestPercent) / 100m;
        return Of(
            StrategyNames.ScaleToZero,
            $"{scenario.Replicas} in on-hours, else 0",
            RoundQuantity(served),
            CostLine.Of(rate, "on-hours", scenario.Replicas, scenario.On.InMonth(MonthHours)));
    }

    private static StrategyCost Predictive(string name, Scenario scenario, PodRate rate, TimelineUse use)
    {
        var good = RoundQuantity(scenario.RequestsPerMonth * use.GoodShare);
        var active = FromTimeline(rate, "active", use.PodSeconds, use.Seconds);
        return name == StrategyNames.PredictiveFloor
            ? Of(name, "as many as the timeline requested", good, active)
            : Of(name, FormattableString.Invariant($"the same, and {scenario.StandbyPercent:0.##}% of it as standby"), good,
                active, FromTimeline(rate, "standby", use.StandbyPodSeconds, use.Seconds));
    }

    private static CostLine FromTimeline(PodRate rate, string role, decimal podSeconds, decimal seconds) =>
        CostLine.Of(rate, role, RoundQuantity(podSeconds / seconds), MonthHours, podSeconds * MonthHours / seconds);

    private static CostLine Always(PodRate rate, string role, int pods) => CostLine.Of(rate, role, pods, MonthHours);

    private static StrategyCost Of(string name, string runsWhat, decimal goodRequests, params CostLine[] lines) => new(name, runsWhat, lines, goodRequests);
}
