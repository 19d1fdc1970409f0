using System.Globalization;
using System.Text;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>One line of a metrics page.</summary>
internal sealed record ExpositionSample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>The lines of a metrics page that were asked for.</summary>
/// <param name="Problem">The first such line that could not be read, with its number; null when all could.</param>
internal sealed record Exposition(IReadOnlyList<ExpositionSample> Samples, string? Problem);

/// <summary>
/// Reads the Prometheus text format and OpenMetrics text, as far as samples go: comments, types, exemplars and timestamps are
/// passed over, and so are lines of other metrics, unread. A page is trusted as a whole or not at all: a sum over half of its
/// lines would look like demand that fell.
/// </summary>
/// <remarks>Format: prometheus.io, "Exposition formats"; OpenMetrics 1.0.</remarks>
internal static class ExpositionParser
{
    /// <summary>Lines of wanted metrics that one page may have.</summary>
    public const int MaxSamples = 50_000;

    private const int MaxLabels = 64;

    /// <param name="page">UTF-8.</param>
    /// <param name="names">Full names of samples, suffixes such as <c>_bucket</c> included.</param>
    public static Exposition Parse(ReadOnlySpan<byte> page, IEnumerable<string> names)
    {
        var wanted = names.Select(Encoding.UTF8.GetBytes).ToArray();
        var samples = new List<ExpositionSample>();
        for (var number = 1; !page.IsEmpty; number++)
        {
            var line = NextLine(ref page);
            if (line.StartsWith("# EOF"u8))
            {
                break;
            }

            if (line.IsEmpty || line[0] == (byte)'#')
            {
                continue;
            }

            switch (ReadLine(line, wanted, out var sample))
            {
                case LineKind.Malformed:
                    return new([], string.Create(CultureInfo.InvariantCulture, $"line {number} cannot be read: {Excerpt(line)}"));
                case LineKind.Wanted when samples.Count == MaxSamples:
                    return new([], $"has more than {MaxSamples} lines of {sample!.Name}");
                case LineKind.Wanted:
                    samples.Add(sample!);
                    break;
                default:
                    break;
            }
        }

        return new(samples, null);
    }

    /// <summary>A number as Prometheus writes it: decimal or exponent, NaN, +Inf, -Inf.</summary>
    public static bool TryNumber(ReadOnlySpan<byte> text, out double value)
    {
        if (text.IsEmpty || text.Length > 64)
        {
            value = double.NaN;
            return false;
        }

        var sign = text[0] == (byte)'-' ? -1 : 1;
        var digits = text[0] is (byte)'-' or (byte)'+' ? text[1..] : text;
        if (Ascii.EqualsIgnoreCase(digits, "inf"u8) || Ascii.EqualsIgnoreCase(digits, "infinity"u8))
        {
            value = sign * double.PositiveInfinity;
            return true;
        }

        if (Ascii.EqualsIgnoreCase(digits, "nan"u8))
        {
            value = double.NaN;
            return true;
        }

        // What double.TryParse takes beyond digits, point, exponent and sign is no number here.
        return double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
            && double.IsFinite(value);
    }

    private static ReadOnlySpan<byte> NextLine(ref ReadOnlySpan<byte> page)
    {
        var end = page.IndexOf((byte)'\n');
        var line = end < 0 ? page : page[..end];
        page = end < 0 ? default : page[(end + 1)..];
        return line.Trim(" \t\r"u8);
    }

    private static LineKind ReadLine(ReadOnlySpan<byte> line, byte[][] wanted, out ExpositionSample? sample)
    {
        sample = null;
        var nameEnd = line.IndexOfAny("{ \t"u8);
        var name = nameEnd < 0 ? line : line[..nameEnd];
        if (name.Length > 0 && !IsWanted(name, wanted))
        {
            return LineKind.Other;
        }

        var rest = line[name.Length..].TrimStart(" \t"u8);
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!rest.IsEmpty && rest[0] == (byte)'{' && !TryLabels(ref rest, labels, ref name))
        {
            return LineKind.Malformed;
        }

        if (!IsWanted(name, wanted))
        {
            return LineKind.Other;   // its name stood within the braces
        }

        rest = rest.TrimStart(" \t"u8);
        var valueEnd = rest.IndexOfAny(" \t"u8);
        if (!TryNumber(valueEnd < 0 ? rest : rest[..valueEnd], out var value) || !IsTail(valueEnd < 0 ? default : rest[valueEnd..]))
        {
            return LineKind.Malformed;
        }

        sample = new(Encoding.UTF8.GetString(name), labels, value);
        return LineKind.Wanted;
    }

    /// <summary>After the value: nothing, a timestamp, an exemplar, or both.</summary>
    private static bool IsTail(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \t"u8);
        var end = text.IndexOfAny(" \t#"u8);
        var stamp = end < 0 ? text : text[..end];
        var after = end < 0 ? default : text[end..].TrimStart(" \t"u8);
        return (stamp.IsEmpty || TryNumber(stamp, out _)) && (after.IsEmpty || after[0] == (byte)'#');
    }

    /// <summary><c>{a="x",b="y"}</c>; a quoted text without a value is the metric's name, as Prometheus 3 writes names beyond ASCII.</summary>
    private static bool TryLabels(ref ReadOnlySpan<byte> rest, Dictionary<string, string> labels, ref ReadOnlySpan<byte> metric)
    {
        rest = rest[1..];
        while (labels.Count <= MaxLabels)
        {
            rest = rest.TrimStart(" \t"u8);
            if (rest.IsEmpty)
            {
                return false;
            }

            if (rest[0] == (byte)'}')
            {
                rest = rest[1..];
                return true;
            }

            if (!TryLabelName(ref rest, out var name))
            {
                return false;
            }

            rest = rest.TrimStart(" \t"u8);
            if (!rest.IsEmpty && rest[0] == (byte)'=')
            {
                rest = rest[1..].TrimStart(" \t"u8);
                if (!TryQuoted(ref rest, out var value) || !labels.TryAdd(name, value))
                {
                    return false;
                }
            }
            else if (metric.IsEmpty)
            {
                metric = Encoding.UTF8.GetBytes(name);
            }
            else
            {
                return false;
            }

            rest = rest.TrimStart(" \t"u8);
            if (!rest.IsEmpty && rest[0] == (byte)',')
            {
                rest = rest[1..];
            }
            else if (rest.IsEmpty || rest[0] != (byte)'}')
            {
                return false;
            }
        }

        return false;
    }

    private static bool TryLabelName(ref ReadOnlySpan<byte> rest, out string name)
    {
        if (rest[0] == (byte)'"')
        {
            return TryQuoted(ref rest, out name);
        }

        var end = 0;
        while (end < rest.Length && (char.IsAsciiLetterOrDigit((char)rest[end]) || rest[end] is (byte)'_' or (byte)':' or (byte)'.'))
        {
            end++;
        }

        name = Encoding.ASCII.GetString(rest[..end]);
        rest = rest[end..];
        return end > 0;
    }

    private static bool TryQuoted(ref ReadOnlySpan<byte> rest, out string value)
    {
        value = "";
        if (rest.IsEmpty || rest[0] != (byte)'"')
        {
            return false;
        }

        var text = rest[1..];
        var plain = text.IndexOfAny("\"\\"u8);
        if (plain >= 0 && text[plain] == (byte)'"')
        {
            value = Encoding.UTF8.GetString(text[..plain]);
            rest = text[(plain + 1)..];
            return true;
        }

        var bytes = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == (byte)'"')
            {
                value = Encoding.UTF8.GetString([.. bytes]);
                rest = text[(i + 1)..];
                return true;
            }

            if (text[i] == (byte)'\\' && i + 1 < text.Length && text[i + 1] is (byte)'\\' or (byte)'"' or (byte)'n')
            {
                i++;
                bytes.Add(text[i] == (byte)'n' ? (byte)'\n' : text[i]);
            }
            else
            {
                bytes.Add(text[i]);
            }
        }

        return false;
    }

    private static bool IsWanted(ReadOnlySpan<byte> name, byte[][] wanted)
    {
        foreach (var one in wanted)
        {
            if (name.SequenceEqual(one))
            {
                return true;
            }
        }

        return false;
    }

    private static string Excerpt(ReadOnlySpan<byte> line)
    {
        const int Length = 80;
        var text = Encoding.UTF8.GetString(line.Length > Length ? line[..Length] : line);
        return string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) + (line.Length > Length ? "…" : "");
    }

    private enum LineKind
    {
        Other,
        Wanted,
        Malformed,
    }
}
