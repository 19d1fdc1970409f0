namespace Resilience.Cost.Model;

/// <param name="PodHours">Per month.</param>
public sealed record StandbyCost(decimal Percent, int Pods, decimal PodHours, decimal UsdPerHour, decimal UsdPerMonth);

/// <summary>Extra pods of a failover: both slots run at full size during the overlap.</summary>
/// <param name="StartsFrom">What the other slot ran before.</param>
public sealed record FailoverCost(string StartsFrom, int ExtraPods, decimal Hours, decimal UsdEach, int PerMonth)
{
    public decimal UsdPerMonth => UsdEach * PerMonth;
}

/// <summary>A forecast that is wrong by a stated percentage for a stated time.</summary>
/// <param name="ExtraPods">Pods too many when it is too high; they cost <paramref name="OverUsd"/>.</param>
/// <param name="MissingPods">Pods too few when it is too low; their share of the requests is answered badly.</param>
public sealed record ForecastMissCost(
    decimal Percent, decimal Hours, int ExtraPods, decimal OverUsd, int MissingPods, decimal BadRequests);

/// <summary>What the forecasts of a replay cost, scaled to a month.</summary>
/// <param name="OverUsd">Paid for pods that were not needed.</param>
/// <param name="UnderPodHours">Pods needed but not ready.</param>
/// <param name="BadRequests">Requests above the capacity of the ready pods.</param>
/// <param name="RequestsInViolation">All requests of the intervals in which that happened.</param>
/// <param name="ViolationPercent">Of the intervals.</param>
public sealed record ReplayForecastCost(
    decimal OverPodHours, decimal OverUsd, decimal UnderPodHours, decimal BadRequests, decimal RequestsInViolation, decimal ViolationPercent);

/// <summary>Costs that no monthly total shows. Pure.</summary>
public static class WhatIf
{
    private const decimal SecondsPerHour = 3600m;

    /// <summary>A standby of the scenario's percentage, always on.</summary>
    public static StandbyCost Standby(Scenario scenario, PodRate rate)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(rate);
        var line = CostLine.Of(rate, "standby", scenario.StandbyReplicas, CostModel.MonthHours);
        return new StandbyCost(scenario.StandbyPercent, scenario.StandbyReplicas, line.PodHours, rate.UsdPerHour(scenario.StandbyReplicas), line.Usd);
    }

    /// <summary>A failover from each state the other slot may be in: not running, warm, full size.</summary>
    public static IReadOnlyList<FailoverCost> Failovers(Scenario scenario, PodRate rate)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(rate);
        return
        [
            Failover("a cold slot", scenario.Replicas),
            Failover($"a warm standby of {scenario.StandbyReplicas}", scenario.Replicas - scenario.StandbyReplicas),
            Failover($"a full slot of {scenario.Replicas}", 0),
        ];

        FailoverCost Failover(string from, int extraPods)
        {
            var hours = Hours(scenario.FailoverOverlap);
            var line = CostLine.Of(rate, from, extraPods, hours);
            return new FailoverCost(from, extraPods, CostModel.RoundQuantity(hours), line.Usd, scenario.FailoversPerMonth);
        }
    }

    /// <summary>A forecast wrong by the scenario's percentage at the peak, either way.</summary>
    public static ForecastMissCost ForecastMiss(Scenario scenario, PodRate rate)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(rate);
        var share = scenario.ForecastErrorPercent / 100m;
        var extra = (int)Math.Ceiling(scenario.Replicas * (1m + share)) - scenario.Replicas;
        var missing = scenario.Replicas - (int)Math.Max(0m, Math.Ceiling(scenario.Replicas * (1m - share)));
        var hours = Hours(scenario.ForecastErrorTime);
        return new ForecastMissCost(
            scenario.ForecastErrorPercent,
            CostModel.RoundQuantity(hours),
            extra,
            CostLine.Of(rate, "over", extra, hours).Usd,
            missing,
            CostModel.RoundQuantity(missing * scenario.RequestsPerReplicaSecond * hours * SecondsPerHour));
    }

    /// <summary>The replay's own waste and misses; null for a plain replica timeline.</summary>
    public static ReplayForecastCost? Replay(TimelineUse use, PodRate rate)
    {
        ArgumentNullException.ThrowIfNull(use);
        ArgumentNullException.ThrowIfNull(rate);
        if (use.Load is not { } load)
        {
            return null;
        }

        var over = CostLine.Of(rate, "over", 0, 0, Monthly(load.OverPodSeconds) / SecondsPerHour);
        return new ReplayForecastCost(
            over.PodHours,
            over.Usd,
            CostModel.RoundQuantity(Monthly(load.UnderPodSeconds) / SecondsPerHour),
            CostModel.RoundQuantity(Monthly(load.Unserved)),
            CostModel.RoundQuantity(Monthly(load.InViolation)),
            100m * load.Violations / load.Rows);

        decimal Monthly(decimal amount) => amount * CostModel.MonthHours * SecondsPerHour / use.Seconds;
    }

    private static decimal Hours(TimeSpan time) => (decimal)time.Ticks / TimeSpan.TicksPerHour;
}
