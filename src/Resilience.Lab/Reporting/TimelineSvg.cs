using System.Globalization;
using System.Net;
using System.Text;

namespace Resilience.Lab.Reporting;

/// <summary>One failover under the magnifying glass: fault, detection, decision, patch, first good reply, last old reply.</summary>
internal static class TimelineSvg
{
    private const double Width = 960;
    private const double Left = 24;
    private const double Right = 24;
    private const double LineY = 74;

    /// <summary>Marks that lie closer together than this get labels on different rows.</summary>
    private const double LabelWidth = 150;
    private const double CaptionWidth = 240;
    private const double NarrowestBand = 2;

    public static string Of(FailoverReport move)
    {
        var marks = Marks(move);
        var first = marks[0].At;
        var span = Math.Max(0.001, marks[^1].At - first);
        var svg = new StringBuilder();
        var rows = Rows(marks, first, span);
        var height = LineY + 44 + (rows.Max() * 34);
        _ = svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"timeline\" role=\"img\" viewBox=\"0 0 {Width} {height}\"><title>Timeline of the move {move.From} to {move.To}</title>");
        Band(svg, move, first, span);
        _ = svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" y1=\"{LineY}\" x2=\"{Width - Right}\" y2=\"{LineY}\" class=\"axis\"/>");
        for (var i = 0; i < marks.Count; i++)
        {
            Mark(svg, marks[i], X(marks[i].At, first, span), rows[i], move.FaultAtSeconds ?? move.DecidedAtSeconds ?? first);
        }

        return svg.Append("</svg>").ToString();
    }

    private static List<(string Name, double At, string Style)> Marks(FailoverReport move)
    {
        var marks = new List<(string Name, double At, string Style)>();
        void Add(string name, double? at, string style)
        {
            if (at is { } seconds)
            {
                marks.Add((name, seconds, style));
            }
        }

        Add("fault", move.FaultAtSeconds, "bad");
        Add("first failure", move.FirstFailureAtSeconds, "bad");
        Add("detected", move.DetectedAtSeconds, "ink");
        Add("decided", move.DecidedAtSeconds, "ink");
        Add("selector patched", move.PatchedAtSeconds, "accent");
        Add($"first reply of {move.To}", move.FirstGoodAtSeconds, move.To);
        Add($"last reply of {move.From}", move.LastOldReplyAtSeconds, move.From);
        return [.. marks.OrderBy(mark => mark.At)];
    }

    private static double X(double at, double first, double span) => Left + 40 + ((at - first) / span * (Width - Left - Right - 80));

    /// <summary>First row whose last label ends before this one begins.</summary>
    private static List<int> Rows(List<(string Name, double At, string Style)> marks, double first, double span)
    {
        var ends = new List<double>();
        var rows = new List<int>();
        foreach (var x in marks.Select(mark => X(mark.At, first, span) - (LabelWidth / 2)))
        {
            var row = ends.FindIndex(end => end <= x);
            if (row < 0)
            {
                row = ends.Count;
                ends.Add(0);
            }

            ends[row] = x + LabelWidth;
            rows.Add(row);
        }

        return rows;
    }

    /// <summary>The longest wait itself, between two good replies; the part of it that lies outside the picture is cut.</summary>
    private static void Band(StringBuilder svg, FailoverReport move, double first, double span)
    {
        if (move is { WaitFromSeconds: { } from, WaitUntilSeconds: { } until } && until > from)
        {
            var left = Math.Clamp(X(from, first, span), Left, Width - Right - NarrowestBand);
            var right = Math.Clamp(X(until, first, span), left + NarrowestBand, Width - Right);
            var caption = Math.Clamp((left + right) / 2, CaptionWidth / 2, Width - (CaptionWidth / 2));
            _ = svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{left:0.0}\" y=\"34\" width=\"{right - left:0.0}\" height=\"40\" class=\"wait\"/>");
            _ = svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{caption:0.0}\" y=\"24\" class=\"strong\">users waited {move.ClientGapMs:0} ms at most</text>");
        }
    }

    private static void Mark(StringBuilder svg, (string Name, double At, string Style) mark, double x, int row, double zero)
    {
        var y = LineY + 26 + (row * 34);
        _ = svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{x:0.0}\" y1=\"{LineY}\" x2=\"{x:0.0}\" y2=\"{y - 12}\" class=\"stem\"/>");
        _ = svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{x:0.0}\" cy=\"{LineY}\" r=\"6\" class=\"dot {mark.Style}\"/>");
        _ = svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.0}\" y=\"{y}\">{WebUtility.HtmlEncode(mark.Name)}</text>");
        _ = svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.0}\" y=\"{y + 14}\" class=\"small\">{(mark.At - zero) * 1000:+0;-0;0} ms</text>");
    }
}
