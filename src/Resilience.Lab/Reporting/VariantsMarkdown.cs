using System.Globalization;
using System.Text;

namespace Resilience.Lab.Reporting;

/// <summary>report.md of an experiment with variants.</summary>
internal static class VariantsMarkdown
{
    public static string Of(VariantsReport report)
    {
        var text = new StringBuilder();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"# {report.Experiment}: {report.Verdict}").AppendLine();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"{report.Title}. {report.Description}").AppendLine();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"{MarkdownReport.Where(report.Variants[0])}. {Clocks.Note(report.TimeScale)}").AppendLine();
        Table(text, report);
        foreach (var run in report.Variants)
        {
            _ = text.AppendLine().Append(MarkdownReport.Of(run));
        }

        return text.ToString();
    }

    public static string Of(RepeatVariantsReport repeated)
    {
        var text = new StringBuilder();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"# {repeated.Experiment}: {repeated.Passed} of {repeated.Runs.Count} runs passed").AppendLine();
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"{MarkdownReport.Where(repeated.Runs[0].Variants[0])}. {Clocks.Note(repeated.Runs[0].TimeScale)}").AppendLine();
        foreach (var (run, i) in repeated.Runs.Select((run, i) => (run, i + 1)))
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"## Run {i}: {run.Verdict}").AppendLine();
            Table(text, run);
            _ = text.AppendLine();
        }

        return text.ToString();
    }

    private static void Table(StringBuilder text, VariantsReport report)
    {
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"| | {string.Join(" | ", report.Variants.Select(run => run.Variant))} |");
        _ = text.AppendLine(CultureInfo.InvariantCulture, $"|---|{string.Concat(Enumerable.Repeat("---|", report.Variants.Count))}");
        foreach (var (name, value) in SideBySide.ScalingRows)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {string.Join(" | ", report.Variants.Select(value))} |");
        }

        _ = text.AppendLine();
        foreach (var check in report.Comparisons)
        {
            _ = text.AppendLine(CultureInfo.InvariantCulture, $"- {check.Name}: expected {check.Expected}; got {check.Actual}: {(check.Pass ? "pass" : "**missed**")}");
        }
    }
}
