using System.Globalization;
using System.Text.RegularExpressions;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace Resilience.Lab.Reporting;

/// <summary>What all charts of a report share: size, axes, marks of faults and moves, and colours that the page decides, so that they suit light and dark.</summary>
internal static partial class ChartCanvas
{
    private const double Width = 960;
    private const double Height = 242;

    /// <summary>Marker colours drawn by the chart library; each becomes a variable of the page.</summary>
    private static readonly (OxyColor Marker, string Variable)[] Palette =
    [
        (Ink, "--ink"), (Muted, "--muted"), (Grid, "--grid"), (Blue, "--blue"), (Green, "--green"), (Bad, "--bad"), (Good, "--good"), (Accent, "--accent"), (Amber, "--amber"),
    ];

    public static OxyColor Ink => OxyColor.FromRgb(1, 1, 1);

    public static OxyColor Muted => OxyColor.FromRgb(2, 2, 2);

    public static OxyColor Grid => OxyColor.FromRgb(3, 3, 3);

    public static OxyColor Blue => OxyColor.FromRgb(4, 4, 4);

    public static OxyColor Green => OxyColor.FromRgb(5, 5, 5);

    public static OxyColor Bad => OxyColor.FromRgb(6, 6, 6);

    public static OxyColor Good => OxyColor.FromRgb(7, 7, 7);

    public static OxyColor Accent => OxyColor.FromRgb(8, 8, 8);

    public static OxyColor Amber => OxyColor.FromRgb(9, 9, 9);

    public static PlotModel Model(RunReport report, string title, Axis? left)
    {
        var model = new PlotModel { PlotAreaBorderColor = Grid, TextColor = Muted, DefaultFontSize = 12, PlotMargins = new OxyThickness(58, 6, 12, 46), Padding = new OxyThickness(0) };
        var seconds = report.Seconds.Count == 0 ? 1 : report.Seconds[^1].Second + 1;
        model.Axes.Add(new LinearAxis
        {
            Position = AxisPosition.Bottom,
            Minimum = 0,
            Maximum = seconds,
            MajorStep = seconds > 120 ? 30 : seconds > 30 ? 10 : 5,
            Title = Clocks.AxisTitle(report.TimeScale),
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
        if (report.WarmUpSeconds > 0)
        {
            model.Annotations.Add(new RectangleAnnotation { MinimumX = 0, MaximumX = report.WarmUpSeconds, Fill = OxyColor.FromAColor(38, Muted), Layer = AnnotationLayer.BelowSeries });
        }

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

    public static string Svg(PlotModel model, params Series[] series)
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
