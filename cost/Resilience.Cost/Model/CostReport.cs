namespace Resilience.Cost.Model;

/// <summary>Everything one run of the calculator found, before it is written in any form.</summary>
/// <param name="Timeline">Null without a replay or timeline.</param>
public sealed record CostReport(
    PodRate Rate,
    Scenario Scenario,
    StrategyCost Baseline,
    IReadOnlyList<StrategyCost> Strategies,
    StandbyCost Standby,
    IReadOnlyList<FailoverCost> Failovers,
    ForecastMissCost ForecastMiss,
    TimelineUse? Timeline,
    ReplayForecastCost? Replay)
{
    /// <summary>Prices the named strategies; the baseline is always among them.</summary>
    /// <exception cref="CostInputException">A name is unknown, or needs a timeline that is not there.</exception>
    public static CostReport Of(IReadOnlyList<string> strategies, string baseline, Scenario scenario, PodRate rate, TimelineUse? timeline = null)
    {
        ArgumentNullException.ThrowIfNull(strategies);
        var costs = strategies
            .Prepend(baseline)
            .Distinct(StringComparer.Ordinal)
            .Select(name => CostModel.Price(name, scenario, rate, timeline))
            .ToArray();
        return new CostReport(
            rate,
            scenario,
            costs[0],
            [.. costs.OrderBy(cost => StrategyNames.All.Index().First(name => name.Item == cost.Name).Index)],
            WhatIf.Standby(scenario, rate),
            WhatIf.Failovers(scenario, rate),
            WhatIf.ForecastMiss(scenario, rate),
            timeline,
            timeline is null ? null : WhatIf.Replay(timeline, rate));
    }

    public Savings SavingsOf(StrategyCost strategy) => CostModel.Compare(strategy, Baseline);
}
