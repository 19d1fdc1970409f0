using System.Globalization;

namespace Resilience.Lab.Reporting;

/// <summary>Rows of side-by-side tables.</summary>
internal static class SideBySide
{
    /// <summary>Two watchers.</summary>
    public static IReadOnlyList<(string Name, Func<RunReport, string> Value)> Rows { get; } =
    [
        ("verdict", report => report.Verdict),
        ("longest wait of a user", report => Summaries.WorstGap(report) is { } gap ? Milliseconds(gap) : Milliseconds(report.Load.LongestGapMs)),
        ("failed requests", Failed),
        ("error ratio", report => Percent(report.Load.ErrorRatio)),
        ("fault to detection", report => report.Failovers.Count == 0 ? "-" : Milliseconds(report.Failovers[0].DetectMs)),
        ("p99", report => Milliseconds(report.Load.P99Ms)),
        ("seconds outside the SLO", report => report.Scaling.SloViolationSeconds.ToString("0", CultureInfo.InvariantCulture)),
    ];

    /// <summary>Ways to scale.</summary>
    public static IReadOnlyList<(string Name, Func<RunReport, string> Value)> ScalingRows { get; } =
    [
        ("verdict", report => report.Verdict),
        ("time outside the SLO", report => Clocks.Both(report.Scaling.SloViolationSeconds, report.TimeScale)),
        ("time short of capacity", report => Span(report.Scaling.ShortOfCapacitySeconds, report)),
        ("longest such time (scaling latency)", report => Span(report.Scaling.ScaleUpLatencySeconds, report)),
        ("failed requests", Failed),
        ("error ratio", report => Percent(report.Load.ErrorRatio)),
        ("p95 of the whole run", report => Milliseconds(report.Load.P95Ms)),
        ("pod hours, wall clock", report => Number(report.Scaling.ReplicaHours)),
        ("USD per million good requests", report => Number(report.Cost.UsdPerMillionGoodRequests)),
        ("most pods Ready in a slot", report => report.Scaling.PeakReplicas.ToString(CultureInfo.InvariantCulture)),
        ("pod seconds without room, wall clock", report => Number(report.Scaling.UnschedulablePodSeconds)),
        ("floor, lowest to highest", report => report.Scaling.HighestFloor is { } highest ? $"{report.Scaling.LowestFloor} to {highest}" : "-"),
        ("forecast error (WAPE)", report => report.Scaling.ForecastWape is { } wape ? Percent(wape) : "-"),
        ("decisions in which the budget bound", report => report.Decisions.Count == 0 ? "-" : $"{report.Decisions.Count(decision => decision.GivenUp is not null)} of {report.Decisions.Count}"),
    ];

    private static string Failed(RunReport report) => string.Create(CultureInfo.InvariantCulture, $"{report.Load.Failed} of {report.Load.Requests}");

    private static string Span(double? seconds, RunReport report) => seconds is { } known ? Clocks.Both(known, report.TimeScale) : "none";

    private static string Number(double? value) => value is { } known ? known.ToString("0.####", CultureInfo.InvariantCulture) : "-";

    private static string Percent(double share) => share.ToString("0.###%", CultureInfo.InvariantCulture);

    private static string Milliseconds(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} ms");
}
