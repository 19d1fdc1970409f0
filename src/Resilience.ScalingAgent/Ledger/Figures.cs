using System.Globalization;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>Numbers of the ledger as people read them; what was not known is a dash.</summary>
internal static class Figures
{
    private const string Unknown = "-";

    public static string Number(double? value) =>
        value is { } known && double.IsFinite(known) ? known.ToString(Math.Abs(known) < 10 ? "0.##" : "0.#", CultureInfo.InvariantCulture) : Unknown;

    public static string Percent(double? share) => share is { } known && double.IsFinite(known) ? (known * 100).ToString("0.##", CultureInfo.InvariantCulture) + "%" : Unknown;

    /// <summary>USD with as many digits as a small price needs.</summary>
    public static string Dollars(double? value) => value is not { } known || !double.IsFinite(known)
        ? Unknown
        : "$" + known.ToString(Math.Abs(known) is > 0 and < 0.1 ? "0.####" : "0.00", CultureInfo.InvariantCulture);

    public static string Seconds(double value) => value.ToString("0.#", CultureInfo.InvariantCulture) + " s";

    public static string Count(int? value) => value?.ToString(CultureInfo.InvariantCulture) ?? Unknown;

    public static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";
}
