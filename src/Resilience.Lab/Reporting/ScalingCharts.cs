using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;
using Resilience.Cost.Model;
using static Resilience.Lab.Reporting.ChartCanvas;

namespace Resilience.Lab.Reporting;

/// <summary>The charts of scaling: of one run, or of variants in one picture.</summary>
internal static class ScalingCharts
{
    /// <summary>Colours of variants, in their order.</summary>
    public static IReadOnlyList<string> VariantColours { get; } = ["amber", "accent", "blue", "green", "muted", "ink"];

    private static readonly OxyColor[] VariantInks = [Amber, Accent, Blue, Green, Muted, Ink];

    public static string DemandAndCapacity(RunReport run) => Svg(
        Model(run, "requests/s", null),
        [
            Outside(run),
            .. run.CapacityRps is { } capacity ? [Stairs(run, second => capacity * Serving(second), Green)] : Array.Empty<Series>(),
            Line(run.Seconds.Select(second => (second.Second + 0.5, Demand(second))), Ink),
        ]);

    public static string Replicas(RunReport run) => Svg(
        Model(run, "pods of the active slot", null),
        [
            Stairs(run, second => second.Blue >= second.Green ? second.BlueWanted : second.GreenWanted, Muted, LineStyle.Dot),
            Stairs(run, second => second.Unschedulable, Bad),
            Floors(run, Accent),
            Stairs(run, Serving, Blue),
        ]);

    public static string Forecast(RunReport run)
    {
        var known = run.Decisions.Where(decision => decision.P50 is not null).ToArray();
        return Svg(
            Model(run, "requests/s", null),
            Line(known.Where(decision => decision.P99 is not null).Select(decision => (Middle(decision), decision.P99!.Value)), Muted),
            Line(known.Select(decision => (Middle(decision), decision.P50!.Value)), Accent),
            Line(run.Decisions.Where(decision => decision.Actual is not null).Select(decision => (Middle(decision), decision.Actual!.Value)), Ink));
    }

    public static string Price(RunReport run) => Svg(
        Model(run, "USD per hour", new LinearAxis { Position = AxisPosition.Left, Minimum = 0, MaximumPadding = 0.2 }), Stairs(run, UsdPerHour, Amber));

    public static string Capacities(IReadOnlyList<RunReport> runs) => Svg(
        Model(runs[0], "requests/s", null),
        [
            .. runs.Select((run, i) => Stairs(run, second => (run.CapacityRps ?? 1) * Serving(second), VariantInks[i])),
            Line(runs[0].Seconds.Select(second => (second.Second + 0.5, Demand(second))), Ink),
        ]);

    public static string OutsideSlo(IReadOnlyList<RunReport> runs) => Svg(
        Model(runs[0], "seconds outside the SLO", null),
        [.. runs.Select((run, i) => Sum(run, second => second.WithinSlo ? 0 : 1, VariantInks[i]))]);

    public static string Latency(IReadOnlyList<RunReport> runs)
    {
        var top = runs.SelectMany(run => run.Seconds).Select(second => second.P95Ms).DefaultIfEmpty(10).Max() * 1.3;
        return Svg(
            Model(runs[0], "p95, milliseconds (log)", new LogarithmicAxis { Position = AxisPosition.Left, Minimum = 0.5, Maximum = Math.Max(10, top) }),
            [.. runs.Select((run, i) => Line(run.Seconds.Where(second => second.Ok > 0).Select(second => (second.Second + 0.5, Math.Max(0.5, second.P95Ms))), VariantInks[i]))]);
    }

    public static string Pods(IReadOnlyList<RunReport> runs) => Svg(
        Model(runs[0], "pods of both slots", null),
        [.. runs.Select((run, i) => Stairs(run, second => second.Pods, VariantInks[i]))]);

    public static string Spent(IReadOnlyList<RunReport> runs) => Svg(
        Model(runs[0], "thousandths of a USD spent", null),
        [.. runs.Select((run, i) => Sum(run, second => UsdPerHour(second) / 3.6, VariantInks[i]))]);

    private static double Demand(SecondReport second) => second.Ok + second.Failed;

    private static double Serving(SecondReport second) => second.Blue >= second.Green ? second.BlueReady : second.GreenReady;

    private static double UsdPerHour(SecondReport second) => (double)PodRate.Default.UsdPerHour(second.Pods);

    private static double Middle(DecisionReport decision) => (decision.TargetFromSeconds + decision.TargetUntilSeconds) / 2;

    private static LineSeries Line(IEnumerable<(double X, double Y)> points, OxyColor colour)
    {
        var series = new LineSeries { Color = colour, StrokeThickness = 2 };
        series.Points.AddRange(points.Select(point => new DataPoint(point.X, point.Y)));
        return series;
    }

    private static StairStepSeries Stairs(RunReport run, Func<SecondReport, double> value, OxyColor colour, LineStyle style = LineStyle.Solid)
    {
        var series = new StairStepSeries { Color = colour, StrokeThickness = 2.2, LineStyle = style };
        series.Points.AddRange(run.Seconds.Select(second => new DataPoint(second.Second, value(second))));
        return series;
    }

    private static StairStepSeries Floors(RunReport run, OxyColor colour)
    {
        var series = new StairStepSeries { Color = colour, StrokeThickness = 2.2, LineStyle = LineStyle.Dash };
        series.Points.AddRange(run.Decisions.Where(decision => decision.AtSeconds >= 0).Select(decision => new DataPoint(decision.AtSeconds, decision.Floor ?? double.NaN)));
        return series;
    }

    /// <summary>Running total from the end of the warm-up on.</summary>
    private static LineSeries Sum(RunReport run, Func<SecondReport, double> value, OxyColor colour)
    {
        var sum = 0.0;
        return Line(run.Seconds.Select(second => (second.Second + 1.0, sum += second.Second < run.WarmUpSeconds ? 0 : value(second))), colour);
    }

    /// <summary>A bar over the whole height for each second outside the SLO.</summary>
    private static RectangleBarSeries Outside(RunReport run)
    {
        var series = new RectangleBarSeries { FillColor = OxyColor.FromAColor(70, Bad), StrokeThickness = 0 };
        var top = Math.Max(run.Seconds.Select(Demand).DefaultIfEmpty(1).Max(), run.Seconds.Select(second => Serving(second) * (run.CapacityRps ?? 0)).DefaultIfEmpty(1).Max());
        foreach (var second in run.Seconds.Where(second => !second.WithinSlo && second.Second >= run.WarmUpSeconds))
        {
            series.Items.Add(new RectangleBarItem(second.Second, 0, second.Second + 1, top));
        }

        return series;
    }
}
