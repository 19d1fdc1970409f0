using System.Globalization;
using System.Text;
using Resilience.Cost.Model;
using static Resilience.Cost.Output.Figures;

namespace Resilience.Cost.Output;

/// <summary>Every figure of a report as a sum that can be done by hand.</summary>
internal static class Explanation
{
    public static string Of(CostReport report, IReadOnlyList<string> origins)
    {
        var text = new StringBuilder("How the figures come about\n");
        Inputs(report, origins, text);
        foreach (var strategy in report.Strategies)
        {
            Strategy(report, strategy, text);
        }

        WhatIfs(report, text);
        return text.ToString();
    }

    private static void Inputs(CostReport report, IReadOnlyList<string> origins, StringBuilder text)
    {
        var (prices, shape, rate, scenario) = (report.Rate.Prices, report.Rate.Shape, report.Rate, report.Scenario);
        Line(text, "month", $"{Number(CostModel.MonthHours)} h (8,760 h of a year / 12)");
        Line(text, "prices", $"set \"{prices.Name}\", as of {prices.AsOf.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}: {prices.Title}");
        Line(text, "source", prices.Source);
        var cpu = $"{Exact(shape.CpuCores)} cores x {Exact(prices.CpuCoreHour)} USD";
        Line(text, "pod-hour", prices.MemoryGibHour is { } memory
            ? $"{cpu} + {Exact(shape.MemoryGib)} GiB x {Exact(memory)} USD = {Exact(rate.UsdPerPodHour)} USD"
            : $"{cpu} = {Exact(rate.UsdPerPodHour)} USD");
        Line(text, "peak", Hours(scenario.Peak));
        Line(text, "on", Hours(scenario.On));
        Line(text, "requests", $"{Number(scenario.RequestsPerMonth)} a month, all good unless a line says otherwise");
        foreach (var origin in origins)
        {
            Line(text, "replay", origin);
        }
    }

    private static void Strategy(CostReport report, StrategyCost strategy, StringBuilder text)
    {
        var price = Exact(report.Rate.UsdPerPodHour);
        text.Append(CultureInfo.InvariantCulture, $"{strategy.Name}\n");
        foreach (var line in strategy.Lines)
        {
            var podHours = $"{Exact(line.Pods)} pods x {Exact(line.Hours)} h = {Exact(line.PodHours)} pod-h";
            Line(text, line.Role, $"{podHours} x {price} USD = {Usd(line.Usd)} USD");
        }

        var savings = report.SavingsOf(strategy);
        Line(text, "month", $"{Usd(strategy.Usd)} USD" + (strategy.Name == report.Baseline.Name
            ? ", the baseline"
            : $"; saves {Usd(report.Baseline.Usd)} - {Usd(strategy.Usd)} = {Usd(savings.Usd)} USD ({Percent(savings.Percent)})"));
        Line(text, "per million", strategy.UsdPerMillionGoodRequests is { } perMillion
            ? $"{Usd(strategy.Usd)} USD x 1,000,000 / {Number(strategy.GoodRequests)} good requests = {Usd(perMillion)} USD"
            : "no good requests");
    }

    private static void WhatIfs(CostReport report, StringBuilder text)
    {
        var price = Exact(report.Rate.UsdPerPodHour);
        var (scenario, standby, miss) = (report.Scenario, report.Standby, report.ForecastMiss);
        text.Append("what-ifs\n");
        var pods = $"{Number(standby.Percent)}% of {scenario.Replicas}, rounded up = {standby.Pods} pods";
        Line(text, "standby", $"{pods} x {Number(CostModel.MonthHours)} h x {price} USD = {Usd(standby.UsdPerMonth)} USD a month");
        foreach (var failover in report.Failovers)
        {
            var each = $"{failover.ExtraPods} more pods x {Exact(failover.Hours)} h x {price} USD = {Usd(failover.UsdEach)} USD";
            Line(text, "failover", $"to {failover.StartsFrom}: {each}; x {failover.PerMonth} a month = {Usd(failover.UsdPerMonth)} USD");
        }

        Line(text, "too high", $"{Number(miss.Percent)}%: {miss.ExtraPods} extra pods x {Exact(miss.Hours)} h x {price} USD = {Usd(miss.OverUsd)} USD");
        var lost = $"{miss.MissingPods} missing pods x {Number(scenario.RequestsPerReplicaSecond)} requests/s x {Exact(miss.Hours * 3600m)} s";
        Line(text, "too low", $"{Number(miss.Percent)}%: {lost} = {Number(miss.BadRequests)} bad requests");
        if (report.Replay is { } replay)
        {
            Line(text, "replay high", $"{Exact(replay.OverPodHours)} pod-h requested but not needed x {price} USD = {Usd(replay.OverUsd)} USD a month");
            var violated = $"{Number(replay.RequestsInViolation)} in violated intervals ({Percent(replay.ViolationPercent)} of them)";
            Line(text, "replay low", $"{Number(replay.BadRequests)} requests above capacity a month, {violated}");
        }
    }

    private static string Hours(WeeklyHours window)
    {
        var hours = CostModel.RoundQuantity(window.InMonth(CostModel.MonthHours));
        return $"{Number(CostModel.MonthHours)} h x {Number(window.HoursPerDay)} h x {window.DaysPerWeek} d / 168 h = {Exact(hours)} h";
    }

    private static void Line(StringBuilder text, string name, string value) => text.Append(CultureInfo.InvariantCulture, $"  {name,-12} {value}\n");
}
