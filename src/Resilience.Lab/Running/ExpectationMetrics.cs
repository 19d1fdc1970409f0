using System.Globalization;
using Resilience.Lab.Experiments;
using Resilience.Lab.Reporting;

namespace Resilience.Lab.Running;

/// <summary>What an expectation may speak of, and how it is read from a report.</summary>
internal static class ExpectationMetrics
{
    private static readonly Dictionary<string, (string Unit, Func<RunReport, double?> Read)> Numbers = new(StringComparer.Ordinal)
    {
        ["clientGapMs"] = ("ms", report => Worst(report, move => move.ClientGapMs)),
        ["detectMs"] = ("ms", report => Worst(report, move => move.DetectMs)),
        ["failovers"] = ("", report => report.Failovers.Count),
        ["rescues"] = ("", report => Count(report, "rescue")),
        ["optionalMoves"] = ("", report => Count(report, "optional")),
        ["failbacks"] = ("", report => Count(report, "failback")),
        ["errorRatio"] = ("", report => report.Load.ErrorRatio),
        ["failedRequests"] = ("", report => report.Load.Failed),
        ["failedOutsideGaps"] = ("", report => report.Load.FailedOutsideGaps),
        ["longestGapMs"] = ("ms", report => report.Load.LongestGapMs),
        ["p50Ms"] = ("ms", report => report.Load.P50Ms),
        ["p95Ms"] = ("ms", report => report.Load.P95Ms),
        ["p99Ms"] = ("ms", report => report.Load.P99Ms),
        ["scaleUpLatencySeconds"] = ("s", report => report.Scaling.ScaleUpLatencySeconds),
        ["peakReplicas"] = ("", report => report.Scaling.PeakReplicas),
        ["endReplicas"] = ("", report => report.Scaling.EndReplicas),
        ["sloViolationSeconds"] = ("s", report => report.Scaling.SloViolationSeconds),
        ["shortOfCapacitySeconds"] = ("s", report => report.Scaling.ShortOfCapacitySeconds),
        ["replicaHours"] = ("h", report => report.Scaling.ReplicaHours),
        ["usdPerMillionGoodRequests"] = ("USD", report => report.Cost.UsdPerMillionGoodRequests),
        ["forecastWape"] = ("", report => report.Scaling.ForecastWape),
        ["forecastCoverage99"] = ("", report => report.Scaling.ForecastCoverage99),
        ["decisions"] = ("", report => report.Decisions.Count),
        ["highestFloor"] = ("", report => report.Scaling.HighestFloor),
        ["lowestFloor"] = ("", report => report.Scaling.LowestFloor),
        ["budgetDecisions"] = ("", report => report.Decisions.Count(decision => decision.GivenUp is not null)),
        ["roomDecisions"] = ("", report => report.Decisions.Count(decision => decision.PodsWithoutRoom > 0)),
        ["unschedulablePodSeconds"] = ("s", report => report.Scaling.UnschedulablePodSeconds),
        ["recoverySeconds"] = ("s", report => report.Recovery.Seconds),
    };

    private static readonly Dictionary<string, Func<RunReport, string>> Words = new(StringComparer.Ordinal)
    {
        ["activeAtEnd"] = report => report.Recovery.ActiveAtEnd,
        ["recovered"] = report => report.Recovery.Recovered ? "yes" : "no",
    };

    public static IReadOnlyList<string> Names { get; } = [.. Numbers.Keys, .. Words.Keys];

    /// <summary>Those that can be compared between variants.</summary>
    public static IReadOnlyList<string> NumberNames { get; } = [.. Numbers.Keys];

    public static bool IsText(string metric) => Words.ContainsKey(metric);

    public static ExpectationReport Check(ExpectationSpec wanted, RunReport report)
    {
        if (Words.TryGetValue(wanted.Metric, out var word))
        {
            var said = word(report);
            return new ExpectationReport(wanted.Name, $"{wanted.Metric} is {wanted.Text}", said, said == wanted.Text);
        }

        var (unit, read) = Numbers[wanted.Metric];
        var actual = read(report);
        var pass = actual is { } value && wanted.Comparison switch
        {
            Comparison.AtMost => value <= wanted.Value,
            Comparison.AtLeast => value >= wanted.Value,
            _ => Math.Abs(value - wanted.Value) < 1e-9,
        };
        var sign = wanted.Comparison switch { Comparison.AtMost => "≤", Comparison.AtLeast => "≥", _ => "=" };
        return new ExpectationReport(wanted.Name, $"{wanted.Metric} {sign} {Text(wanted.Metric, wanted.Value, unit)}", actual is { } shown ? Text(wanted.Metric, shown, unit) : "not measured", pass);
    }

    /// <summary>Holds a figure of one variant against the same figure of another.</summary>
    /// <param name="runs">By the name of the variant.</param>
    public static ExpectationReport Compare(ComparisonSpec wanted, IReadOnlyDictionary<string, RunReport> runs)
    {
        var (unit, read) = Numbers[wanted.Metric];
        var (own, other) = (read(runs[wanted.Of]), read(runs[wanted.Than]));
        var pass = own is { } mine && other is { } theirs && (wanted.Less ? mine < theirs : mine <= theirs);
        string Shown(double? value) => value is { } known ? Text(wanted.Metric, known, unit) : "not measured";
        return new ExpectationReport(
            wanted.Name, $"{wanted.Metric} of {wanted.Of} {(wanted.Less ? "<" : "≤")} that of {wanted.Than}, {Shown(other)}", Shown(own), pass);
    }

    private static string Text(string metric, double value, string unit)
    {
        var number = metric switch
        {
            "errorRatio" or "forecastWape" or "forecastCoverage99" => value.ToString("0.###%", CultureInfo.InvariantCulture),
            "replicaHours" or "usdPerMillionGoodRequests" => value.ToString("0.####", CultureInfo.InvariantCulture),
            _ => value.ToString("0.##", CultureInfo.InvariantCulture),
        };
        return unit.Length == 0 ? number : $"{number} {unit}";
    }

    /// <summary>Only moves that a fault forced: a planned return to the preferred slot is judged by errors and gaps overall.</summary>
    private static double? Worst(RunReport report, Func<FailoverReport, double> value) =>
        report.Failovers.Where(move => move.Kind is "rescue" or "optional").Select(value).Select(each => (double?)each).DefaultIfEmpty(null).Max();

    private static int Count(RunReport report, string kind) => report.Failovers.Count(move => move.Kind == kind);
}
