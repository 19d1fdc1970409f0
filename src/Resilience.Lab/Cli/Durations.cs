using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Resilience.Lab.Cli;

/// <summary>Times as people write them: <c>250ms</c>, <c>20s</c>, <c>2m</c>, <c>1h</c>; a bare number is seconds.</summary>
internal static class Durations
{
    private static readonly (string Suffix, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)];

    public static bool TryParse(string text, out TimeSpan value)
    {
        value = default;
        var trimmed = text.Trim();
        var (suffix, seconds) = Units.FirstOrDefault(unit => trimmed.EndsWith(unit.Suffix, StringComparison.Ordinal), (string.Empty, 1));
        var number = trimmed[..^suffix.Length];
        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount) || amount * seconds > 7 * 86_400)
        {
            return false;
        }

        value = TimeSpan.FromSeconds(amount * seconds);
        return true;
    }

    /// <summary>Shortest form that loses nothing a reader needs: <c>250 ms</c>, <c>1.2 s</c>, <c>20 s</c>.</summary>
    public static string Text(TimeSpan value) => value.TotalSeconds < 1
        ? string.Create(CultureInfo.InvariantCulture, $"{value.TotalMilliseconds:0} ms")
        : string.Create(CultureInfo.InvariantCulture, $"{value.TotalSeconds:0.#} s");

    public static Option<TimeSpan?> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        CustomParser = Parse,
    };

    private static TimeSpan? Parse(ArgumentResult result)
    {
        var text = result.Tokens.Count == 0 ? string.Empty : result.Tokens[0].Value;
        if (TryParse(text, out var value))
        {
            return value;
        }

        result.AddError($"\"{text}\" is not a time; write it like 250ms, 20s or 2m");
        return null;
    }
}
