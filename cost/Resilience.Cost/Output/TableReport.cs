using System.Globalization;
using Resilience.Cost.Model;
using Spectre.Console;
using static Resilience.Cost.Output.Figures;

namespace Resilience.Cost.Output;

/// <summary>The report for people.</summary>
internal static class TableReport
{
    private const int WidthWhenRedirected = 140;

    public static void Write(CostReport report, TextWriter output)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (!console.Profile.Out.IsTerminal)
        {
            console.Profile.Width = WidthWhenRedirected;
        }

        var prices = report.Rate.Prices;
        console.WriteLine(FormattableString.Invariant(
            $"Modelled cost of a month of {CostModel.MonthHours:0} hours at {Usd(report.Rate.UsdPerPodHour)} USD per pod-hour"));
        console.WriteLine($"Prices: {prices.Name}, as of {prices.AsOf.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}: {prices.Title}");
        console.Write(Strategies(report));
        console.Write(WhatIfs(report));
        if (report.Timeline is { } timeline)
        {
            var hours = Number(timeline.Seconds / 3600m);
            console.WriteLine($"The replay covers {hours} h; the month repeats it, and the other strategies are sized for the same load.");
        }

        if (report.Scenario.OffHoursRequestPercent > 0)
        {
            var lost = Percent(report.Scenario.OffHoursRequestPercent);
            console.WriteLine($"scale-to-zero answers nothing in off-hours and so loses {lost} of the requests.");
        }
    }

    private static Table Strategies(CostReport report)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumns(new TableColumn("Strategy").NoWrap(), new TableColumn("Pods"));
        foreach (var figure in (string[])["Pod-hours", "USD a month", "Saves USD", "Saves %", "USD per million good"])
        {
            table.AddColumn(new TableColumn(figure).RightAligned());
        }

        foreach (var strategy in report.Strategies)
        {
            var isBaseline = strategy.Name == report.Baseline.Name;
            var savings = report.SavingsOf(strategy);
            table.AddRow(
                new Text(strategy.Name),
                new Text(strategy.RunsWhat),
                new Text(Number(strategy.PodHours)),
                new Text(Usd(strategy.Usd)),
                new Text(isBaseline ? "baseline" : Usd(savings.Usd)),
                new Text(isBaseline ? string.Empty : Percent(savings.Percent)),
                new Text(PerMillion(strategy.UsdPerMillionGoodRequests)));
        }

        return table;
    }

    private static Table WhatIfs(CostReport report)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumns(new TableColumn("What it costs"), new TableColumn("How"));
        table.AddColumn(new TableColumn("USD").RightAligned());
        var standby = report.Standby;
        Add($"a standby of {Number(standby.Percent)}%", $"{standby.Pods} pods, always; a month", Usd(standby.UsdPerMonth));
        foreach (var failover in report.Failovers)
        {
            Add($"a failover to {failover.StartsFrom}",
                $"{failover.ExtraPods} more pods for {Number(failover.Hours)} h; {failover.PerMonth} a month cost {Usd(failover.UsdPerMonth)}",
                Usd(failover.UsdEach));
        }

        var miss = report.ForecastMiss;
        Add($"a forecast {Number(miss.Percent)}% too high", $"{miss.ExtraPods} pods too many for {Number(miss.Hours)} h", Usd(miss.OverUsd));
        Add($"a forecast {Number(miss.Percent)}% too low",
            $"{miss.MissingPods} pods too few for {Number(miss.Hours)} h: {Number(miss.BadRequests)} bad requests", "-");
        if (report.Replay is { } replay)
        {
            Add("the replay's forecasts, too high", $"{Number(replay.OverPodHours)} pod-hours not needed; a month", Usd(replay.OverUsd));
            Add("the replay's forecasts, too low",
                $"{Number(replay.BadRequests)} bad requests a month; {Percent(replay.ViolationPercent)} of intervals violated", "-");
        }

        return table;

        void Add(string what, string how, string usd) => table.AddRow(new Text(what), new Text(how), new Text(usd));
    }

    private static string PerMillion(decimal? usd) => usd is { } known ? Usd(known) : "no good requests";
}
