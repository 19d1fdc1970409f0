using System.Globalization;

namespace Resilience.LocalCluster.Machinery;

/// <summary>resource.Quantity: a decimal number with a binary (Ki, Mi, …) or decimal (m, k, M, …, e3) suffix.</summary>
internal static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1024m), ("Mi", 1048576m), ("Gi", 1073741824m), ("Ti", 1099511627776m), ("Pi", 1125899906842624m),
        ("n", 0.000000001m), ("u", 0.000001m), ("m", 0.001m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m), ("E", 1e18m),
    ];

    /// <summary>Value in thousandths, rounded up as Kubernetes does; null when the text is not a quantity.</summary>
    public static long? Milli(string? text) => TryParse(text, out var value) ? (long)Math.Ceiling(value * 1000) : null;

    /// <summary>Whole value, rounded up.</summary>
    public static long? Whole(string? text) => TryParse(text, out var value) ? (long)Math.Ceiling(value) : null;

    /// <summary>Thousandths in canonical form: <c>1500</c> → <c>1500m</c>, <c>2000</c> → <c>2</c>.</summary>
    public static string FromMilli(long milli) => milli % 1000 == 0
        ? (milli / 1000).ToString(CultureInfo.InvariantCulture)
        : milli.ToString(CultureInfo.InvariantCulture) + "m";

    public static bool TryParse(string? text, out decimal value)
    {
        value = 0;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (char.IsAsciiDigit(text[^1]) || text[^1] == '.')
        {
            return decimal.TryParse(text, style, CultureInfo.InvariantCulture, out value);
        }

        foreach (var (suffix, factor) in Suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal))
            {
                var fits = decimal.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
                    CultureInfo.InvariantCulture, out value);
                value *= factor;
                return fits;
            }
        }

        return false;
    }
}
