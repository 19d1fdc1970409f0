using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;
using static Resilience.Lab.Reporting.ChartCanvas;

namespace Resilience.Lab.Reporting;

/// <summary>The charts of what users saw, as SVG fragments.</summary>
internal static class Charts
{
    public static string Answers(RunReport report) => Svg(
        Model(report, "requests/s", null),
        Bars(report.Seconds, second => second.Ok, Good, "answered"),
        Bars(report.Seconds, second => second.Failed, Bad, "failed", second => second.Ok));

    public static string PerSlot(RunReport report) => Svg(
        Model(report, "answers/s", null),
        Bars(report.Seconds, second => second.Blue, Blue, "blue"),
        Bars(report.Seconds, second => second.Green, Green, "green", second => second.Blue));

    public static string Latency(RunReport report)
    {
        // A second without an answer has no latency; a zero there would look like the best second of all.
        var answered = report.Seconds.Where(second => second.Ok > 0).ToArray();
        var top = answered.Length == 0 ? 10 : Math.Max(10, answered.Max(second => second.P99Ms) * 1.3);
        return Svg(
            Model(report, "milliseconds (log)", new LogarithmicAxis { Position = AxisPosition.Left, Minimum = 0.5, Maximum = top }),
            Line(answered, second => second.P99Ms, Accent, "p99"),
            Line(answered, second => second.P50Ms, Muted, "p50"));
    }

    public static string Pods(RunReport report) => Svg(
        Model(report, "Ready pods", null),
        Stairs(report.Seconds, second => second.BlueReady, Blue, "blue"),
        Stairs(report.Seconds, second => second.GreenReady, Green, "green"));

    /// <param name="below">What the bar stands on; null: the axis.</param>
    private static RectangleBarSeries Bars(
        IReadOnlyList<SecondReport> seconds, Func<SecondReport, double> value, OxyColor colour, string name, Func<SecondReport, double>? below = null)
    {
        var series = new RectangleBarSeries { FillColor = OxyColor.FromAColor(205, colour), StrokeThickness = 0, Title = name };
        foreach (var second in seconds.Where(second => value(second) > 0))
        {
            var foot = below?.Invoke(second) ?? 0;
            series.Items.Add(new RectangleBarItem(second.Second + 0.06, foot, second.Second + 0.94, foot + value(second)));
        }

        return series;
    }

    private static LineSeries Line(IReadOnlyList<SecondReport> seconds, Func<SecondReport, double> value, OxyColor colour, string name)
    {
        var series = new LineSeries { Color = colour, StrokeThickness = 2, Title = name };
        series.Points.AddRange(seconds.Select(second => new DataPoint(second.Second + 0.5, Math.Max(0.5, value(second)))));
        return series;
    }

    private static StairStepSeries Stairs(IReadOnlyList<SecondReport> seconds, Func<SecondReport, double> value, OxyColor colour, string name)
    {
        var series = new StairStepSeries { Color = colour, StrokeThickness = 2.4, Title = name };
        series.Points.AddRange(seconds.Select(second => new DataPoint(second.Second, value(second))));
        return series;
    }
}
