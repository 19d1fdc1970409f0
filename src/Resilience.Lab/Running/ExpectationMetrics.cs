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
        ["recoverySeconds"] = ("s", report => report.Recovery.Seconds),
    };

    private static readonly Dictionary<string, Func<RunReport, string>> Words = new(StringComparer.Ordinal)
    {
        ["activeAtEnd"] = report => report.Recovery.ActiveAtEnd,
        ["recovered"] = report => report.Recovery.Recovered ? "yes" : "no",
    };

    public static IReadOnlyList<string> Names { get; } = [.. Numbers.Keys, .. Words.Keys];

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

    private static string Text(string metric, double value, string unit)
    {
        var number = metric == "errorRatio"
            ? value.ToString("0.###%", CultureInfo.InvariantCulture)
            : value.ToString("0.##", CultureInfo.InvariantCulture);
        return unit.Length == 0 ? number : $"{number} {unit}";
    }

    /// <summary>Only moves that a fault forced: a planned return to the preferred slot is judged by errors and gaps overall.</summary>
    private static double? Worst(RunReport report, Func<FailoverReport, double> value) =>
        report.Failovers.Where(move => move.Kind is "rescue" or "optional").Select(value).Select(each => (double?)each).DefaultIfEmpty(null).Max();

    private static int Count(RunReport report, string kind) => report.Failovers.Count(move => move.Kind == kind);
}
