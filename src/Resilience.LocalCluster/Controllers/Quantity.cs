using System.Globalization;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Kubernetes resource quantities: <c>500m</c>, <c>256Mi</c>, <c>1.5G</c>, <c>1e3</c>.</summary>
internal static class Quantity
{
    /// <summary>Value in thousandths, rounded up as Kubernetes does; null when the text is not a quantity.</summary>
    public static long? Milli(string? text) => Parse(text) is { } value ? (long)Math.Ceiling(value * 1000) : null;

    /// <summary>Whole value, rounded up.</summary>
    public static long? Whole(string? text) => Parse(text) is { } value ? (long)Math.Ceiling(value) : null;

    /// <summary>Thousandths in canonical form: <c>1500</c> → <c>1500m</c>, <c>2000</c> → <c>2</c>.</summary>
    public static string FromMilli(long milli) => milli % 1000 == 0
        ? (milli / 1000).ToString(CultureInfo.InvariantCulture)
        : milli.ToString(CultureInfo.InvariantCulture) + "m";

    private static decimal? Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        var (digits, factor) = text switch
        {
            [.. var d, 'K', 'i'] => (d, 1024m),
            [.. var d, 'M', 'i'] => (d, 1024m * 1024),
            [.. var d, 'G', 'i'] => (d, 1024m * 1024 * 1024),
            [.. var d, 'T', 'i'] => (d, 1024m * 1024 * 1024 * 1024),
            [.. var d, 'n'] => (d, 0.000000001m),
            [.. var d, 'u'] => (d, 0.000001m),
            [.. var d, 'm'] => (d, 0.001m),
            [.. var d, 'k'] => (d, 1000m),
            [.. var d, 'M'] => (d, 1_000_000m),
            [.. var d, 'G'] => (d, 1_000_000_000m),
            [.. var d, 'T'] => (d, 1_000_000_000_000m),
            _ => (text, 1m),
        };
        return decimal.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value * factor : null;
    }
}
