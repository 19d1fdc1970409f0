using System.Globalization;

namespace Resilience.Lab.Reporting;

/// <summary>Rows of a side-by-side table of two runs.</summary>
internal static class SideBySide
{
    public static IReadOnlyList<(string Name, Func<RunReport, string> Value)> Rows { get; } =
    [
        ("verdict", report => report.Verdict),
        ("longest wait of a user", report => Summaries.WorstGap(report) is { } gap ? Milliseconds(gap) : Milliseconds(report.Load.LongestGapMs)),
        ("failed requests", report => string.Create(CultureInfo.InvariantCulture, $"{report.Load.Failed} of {report.Load.Requests}")),
        ("error ratio", report => report.Load.ErrorRatio.ToString("0.###%", CultureInfo.InvariantCulture)),
        ("fault to detection", report => report.Failovers.Count == 0 ? "-" : Milliseconds(report.Failovers[0].DetectMs)),
        ("p99", report => Milliseconds(report.Load.P99Ms)),
        ("seconds outside the SLO", report => report.Scaling.SloViolationSeconds.ToString("0", CultureInfo.InvariantCulture)),
    ];

    private static string Milliseconds(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} ms");
}
