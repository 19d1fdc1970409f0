using System.Globalization;

namespace Resilience.Cost.Output;

/// <summary>
/// Figures for people: at least six significant digits, so that a hand calculation agrees within 0.01%, and never a small cost as 0.00.
/// </summary>
internal static class Figures
{
    private const int SignificantDigits = 6;
    private const int MostDecimals = 12;

    public static string Usd(decimal amount) => Format(amount, leastDecimals: 2);

    public static string Number(decimal amount) => Format(amount, leastDecimals: 0);

    public static string Percent(decimal percent) => percent.ToString("0.00", CultureInfo.InvariantCulture) + "%";

    /// <summary>All digits, for files that programs read.</summary>
    public static string Exact(decimal amount) => Trim(amount).ToString(CultureInfo.InvariantCulture);

    /// <summary>Same value without trailing zeros.</summary>
    public static decimal Trim(decimal amount) => amount / 1.000000000000000000000000000000000m;

    private static string Format(decimal amount, int leastDecimals)
    {
        var size = Math.Abs(amount);
        var wholeDigits = size == 0 ? 1 : (int)Math.Floor(Math.Log10((double)size)) + 1;
        var decimals = Math.Clamp(SignificantDigits - wholeDigits, leastDecimals, MostDecimals);
        var pattern = "#,0" + (decimals == 0 ? string.Empty : "." + new string('0', leastDecimals) + new string('#', decimals - leastDecimals));
        return amount.ToString(pattern, CultureInfo.InvariantCulture);
    }
}
