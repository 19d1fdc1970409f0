using System.Globalization;
using System.Text;

namespace Resilience.Lab.Reporting;

/// <summary>report.md: for pull requests and terminals.</summary>
internal static class MarkdownReport
{
    public static string Of(RunReport report)
    {
        var text = new StringBuilder();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"# {report.Experiment}: {report.Verdict}").AppendLine();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"{report.Title}. {report.Description}").AppendLine();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"Run {report.StartedAt:yyyy-MM-dd HH:mm:ss} UTC, seed {report.Seed}, detection by {report.Detection}, {Where(report)}. {Clocks.Note(report.TimeScale)}").AppendLine();
        if (report.AbortReason is not null)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"Aborted: {report.AbortReason}.").AppendLine();
        }

        Expectations(text, report);
        Failovers(text, report);
        Load(text, report);
        Decisions(text, report);
        _ = text.AppendLine("## What happened").AppendLine();
        foreach (var entry in report.Timeline)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"- {entry.AtSeconds:0.000} s {entry.Text}");
        }

        return text.ToString();
    }

    public static string Of(RepeatReport repeated)
    {
        var summary = repeated.Summary;
        var text = new StringBuilder();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"# {summary.Experiment}: {summary.Passed} of {summary.Runs} runs passed").AppendLine();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"{Where(repeated.Runs[0])}.").AppendLine();
        _ = text.AppendLine("| run | verdict | longest wait ms | failed | error ratio | p99 ms |").AppendLine("|---|---|---|---|---|---|");
        foreach (var (run, i) in repeated.Runs.Select((run, i) => (run, i)))
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {i + 1} | {run.Verdict} | {Summaries.WorstGap(run):0.#} | {run.Load.Failed} | {run.Load.ErrorRatio:0.####%} | {run.Load.P99Ms} |");
        }

        _ = text.AppendLine(CultureInfo.InvariantCulture, $"| median | | {summary.ClientGapMsMedian:0.#} | {summary.FailedMedian} | {summary.ErrorRatioMedian:0.####%} | {summary.P99MsMedian} |");
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"| worst | | {summary.ClientGapMsWorst:0.#} | {summary.FailedWorst} | {summary.ErrorRatioWorst:0.####%} | {summary.P99MsWorst} |");
        return text.ToString();
    }

    public static string Of(CompareReport compared)
    {
        var text = new StringBuilder();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"# {compared.Events.Experiment}: events against polling every 3 s").AppendLine();
        _ = text.AppendLine("| | events | polling |").AppendLine("|---|---|---|");
        foreach (var (name, value) in SideBySide.Rows)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {value(compared.Events)} | {value(compared.Polling)} |");
        }

        return text.AppendLine().Append(Of(compared.Events)).AppendLine().Append(Of(compared.Polling)).ToString();
    }

    public static string Where(RunReport report) => string.Create(CultureInfo.InvariantCulture,
        $"{report.Environment.Cores} cores, {report.Environment.MemoryGiB} GiB, {report.Environment.Os}; {report.Environment.Note}");

    private static void Expectations(StringBuilder text, RunReport report)
    {
        _ = text.AppendLine("| expectation | expected | actual | |").AppendLine("|---|---|---|---|");
        foreach (var check in report.Expectations)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {check.Name} | {check.Expected} | {check.Actual} | {(check.Pass ? "pass" : "**missed**")} |");
        }

        _ = text.AppendLine();
    }

    private static void Failovers(StringBuilder text, RunReport report)
    {
        if (report.Failovers.Count == 0)
        {
            _ = text.AppendLine("No traffic moved.").AppendLine();
            return;
        }

        _ = text.AppendLine("| move | fault → detected ms | decided ms | patched ms | users waited ms | last old reply ms | failed | reason |").AppendLine("|---|---|---|---|---|---|---|---|");
        foreach (var move in report.Failovers)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {move.Kind} {move.From} → {move.To} | {move.DetectMs} | {move.DecideMs} | {move.PatchMs} | {move.ClientGapMs} | {move.LastOldReplyMs} | {move.FailedRequests} | {move.Reason} |");
        }

        _ = text.AppendLine();
    }

    private static void Load(StringBuilder text, RunReport report)
    {
        var load = report.Load;
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"{load.Requests} requests at {load.Rps} per second: {load.Failed} failed ({load.ErrorRatio:0.####%}), p50 {load.P50Ms} ms, p95 {load.P95Ms} ms, p99 {load.P99Ms} ms, p99.9 {load.P999Ms} ms, max {load.MaxMs} ms.");
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"Pod time {report.Scaling.ReplicaHours} h on the wall clock; {report.Scaling.SloViolationSeconds:0} s with {ScalingHtml.Slo(report)}; {report.Cost.UsdPerMillionGoodRequests?.ToString(CultureInfo.InvariantCulture) ?? "no"} USD per million good requests ({report.Cost.Basis}).").AppendLine();
        Scaling(text, report);
    }

    private static void Decisions(StringBuilder text, RunReport report)
    {
        if (report.Decisions.Count == 0)
        {
            return;
        }

        _ = text.AppendLine("| decision | at s | floor | p50 | p99 | came | risk | given up | reason |").AppendLine("|---|---|---|---|---|---|---|---|---|");
        foreach (var decision in report.Decisions)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {decision.Number} | {decision.AtSeconds:0.0} | {decision.Floor} | {decision.P50:0.#} | {decision.P99:0.#} | {decision.Actual:0.#} | {decision.Risk:0.###} | {decision.GivenUp} | {decision.Reason} |");
        }

        _ = text.AppendLine();
    }

    private static void Scaling(StringBuilder text, RunReport report)
    {
        if (report.Scaling.Events.Count == 0)
        {
            return;
        }

        _ = text.AppendLine("| scaling at s | slot | pods wanted | USD per million before | after |").AppendLine("|---|---|---|---|---|");
        foreach (var scaling in report.Scaling.Events)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {scaling.AtSeconds:0.0} | {scaling.Slot} | {scaling.From} → {scaling.To} | {scaling.UsdPerMillionBefore} | {scaling.UsdPerMillionAfter} |");
        }

        _ = text.AppendLine();
    }
}
