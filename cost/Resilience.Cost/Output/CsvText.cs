using System.Text;

namespace Resilience.Cost.Output;

/// <summary>RFC 4180 lines with a line feed; a null is an empty field without quotes, an empty text a quoted one.</summary>
internal static class CsvText
{
    private static readonly char[] NeedsQuotes = [',', '"', '\n', '\r'];

    public static void AppendLine(StringBuilder text, IEnumerable<string?> fields) => text.AppendJoin(',', fields.Select(Quote)).Append('\n');

    private static string Quote(string? field) => field switch
    {
        null => string.Empty,
        "" => "\"\"",
        _ when field.IndexOfAny(NeedsQuotes) >= 0 => $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"",
        _ => field,
    };
}
