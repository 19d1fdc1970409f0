namespace Resilience.Lab.Reporting;

internal static class HtmlReport
{
    public static string Of(IReadOnlyList<RunReport> runs, string title) => title + runs.Count;

    public static string OfRepeated(RepeatReport repeated) => Of(repeated.Runs, repeated.Summary.Experiment);
}
