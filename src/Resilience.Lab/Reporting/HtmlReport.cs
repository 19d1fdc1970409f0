using System.Globalization;
using System.Text;
using System.Text.Json;
using static Resilience.Lab.Reporting.HtmlParts;

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

        return page.Append(End).ToString();
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
        return page.Append(End).ToString();
    }

    /// <summary>All sections of one run.</summary>
    public static void Run(StringBuilder page, RunReport run, string? heading)
    {
        if (heading is not null)
        {
            _ = page.Append("<h2 class=\"run\">").Append(Text(heading)).Append("</h2>");
        }

        Tiles(page, run);
        Failovers(page, run);
        Expectations(page, "Expectations", run.Expectations);
        ScalingHtml.Charts(page, run);
        Chart(page, "Answers", "What users got each second. Shaded: the fault. Dashed: traffic moved.", Charts.Answers(run), ("good", "answered"), ("bad", "failed"));
        Chart(page, "Which slot answered", "Good answers by slot. Kept-alive connections may stay with the old slot for a moment.", Charts.PerSlot(run), ("blue", "blue"), ("green", "green"));
        Chart(page, "Latency", "From the moment a request was due, so that waiting counts.", Charts.Latency(run), ("accent", "p99"), ("muted", "p50"));
        Chart(page, "Ready pods", "What stood behind the answers.", Charts.Pods(run), ("blue", "blue"), ("green", "green"));
        ScalingHtml.Decisions(page, run);
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
            Tile(page, string.Create(CultureInfo.InvariantCulture, $"{latency:0.0} s"), run.TimeScale == 1 ? "without enough pods for the load" : $"longest time without enough pods ({Clocks.Span(latency * run.TimeScale)} of the day)");
        }
        else
        {
            Tile(page, run.Recovery.Seconds is { } back ? string.Create(CultureInfo.InvariantCulture, $"{back:0.0} s") : "never", "until both slots were whole again");
        }

        if (ScalingHtml.Applies(run))
        {
            Tile(page, Clocks.Both(run.Scaling.SloViolationSeconds, 1), $"{(run.TimeScale == 1 ? string.Empty : $"({Clocks.Span(run.Scaling.SloViolationSeconds * run.TimeScale)} of the day) ")}outside the SLO");
            Tile(page, Usd(run.Cost.UsdPerMillionGoodRequests), "for a million good requests");
        }

        _ = page.Append(CultureInfo.InvariantCulture, $"</section><p class=\"small where\">Measured on the {run.Cluster} cluster: {Text(MarkdownReport.Where(run))}.</p>");
    }

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
        Row(page, "cost", string.Create(CultureInfo.InvariantCulture, $"{run.Scaling.ReplicaHours:0.####} pod hours on the wall clock, {Usd(run.Cost.UsdPerMillionGoodRequests)} per million good requests ({run.Cost.Basis})"));
        Row(page, "SLO", string.Create(CultureInfo.InvariantCulture, $"{run.Scaling.SloViolationSeconds:0} seconds with {ScalingHtml.Slo(run)}"));
        Row(page, "clock", Clocks.Note(run.TimeScale));
        Row(page, "run", run.StartedAt.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture));
        _ = page.Append("</table><details><summary>report.json</summary><pre>").Append(Text(JsonSerializer.Serialize(run, ReportJson.Readable.RunReport))).Append("</pre></details></section>");
    }
}
