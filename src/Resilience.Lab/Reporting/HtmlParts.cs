using System.Globalization;
using System.Net;
using System.Text;

namespace Resilience.Lab.Reporting;

/// <summary>The bricks that every page of a report is built from.</summary>
internal static class HtmlParts
{
    public static void Open(StringBuilder page, string title) => page
        .Append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>")
        .Append(Text(title)).Append("</title><style>").Append(HtmlStyle.Css).Append("</style></head><body><main>");

    public const string End = "</main></body></html>";

    public static void Header(StringBuilder page, RunReport run, string title) =>
        Header(page, run.Verdict, run.Experiment, title, run.Description, run.Hypothesis, run.TimeScale, run.AbortReason);

    public static void Header(StringBuilder page, string verdict, string name, string title, string description, string? hypothesis, double timeScale, string? abortReason) => page
        .Append(CultureInfo.InvariantCulture, $"<header class=\"{verdict}\"><div class=\"badge\">{verdict}</div><div><h1>{Text(name)}</h1><p class=\"lead\">{Text(title)}</p>")
        .Append(CultureInfo.InvariantCulture, $"<p>{Text(description)}</p>")
        .Append(hypothesis is null ? string.Empty : $"<p class=\"small\">Hypothesis: {Text(hypothesis)}</p>")
        .Append(timeScale == 1 ? string.Empty : $"<p class=\"small\">{Text(Clocks.Note(timeScale))}</p>").Append("</div></header>")
        .Append(abortReason is null ? string.Empty : $"<p class=\"aborted\">Aborted: {Text(abortReason)}. Every drill was undone.</p>");

    public static void Expectations(StringBuilder page, string title, IReadOnlyList<ExpectationReport> checks)
    {
        _ = page.Append(CultureInfo.InvariantCulture, $"<section><h2>{title}</h2><table><tr><th></th><th>expectation</th><th>expected</th><th>actual</th></tr>");
        foreach (var check in checks)
        {
            _ = page.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"mark {(check.Pass ? "good" : "bad")}\">{(check.Pass ? "✓" : "✗")}</td><td>{Text(check.Name)}</td><td>{Text(check.Expected)}</td><td>{Text(check.Actual)}</td></tr>");
        }

        _ = page.Append("</table></section>");
    }

    public static void Tile(StringBuilder page, string value, string label) =>
        page.Append(CultureInfo.InvariantCulture, $"<div class=\"tile\"><b>{Text(value)}</b><span>{Text(label)}</span></div>");

    public static void Chart(StringBuilder page, string title, string note, string svg, params (string Colour, string Name)[] legend)
    {
        _ = page.Append(CultureInfo.InvariantCulture, $"<section><h2>{title}</h2><p class=\"small\">{note} <span class=\"legend\">");
        foreach (var (colour, name) in legend)
        {
            _ = page.Append(CultureInfo.InvariantCulture, $"<i style=\"background:var(--{colour})\"></i>{name}");
        }

        _ = page.Append("</span></p>").Append(svg).Append("</section>");
    }

    public static void Row(StringBuilder page, params string[] cells)
    {
        _ = page.Append("<tr>");
        foreach (var cell in cells)
        {
            _ = page.Append("<td>").Append(Text(cell)).Append("</td>");
        }

        _ = page.Append("</tr>");
    }

    public static string Milliseconds(double? value) => value is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0} ms") : "-";

    public static string Usd(double? value) => value is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0.####} USD") : "-";

    public static string Percent(double ratio) => ratio.ToString("0.###%", CultureInfo.InvariantCulture);

    public static string Capital(string word) => word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..];

    public static string Text(string text) => WebUtility.HtmlEncode(text);
}
