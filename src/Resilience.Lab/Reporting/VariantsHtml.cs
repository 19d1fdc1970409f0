using System.Globalization;
using System.Text;
using System.Text.Json;
using static Resilience.Lab.Reporting.HtmlParts;

namespace Resilience.Lab.Reporting;

/// <summary>report.html of an experiment with variants: one table and one chart for each figure, then each run as it would be alone.</summary>
internal static class VariantsHtml
{
    public static string Of(VariantsReport report)
    {
        var page = new StringBuilder();
        Open(page, $"{report.Experiment}: {report.Title}");
        Header(page, report.Verdict, report.Experiment, report.Title, report.Description, null, report.TimeScale, report.Variants.Select(run => run.AbortReason).FirstOrDefault(reason => reason is not null));
        Body(page, report);
        foreach (var run in report.Variants)
        {
            HtmlReport.Run(page, run, $"{run.Variant}: {run.VariantTitle} ({run.Verdict})");
        }

        return page.Append(End).ToString();
    }

    public static string Of(RepeatVariantsReport repeated)
    {
        var page = new StringBuilder();
        var first = repeated.Runs[0];
        var verdict = repeated.Passed == repeated.Runs.Count ? "pass" : "fail";
        var title = string.Create(CultureInfo.InvariantCulture, $"{repeated.Passed} of {repeated.Runs.Count} runs passed: {first.Title}");
        Open(page, $"{repeated.Experiment}: {repeated.Runs.Count} runs");
        Header(page, verdict, repeated.Experiment, title, first.Description, null, first.TimeScale, null);
        _ = page.Append("<section><h2>All runs</h2><table><tr><th>run</th><th>variant</th><th>verdict</th><th>s outside the SLO</th><th>pod hours</th><th>USD per million</th><th>failed</th><th>s short of capacity</th></tr>");
        foreach (var (run, i) in repeated.Runs.Select((run, i) => (run, i + 1)))
        {
            foreach (var variant in run.Variants)
            {
                Row(page, $"{i}", variant.Variant ?? "", run.Verdict, Number(variant.Scaling.SloViolationSeconds), Number(variant.Scaling.ReplicaHours), Number(variant.Cost.UsdPerMillionGoodRequests), $"{variant.Load.Failed}", Number(variant.Scaling.ShortOfCapacitySeconds));
            }
        }

        _ = page.Append("</table></section>");
        var shown = repeated.Runs.FirstOrDefault(run => run.Verdict != "pass") ?? first;
        _ = page.Append(CultureInfo.InvariantCulture, $"<h2 class=\"run\">Run {repeated.Runs.ToList().IndexOf(shown) + 1}</h2>");
        Body(page, shown);
        _ = page.Append("<section><details><summary>report.json</summary><pre>").Append(Text(JsonSerializer.Serialize(repeated, ReportJson.Readable.RepeatVariantsReport))).Append("</pre></details></section>");
        return page.Append(End).ToString();
    }

    private static void Body(StringBuilder page, VariantsReport report)
    {
        var runs = report.Variants;
        Table(page, runs);
        if (report.Comparisons.Count > 0)
        {
            Expectations(page, "Compared", report.Comparisons);
        }

        var legend = runs.Select((run, i) => (ScalingCharts.VariantColours[i], run.Variant ?? "")).ToArray();
        Chart(page, "Demand and capacity", "What users asked for, and what the Ready pods of the active slot can do. Grey: the warm-up, which does not count.", ScalingCharts.Capacities(runs), [("ink", "demand"), .. legend]);
        Chart(page, "Seconds outside the SLO", $"Running total; outside is {ScalingHtml.Slo(runs[0])}.", ScalingCharts.OutsideSlo(runs), legend);
        Chart(page, "Latency", "p95 of each second, from the moment a request was due.", ScalingCharts.Latency(runs), legend);
        Chart(page, "Pods", "On the node, of both slots: what is paid for.", ScalingCharts.Pods(runs), legend);
        Chart(page, "Money spent", "Running total on the wall clock; what counts is the price of a million good requests in the table.", ScalingCharts.Spent(runs), legend);
    }

    private static void Table(StringBuilder page, IReadOnlyList<RunReport> runs)
    {
        _ = page.Append("<section><h2>Side by side</h2><table><tr><th></th>");
        foreach (var run in runs)
        {
            _ = page.Append(CultureInfo.InvariantCulture, $"<th>{Text(run.Variant ?? "")}<br><span class=\"small\">{Text(run.VariantTitle ?? "")}</span></th>");
        }

        _ = page.Append("</tr>");
        foreach (var (name, value) in SideBySide.ScalingRows)
        {
            Row(page, [name, .. runs.Select(value)]);
        }

        _ = page.Append("</table></section>");
    }

    private static string Number(double? value) => value is { } known ? known.ToString("0.####", CultureInfo.InvariantCulture) : "-";
}
