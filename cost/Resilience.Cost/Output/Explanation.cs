using System.Globalization;
using System.Text;
using Resilience.Cost.Model;

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
        Line(text, "month", $"{Figures.Number(CostModel.MonthHours)} h (8,760 h of a year / 12)");
        Line(text, "prices", $"set \"{prices.Name}\", as of {prices.AsOf.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}: {prices.Title}");
        Line(text, "source", prices.Source);
        var cpu = $"{Figures.Exact(shape.CpuCores)} cores x {Figures.Exact(prices.CpuCoreHour)} USD";
        Line(text, "pod-hour", prices.MemoryGibHour is { } memory
            ? $"{cpu} + {Figures.Exact(shape.MemoryGib)} GiB x {Figures.Exact(memory)} USD = {Figures.Exact(rate.UsdPerPodHour)} USD"
            : $"{cpu} = {Figures.Exact(rate.UsdPerPodHour)} USD");
        Line(text, "peak", Hours(scenario.Peak));
        Line(text, "on", Hours(scenario.On));
        Line(text, "requests", $"{Figures.Number(scenario.RequestsPerMonth)} a month, all good unless a line says otherwise");
        foreach (var origin in origins)
        {
            Line(text, "replay", origin);
        }
    }

    private static void Strategy(CostReport report, StrategyCost strategy, StringBuilder text)
    {
        var price = Figures.Exact(report.Rate.UsdPerPodHour);
        text.Append(CultureInfo.InvariantCulture, $"{strategy.Name}\n");
        foreach (var line in strategy.Lines)
        {
            Line(text, line.Role, $"{Figures.Exact(line.Pods)} pods x {Figures.Exact(line.Hours)} h = {Figures.Exact(line.PodHours)} pod-h x {price} USD = {Figures.Usd(line.Usd)} USD");
        }

        var savings = report.SavingsOf(strategy);
        Line(text, "month", $"{Figures.Usd(strategy.Usd)} USD" + (strategy.Name == report.Baseline.Name
            ? ", the baseline"
            : $"; saves {Figures.Usd(report.Baseline.Usd)} - {Figures.Usd(strategy.Usd)} = {Figures.Usd(savings.Usd)} USD ({Figures.Percent(savings.Percent)})"));
        Line(text, "per million", strategy.UsdPerMillionGoodRequests is { } perMillion
            ? $"{Figures.Usd(strategy.Usd)} USD x 1,000,000 / {Figures.Number(strategy.GoodRequests)} good requests = {Figures.Usd(perMillion)} USD"
            : "no good requests");
    }

    private static void WhatIfs(CostReport report, StringBuilder text)
    {
        var price = Figures.Exact(report.Rate.UsdPerPodHour);
        var (scenario, standby, miss) = (report.Scenario, report.Standby, report.ForecastMiss);
        text.Append("what-ifs\n");
        Line(text, "standby", $"{Figures.Number(standby.Percent)}% of {scenario.Replicas}, rounded up = {standby.Pods} pods x {Figures.Number(CostModel.MonthHours)} h x {price} USD = {Figures.Usd(standby.UsdPerMonth)} USD a month");
        foreach (var failover in report.Failovers)
        {
            Line(text, "failover", $"to {failover.StartsFrom}: {failover.ExtraPods} more pods x {Figures.Exact(failover.Hours)} h x {price} USD = {Figures.Usd(failover.UsdEach)} USD; x {failover.PerMonth} a month = {Figures.Usd(failover.UsdPerMonth)} USD");
        }

        Line(text, "too high", $"{Figures.Number(miss.Percent)}%: {miss.ExtraPods} extra pods x {Figures.Exact(miss.Hours)} h x {price} USD = {Figures.Usd(miss.OverUsd)} USD");
        Line(text, "too low", $"{Figures.Number(miss.Percent)}%: {miss.MissingPods} missing pods x {Figures.Number(scenario.RequestsPerReplicaSecond)} requests/s x {Figures.Exact(miss.Hours * 3600m)} s = {Figures.Number(miss.BadRequests)} bad requests");
        if (report.Replay is { } replay)
        {
            Line(text, "replay high", $"{Figures.Exact(replay.OverPodHours)} pod-h requested but not needed x {price} USD = {Figures.Usd(replay.OverUsd)} USD a month");
            Line(text, "replay low", $"{Figures.Number(replay.BadRequests)} requests above capacity a month, {Figures.Number(replay.RequestsInViolation)} in violated intervals ({Figures.Percent(replay.ViolationPercent)} of them)");
        }
    }

    private static string Hours(WeeklyHours window) =>
        $"{Figures.Number(CostModel.MonthHours)} h x {Figures.Number(window.HoursPerDay)} h x {window.DaysPerWeek} d / 168 h = {Figures.Exact(CostModel.RoundQuantity(window.InMonth(CostModel.MonthHours)))} h";

    private static void Line(StringBuilder text, string name, string value) => text.Append(CultureInfo.InvariantCulture, $"  {name,-12} {value}\n");
}
