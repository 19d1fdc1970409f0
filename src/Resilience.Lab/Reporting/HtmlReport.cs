using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Resilience.Lab.Reporting;

/// <summary>report.html: one file that needs nothing else, for a stage as well as for an archive.</summary>
internal static class HtmlReport
{
    /// <param name="runs">One run, or two that are compared.</param>
    public static string Of(IReadOnlyList<RunReport> runs, string title)
    {
        var page = new StringBuilder();
        Open(page, $"{runs[0].Experiment}: {title}");
        Header(page, runs[0], title);
        if (runs.Count == 2)
        {
            Compare(page, runs[0], runs[1]);
        }

        foreach (var run in runs)
        {
            Run(page, run, runs.Count > 1 ? $"Detection by {run.Detection}" : null);
        }

        return page.Append("</main></body></html>").ToString();
    }

    public static string OfRepeated(RepeatReport repeated)
    {
        var page = new StringBuilder();
        var summary = repeated.Summary;
        Open(page, $"{summary.Experiment}: {summary.Runs} runs");
        Header(page, repeated.Runs.FirstOrDefault(run => run.Verdict != "pass") ?? repeated.Runs[0], string.Create(CultureInfo.InvariantCulture, $"{summary.Passed} of {summary.Runs} runs passed"));
        _ = page.Append("<section><h2>All runs</h2><table><tr><th>run</th><th>verdict</th><th>longest wait</th><th>failed</th><th>error ratio</th><th>p99</th></tr>");
        foreach (var (run, i) in repeated.Runs.Select((run, i) => (run, i)))
        {
            Row(page, $"{i + 1}", run.Verdict, Milliseconds(Summaries.WorstGap(run)), $"{run.Load.Failed}", Percent(run.Load.ErrorRatio), Milliseconds(run.Load.P99Ms));
        }

        Row(page, "median", "", Milliseconds(summary.ClientGapMsMedian), $"{summary.FailedMedian}", Percent(summary.ErrorRatioMedian), Milliseconds(summary.P99MsMedian));
        Row(page, "worst", "", Milliseconds(summary.ClientGapMsWorst), $"{summary.FailedWorst}", Percent(summary.ErrorRatioWorst), Milliseconds(summary.P99MsWorst));
        _ = page.Append("</table></section>");
        var shown = repeated.Runs.OrderByDescending(run => Summaries.WorstGap(run) ?? 0).First();
        Run(page, shown, "The run with the longest wait");
        return page.Append("</main></body></html>").ToString();
    }

    private static void Open(StringBuilder page, string title) => page
        .Append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>")
        .Append(Text(title)).Append("</title><style>").Append(HtmlStyle.Css).Append("</style></head><body><main>");

    private static void Header(StringBuilder page, RunReport run, string title) => page
        .Append(CultureInfo.InvariantCulture, $"<header class=\"{run.Verdict}\"><div class=\"badge\">{run.Verdict}</div><div><h1>{Text(run.Experiment)}</h1><p class=\"lead\">{Text(title)}</p>")
        .Append(CultureInfo.InvariantCulture, $"<p>{Text(run.Description)}</p><p class=\"small\">Hypothesis: {Text(run.Hypothesis)}</p></div></header>")
        .Append(run.AbortReason is null ? string.Empty : $"<p class=\"aborted\">Aborted: {Text(run.AbortReason)}. Every drill was undone.</p>");

    private static void Run(StringBuilder page, RunReport run, string? heading)
    {
        if (heading is not null)
        {
            _ = page.Append("<h2 class=\"run\">").Append(Text(heading)).Append("</h2>");
        }

        Tiles(page, run);
        Failovers(page, run);
        Expectations(page, run);
        Chart(page, "Answers", "What users got each second. Shaded: the fault. Dashed: traffic moved.", Charts.Answers(run), ("good", "answered"), ("bad", "failed"));
        Chart(page, "Which slot answered", "Good answers by slot. Kept-alive connections may stay with the old slot for a moment.", Charts.PerSlot(run), ("blue", "blue"), ("green", "green"));
        Chart(page, "Latency", "From the moment a request was due, so that waiting counts.", Charts.Latency(run), ("accent", "p99"), ("muted", "p50"));
        Chart(page, "Ready pods", "What stood behind the answers.", Charts.Pods(run), ("blue", "blue"), ("green", "green"));
        Scaling(page, run);
        Story(page, run);
        Machine(page, run);
    }

    private static void Tiles(StringBuilder page, RunReport run)
    {
        _ = page.Append("<section class=\"tiles\">");
        Tile(page, Summaries.WorstGap(run) is { } gap ? Milliseconds(gap) : Milliseconds(run.Load.LongestGapMs), "longest wait for an answer");
        Tile(page, $"{run.Load.Failed}", string.Create(CultureInfo.InvariantCulture, $"of {run.Load.Requests} requests failed ({Percent(run.Load.ErrorRatio)})"));
        Tile(page, Milliseconds(run.Load.P99Ms), string.Create(CultureInfo.InvariantCulture, $"p99 (p50 {run.Load.P50Ms:0.#} ms)"));
        Tile(page, run.Failovers.Count == 0 ? "none" : $"{run.Failovers.Count}", run.Failovers.Count == 1 ? $"move of traffic ({run.Failovers[0].Kind})" : "moves of traffic");
        if (run.Scaling.ScaleUpLatencySeconds is { } latency)
        {
            Tile(page, string.Create(CultureInfo.InvariantCulture, $"{latency:0.0} s"), "without enough pods for the load");
        }
        else
        {
            Tile(page, run.Recovery.Seconds is { } back ? string.Create(CultureInfo.InvariantCulture, $"{back:0.0} s") : "never", "until both slots were whole again");
        }

        _ = page.Append(CultureInfo.InvariantCulture, $"</section><p class=\"small where\">Measured on the {run.Cluster} cluster: {Text(MarkdownReport.Where(run))}.</p>");
    }

    private static void Tile(StringBuilder page, string value, string label) =>
        page.Append(CultureInfo.InvariantCulture, $"<div class=\"tile\"><b>{Text(value)}</b><span>{Text(label)}</span></div>");

    private static void Failovers(StringBuilder page, RunReport run)
    {
        foreach (var move in run.Failovers)
        {
            _ = page.Append(CultureInfo.InvariantCulture, $"<section><h2>{Capital(move.Kind)}: {move.From} → {move.To}</h2><p>{Text(move.Reason)}</p>")
                .Append(TimelineSvg.Of(move))
                .Append(CultureInfo.InvariantCulture, $"<p class=\"small\">Detected after {move.DetectMs:0.#} ms, decided in {move.DecideMs:0.#} ms, patched in {move.PatchMs:0.#} ms; {move.FailedRequests} requests failed around it. ({run.Cluster} cluster)</p></section>");
        }

        if (run.Failovers.Count == 0)
        {
            _ = page.Append("<section><h2>No traffic moved</h2><p>The watcher saw no reason to act.</p></section>");
        }
    }

    private static void Expectations(StringBuilder page, RunReport run)
    {
        _ = page.Append("<section><h2>Expectations</h2><table><tr><th></th><th>expectation</th><th>expected</th><th>actual</th></tr>");
        foreach (var check in run.Expectations)
        {
            _ = page.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"mark {(check.Pass ? "good" : "bad")}\">{(check.Pass ? "✓" : "✗")}</td><td>{Text(check.Name)}</td><td>{Text(check.Expected)}</td><td>{Text(check.Actual)}</td></tr>");
        }

        _ = page.Append("</table></section>");
    }

    private static void Chart(StringBuilder page, string title, string note, string svg, params (string Colour, string Name)[] legend)
    {
        _ = page.Append(CultureInfo.InvariantCulture, $"<section><h2>{title}</h2><p class=\"small\">{note} <span class=\"legend\">");
        foreach (var (colour, name) in legend)
        {
            _ = page.Append(CultureInfo.InvariantCulture, $"<i style=\"background:var(--{colour})\"></i>{name}");
        }

        _ = page.Append("</span></p>").Append(svg).Append("</section>");
    }

    private static void Scaling(StringBuilder page, RunReport run)
    {
        if (run.Scaling.Events.Count == 0)
        {
            return;
        }

        _ = page.Append("<section><h2>Scaling and what it cost</h2><p class=\"small\">USD per million good requests, from the event before until this one, and from this one until the next.</p>")
            .Append("<table><tr><th>at</th><th>slot</th><th>pods wanted</th><th>cost before</th><th>cost after</th></tr>");
        foreach (var scaling in run.Scaling.Events)
        {
            Row(page, string.Create(CultureInfo.InvariantCulture, $"{scaling.AtSeconds:0.0} s"), scaling.Slot, $"{scaling.From} → {scaling.To}", Usd(scaling.UsdPerMillionBefore), Usd(scaling.UsdPerMillionAfter));
        }

        _ = page.Append("</table></section>");
    }

    private static void Story(StringBuilder page, RunReport run)
    {
        _ = page.Append("<section><h2>What happened</h2><ol class=\"story\">");
        foreach (var entry in run.Timeline)
        {
            _ = page.Append(CultureInfo.InvariantCulture, $"<li class=\"{entry.Kind}\"><time>{entry.AtSeconds:0.000} s</time>{Text(entry.Text)}</li>");
        }

        _ = page.Append("</ol></section>");
    }

    private static void Compare(StringBuilder page, RunReport events, RunReport polling)
    {
        _ = page.Append("<section><h2>Side by side</h2><table><tr><th></th><th>events and probes (shipped)</th><th>polling every 3 s</th></tr>");
        foreach (var (name, value) in SideBySide.Rows)
        {
            Row(page, name, value(events), value(polling));
        }

        _ = page.Append("</table></section>");
    }

    private static void Machine(StringBuilder page, RunReport run)
    {
        _ = page.Append("<section><h2>Where and how</h2><table>");
        Row(page, "cluster", run.Cluster);
        Row(page, "machine", string.Create(CultureInfo.InvariantCulture, $"{run.Environment.Cores} cores, {run.Environment.MemoryGiB} GiB, {run.Environment.Os}, {run.Environment.Runtime}"));
        Row(page, "note", run.Environment.Note);
        Row(page, "load", string.Create(CultureInfo.InvariantCulture, $"{run.Load.Requests} requests at {run.Load.Rps:0.#}/s, seed {run.Seed}; p50 {run.Load.P50Ms} ms, p95 {run.Load.P95Ms} ms, p99 {run.Load.P99Ms} ms, p99.9 {run.Load.P999Ms} ms, max {run.Load.MaxMs} ms"));
        Row(page, "cost", string.Create(CultureInfo.InvariantCulture, $"{run.Scaling.ReplicaHours:0.####} pod hours, {Usd(run.Cost.UsdPerMillionGoodRequests)} per million good requests ({run.Cost.Basis})"));
        Row(page, "SLO", string.Create(CultureInfo.InvariantCulture, $"{run.Scaling.SloViolationSeconds:0} seconds with more than 1% errors or a p99 above 500 ms"));
        Row(page, "run", run.StartedAt.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture));
        _ = page.Append("</table><details><summary>report.json</summary><pre>").Append(Text(JsonSerializer.Serialize(run, ReportJson.Readable.RunReport))).Append("</pre></details></section>");
    }

    private static void Row(StringBuilder page, params string[] cells)
    {
        _ = page.Append("<tr>");
        foreach (var cell in cells)
        {
            _ = page.Append("<td>").Append(Text(cell)).Append("</td>");
        }

        _ = page.Append("</tr>");
    }

    private static string Milliseconds(double? value) => value is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0} ms") : "-";

    private static string Usd(double? value) => value is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0.####} USD") : "-";

    private static string Percent(double ratio) => ratio.ToString("0.###%", CultureInfo.InvariantCulture);

    private static string Capital(string word) => word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..];

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
