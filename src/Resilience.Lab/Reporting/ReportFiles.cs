using System.Globalization;
using System.Text.Json;

namespace Resilience.Lab.Reporting;

/// <summary>Writes report.json, report.md and report.html into one folder.</summary>
internal static class ReportFiles
{
    /// <returns>A few lines for the terminal.</returns>
    public static string Write(string folder, RunReport report)
    {
        Save(folder, JsonSerializer.Serialize(report, ReportJson.Readable.RunReport), MarkdownReport.Of(report), HtmlReport.Of([report], report.Title));
        return Line(report);
    }

    public static string Write(string folder, RepeatReport repeated)
    {
        Save(
            folder,
            JsonSerializer.Serialize(repeated, ReportJson.Readable.RepeatReport),
            MarkdownReport.Of(repeated),
            HtmlReport.OfRepeated(repeated));
        var summary = repeated.Summary;
        return string.Create(CultureInfo.InvariantCulture,
            $"{summary.Experiment}: {summary.Passed} of {summary.Runs} runs passed; longest wait median {Gap(summary.ClientGapMsMedian)}, worst {Gap(summary.ClientGapMsWorst)}; failed requests median {summary.FailedMedian}, worst {summary.FailedWorst} ({repeated.Runs[0].Cluster} cluster)");
    }

    public static string Write(string folder, CompareReport compared)
    {
        Save(
            folder,
            JsonSerializer.Serialize(compared, ReportJson.Readable.CompareReport),
            MarkdownReport.Of(compared),
            HtmlReport.Of([compared.Events, compared.Polling], compared.Events.Title));
        return $"{Line(compared.Events)}\npolling every 3 s: {Line(compared.Polling)}";
    }

    public static string Write(string folder, VariantsReport report)
    {
        Save(folder, JsonSerializer.Serialize(report, ReportJson.Readable.VariantsReport), VariantsMarkdown.Of(report), VariantsHtml.Of(report));
        return Line(report);
    }

    public static string Write(string folder, RepeatVariantsReport repeated)
    {
        Save(folder, JsonSerializer.Serialize(repeated, ReportJson.Readable.RepeatVariantsReport), VariantsMarkdown.Of(repeated), VariantsHtml.Of(repeated));
        return $"{repeated.Experiment}: {repeated.Passed} of {repeated.Runs.Count} runs passed ({repeated.Runs[0].Variants[0].Cluster} cluster)";
    }

    /// <summary>Verdict of all variants together, with each comparison on a line of its own.</summary>
    public static string Line(VariantsReport report) => string.Concat(
        [
            $"{report.Experiment}: {report.Verdict.ToUpperInvariant()}",
            .. report.Comparisons.Select(check => $"\n  {(check.Pass ? "held" : "missed")}: {check.Name}: expected {check.Expected}; got {check.Actual}"),
        ]);

    /// <summary>Verdict, wait and failures of one run, with what it missed on lines of their own.</summary>
    public static string Line(RunReport report)
    {
        var failed = report.Expectations.Where(check => !check.Pass).Select(check => $"\n  missed: {check.Name}: expected {check.Expected}, got {check.Actual}");
        var name = report.Variant is null ? report.Experiment : $"{report.Experiment}, {report.Variant}";
        return string.Create(CultureInfo.InvariantCulture,
            $"{name}: {report.Verdict.ToUpperInvariant()}{Scaling(report)}; longest wait {Gap(Summaries.WorstGap(report) ?? report.Load.LongestGapMs)}, {report.Load.Failed} of {report.Load.Requests} requests failed ({report.Load.ErrorRatio:0.###%}), p99 {report.Load.P99Ms:0.#} ms ({report.Cluster} cluster){string.Concat(failed)}");
    }

    private static string Scaling(RunReport report) => ScalingHtml.Applies(report)
        ? string.Create(CultureInfo.InvariantCulture, $"; {Clocks.Both(report.Scaling.SloViolationSeconds, report.TimeScale)} outside the SLO, {report.Scaling.ReplicaHours:0.####} pod hours, {report.Cost.UsdPerMillionGoodRequests:0.####} USD per million good requests")
        : string.Empty;

    private static string Gap(double? milliseconds) =>
        milliseconds is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value:0} ms") : "none";

    private static void Save(string folder, string json, string markdown, string html)
    {
        _ = Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "report.json"), json);
        File.WriteAllText(Path.Combine(folder, "report.md"), markdown);
        File.WriteAllText(Path.Combine(folder, "report.html"), html);
    }
}
