using System.Net;
using System.Text;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;
using Resilience.Control.Forecasting;
using Resilience.Control.Scaling;

namespace Resilience.Lab.Commands;

/// <summary>One page that compares policies: demand and the capacity each one had ready, and what that cost.</summary>
internal sealed class ReplayChart(string name, Trace trace)
{
    private const int Width = 1_200;
    private const int Height = 480;
    private const int Columns = 1_000;
    private readonly Dictionary<ReplayPolicy, List<ReplayRow>> _rows = [];

    public void Add(ReplayPolicy policy, ReplayRow row)
    {
        if (!_rows.TryGetValue(policy, out var rows))
        {
            _rows[policy] = rows = [];
        }

        rows.Add(row);
    }

    public string ToHtml(string tableHeader, IEnumerable<string> tableRows)
    {
        var html = new StringBuilder();
        var title = WebUtility.HtmlEncode($"Replay of {name}");
        html.Append("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>").Append(title).Append("</title>")
            .Append("<style>body{font:14px system-ui,sans-serif;margin:24px;color:#222}table{border-collapse:collapse}td,th{padding:4px 10px;border-bottom:1px solid #ddd;text-align:right}td:first-child,td:nth-child(2){text-align:left}svg{max-width:100%;height:auto}</style>")
            .Append("<h1>").Append(title).Append("</h1><p>A replay on a virtual clock: no queueing, a replica serves once it was requested throughout the lead.</p><table>");
        AppendRow(html, tableHeader.Split('\n')[0], "th");
        foreach (var row in tableRows)
        {
            AppendRow(html, row, "td");
        }

        return html.Append("</table>").Append(Svg()).Append("</html>\n").ToString();
    }

    private static void AppendRow(StringBuilder html, string row, string cell)
    {
        html.Append("<tr>");
        foreach (var text in row.Trim('|', ' ').Split('|'))
        {
            html.Append('<').Append(cell).Append('>').Append(WebUtility.HtmlEncode(text.Trim())).Append("</").Append(cell).Append('>');
        }

        html.Append("</tr>");
    }

    private string Svg()
    {
        var model = new PlotModel { DefaultFont = "sans-serif" };
        model.Axes.Add(new DateTimeAxis { Position = AxisPosition.Bottom, StringFormat = "MM-dd HH:mm" });
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Left, Minimum = 0, Title = "demand, and capacity ready (largest in each column)" });
        model.Legends.Add(new Legend { LegendPlacement = LegendPlacement.Outside, LegendPosition = LegendPosition.BottomCenter, LegendOrientation = LegendOrientation.Horizontal });
        if (_rows.Count > 0)
        {
            model.Series.Add(Line("demand", _rows.Values.First(), row => row.Demand, OxyColors.Black));
        }

        foreach (var (policy, rows) in _rows.Where(pair => pair.Key != ReplayPolicy.Oracle))
        {
            model.Series.Add(Line(policy.ToString().ToLowerInvariant(), rows, row => row.Capacity, ColorOf(policy)));
        }

        var svg = new SvgExporter { Width = Width, Height = Height, UseVerticalTextAlignmentWorkaround = true }.ExportToString(model);
        var start = svg.IndexOf("<svg", StringComparison.Ordinal);
        // Without a view box a narrow window would cut the picture instead of shrinking it.
        return start < 0 ? string.Empty : $"<svg viewBox=\"0 0 {Width} {Height}\" {svg[(start + "<svg ".Length)..]}";
    }

    private static OxyColor ColorOf(ReplayPolicy policy) => policy switch
    {
        ReplayPolicy.Hpa60 => OxyColors.DarkGray,
        ReplayPolicy.Hpa85 => OxyColors.Orange,
        ReplayPolicy.Floor => OxyColors.RoyalBlue,
        ReplayPolicy.Hybrid => OxyColors.MediumVioletRed,
        _ => OxyColors.SeaGreen,
    };

    private LineSeries Line(string title, List<ReplayRow> rows, Func<ReplayRow, double> value, OxyColor color)
    {
        var line = new LineSeries { Title = title, StrokeThickness = 1.5, Color = color };
        var step = Math.Max(1, rows.Count / Columns);
        for (var i = 0; i < rows.Count; i += step)
        {
            var high = 0d;
            for (var k = i; k < Math.Min(rows.Count, i + step); k++)
            {
                high = Math.Max(high, double.IsNaN(value(rows[k])) ? 0 : value(rows[k]));
            }

            line.Points.Add(DateTimeAxis.CreateDataPoint(trace.TimeOf(rows[i].Index).UtcDateTime, high));
        }

        return line;
    }
}
