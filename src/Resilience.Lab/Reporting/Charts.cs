using System.Globalization;
using System.Text.RegularExpressions;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace Resilience.Lab.Reporting;

/// <summary>The charts of a report as SVG fragments that take their colours from the page, so that they suit light and dark.</summary>
internal static partial class Charts
{
    private const double Width = 960;
    private const double Height = 242;

    /// <summary>Marker colours drawn by the chart library; each becomes a variable of the page.</summary>
    private static readonly (OxyColor Marker, string Variable)[] Palette =
    [
        (Ink, "--ink"), (Muted, "--muted"), (Grid, "--grid"), (Blue, "--blue"), (Green, "--green"), (Bad, "--bad"), (Good, "--good"), (Accent, "--accent"),
    ];

    private static OxyColor Ink => OxyColor.FromRgb(1, 1, 1);

    private static OxyColor Muted => OxyColor.FromRgb(2, 2, 2);

    private static OxyColor Grid => OxyColor.FromRgb(3, 3, 3);

    private static OxyColor Blue => OxyColor.FromRgb(4, 4, 4);

    private static OxyColor Green => OxyColor.FromRgb(5, 5, 5);

    private static OxyColor Bad => OxyColor.FromRgb(6, 6, 6);

    private static OxyColor Good => OxyColor.FromRgb(7, 7, 7);

    private static OxyColor Accent => OxyColor.FromRgb(8, 8, 8);

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

    private static PlotModel Model(RunReport report, string title, Axis? left)
    {
        var model = new PlotModel { PlotAreaBorderColor = Grid, TextColor = Muted, DefaultFontSize = 12, PlotMargins = new OxyThickness(58, 6, 12, 46), Padding = new OxyThickness(0) };
        var seconds = report.Seconds.Count == 0 ? 1 : report.Seconds[^1].Second + 1;
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Bottom,
            Minimum = 0,
            Maximum = seconds,
            MajorStep = seconds > 120 ? 30 : seconds > 30 ? 10 : 5,
            Title = "seconds of load",
            AxislineColor = Grid,
            TicklineColor = Grid,
            TitleColor = Muted,
            AxisTitleDistance = 8,
        });
        left ??= new LinearAxis { Position = AxisPosition.Left, Minimum = 0, MinimumRange = 3, MaximumPadding = 0.12 };
        left.Title = title;
        left.TitleColor = Muted;
        left.AxisTitleDistance = 16;
        left.TicklineColor = Grid;
        left.MajorGridlineStyle = LineStyle.Solid;
        left.MajorGridlineColor = Grid;
        left.MajorGridlineThickness = 0.5;
        left.MinorTickSize = 0;
        model.Axes.Add(left);
        foreach (var fault in report.Faults)
        {
            model.Annotations.Add(new RectangleAnnotation
            {
                MinimumX = fault.AtSeconds,
                MaximumX = fault.AtSeconds + Math.Max(0.15, fault.ForSeconds),
                Fill = OxyColor.FromAColor(28, Bad),
                Layer = AnnotationLayer.BelowSeries,
            });
        }

        foreach (var move in report.Failovers)
        {
            model.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = move.PatchedAtSeconds, Color = Ink, LineStyle = LineStyle.Dash, StrokeThickness = 1.2 });
        }

        return model;
    }

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

    private static string Svg(PlotModel model, params Series[] series)
    {
        foreach (var each in series)
        {
            model.Series.Add(each);
        }

        using var exporter = new SvgExporterLease();
        var svg = exporter.Export(model);
        foreach (var (marker, variable) in Palette)
        {
            svg = svg
                .Replace(string.Create(CultureInfo.InvariantCulture, $"rgb({marker.R},{marker.G},{marker.B})"), $"var({variable})", StringComparison.Ordinal)
                .Replace(string.Create(CultureInfo.InvariantCulture, $"#{marker.R:x2}{marker.G:x2}{marker.B:x2}"), $"var({variable})", StringComparison.OrdinalIgnoreCase);
        }

        return Size().Replace(svg, string.Create(CultureInfo.InvariantCulture, $"<svg class=\"chart\" role=\"img\" viewBox=\"0 0 {Width} {Height}\""), 1);
    }

    [GeneratedRegex("<svg width=\"[^\"]*\" height=\"[^\"]*\"")]
    private static partial Regex Size();

    /// <summary>The library's exporter with the size of a report's chart.</summary>
    private sealed class SvgExporterLease : IDisposable
    {
        private readonly MemoryStream _stream = new();

        public string Export(PlotModel model)
        {
            new SvgExporter { Width = Width, Height = Height, UseVerticalTextAlignmentWorkaround = true }.Export(model, _stream);
            var text = System.Text.Encoding.UTF8.GetString(_stream.ToArray());
            return text[text.IndexOf("<svg", StringComparison.Ordinal)..];
        }

        public void Dispose() => _stream.Dispose();
    }
}
