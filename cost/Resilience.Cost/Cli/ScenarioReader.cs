using System.CommandLine;
using Resilience.Cost.Model;
using static Resilience.Cost.Output.Figures;

namespace Resilience.Cost.Cli;

/// <summary>Options, then what the replay implies, then the defaults: the first that is there wins.</summary>
internal static class ScenarioReader
{
    private const int DefaultReplicas = 10;
    private const decimal DefaultOffPeakShare = 0.4m;
    private const decimal DefaultRequests = 100_000_000m;

    /// <returns>The scenario, the replay's sums, and a line per value that the replay decided.</returns>
    public static (Scenario Scenario, TimelineUse? Use, IReadOnlyList<string> Origins) Read(
        ParseResult parse, CostOptions options, ReplicaTimeline? timeline)
    {
        var peak = new WeeklyHours(parse.GetValue(options.PeakHours) ?? 8m, parse.GetValue(options.PeakDays) ?? 7);
        var on = new WeeklyHours(parse.GetValue(options.OnHours) ?? 12m, parse.GetValue(options.OnDays) ?? 5);
        var standbyPercent = parse.GetValue(options.StandbyPercent) ?? 50m;
        var use = timeline is null ? null : TimelineUse.Of(timeline, standbyPercent);
        var implied = timeline is null || use is null ? null : ReplayScenario.Of(timeline, use, peak, on);
        var replicas = parse.GetValue(options.Replicas) ?? implied?.Replicas ?? DefaultReplicas;
        var offPeak = parse.GetValue(options.OffPeakReplicas)
            ?? (implied is null ? (int)Math.Ceiling(replicas * DefaultOffPeakShare) : Math.Min(implied.OffPeakReplicas, replicas));
        if (offPeak > replicas)
        {
            throw new CostInputException($"--off-peak-replicas {offPeak} is more than the {replicas} replicas of the peak");
        }

        var scenario = new Scenario(
            replicas,
            offPeak,
            peak with { StartHour = implied?.PeakStartHour ?? 0 },
            on with { StartHour = implied?.OnStartHour ?? 0 },
            parse.GetValue(options.OffHoursRequests) ?? implied?.OffHoursRequestPercent ?? 0m,
            standbyPercent,
            parse.GetValue(options.Requests) ?? implied?.RequestsPerMonth ?? DefaultRequests,
            parse.GetValue(options.Overlap) ?? TimeSpan.FromMinutes(5),
            parse.GetValue(options.Failovers) ?? 4,
            parse.GetValue(options.ForecastError) ?? 20m,
            parse.GetValue(options.ForecastErrorTime) ?? TimeSpan.FromHours(1),
            parse.GetValue(options.ReplicaRps) ?? 50m);
        return (scenario, use, timeline is null || use is null || implied is null ? [] : Origins(timeline, use, implied));
    }

    /// <summary>Said when fixed strategies are set smaller than the replay's load; null when they are not.</summary>
    public static string? Doubt(Scenario scenario, TimelineUse? use) => use is not null && scenario.Replicas < use.PeakPods
        ? $"the replay needed {use.PeakPods} pods at once, so fixed strategies with {scenario.Replicas} would not carry its load as priced here"
        : null;

    private static List<string> Origins(ReplicaTimeline timeline, TimelineUse use, ReplayScenario implied)
    {
        List<string> lines =
        [
            $"{timeline.Rows.Count} rows, {Exact(use.Seconds)} s in all; scaled to a month by {Exact(CostModel.MonthHours * 3600m)} s / that",
            $"{Exact(use.PodSeconds)} pod-s requested, {Exact(use.StandbyPodSeconds)} pod-s of standby",
            $"at most {implied.Replicas} pods needed; outside the peak window from {implied.PeakStartHour:00}:00 UTC at most {implied.OffPeakReplicas}",
        ];
        if (use.Load is { } load)
        {
            var good = Percent(100m * use.GoodShare);
            lines.Add($"{Exact(load.Demand)} requests, {Exact(load.Unserved)} of them above capacity, so {good} good");
        }

        if (implied.OffHoursRequestPercent is { } lost)
        {
            lines.Add($"scale-to-zero up from {implied.OnStartHour:00}:00 UTC loses {Percent(lost)} of the requests");
        }

        if (timeline.Holes > 0)
        {
            lines.Add($"{timeline.Holes} holes, the longest {Exact(timeline.LongestSeconds)} s; the row before a hole holds through it");
        }

        return lines;
    }
}
