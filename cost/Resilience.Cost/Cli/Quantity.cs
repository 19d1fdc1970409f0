using System.Globalization;

namespace Resilience.Cost.Cli;

/// <summary>Values as people type them: Kubernetes quantities, percentages, durations.</summary>
internal static class Quantity
{
    private const decimal LargestSize = 1_000_000m;
    private const decimal BytesPerGib = 1024m * 1024m * 1024m;

    // Longer suffixes first: "Mi" ends in no other, "m" alone is a thousandth of a core.
    private static readonly (string Suffix, decimal Bytes)[] MemorySuffixes =
        [("Ki", 1024m), ("Mi", 1024m * 1024m), ("Gi", BytesPerGib), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m)];

    private static readonly (string Suffix, double Seconds)[] TimeSuffixes = [("s", 1), ("m", 60), ("h", 3600)];

    /// <summary>"100m" or "0.1" cores; null when it is neither, or not above zero.</summary>
    public static decimal? Cores(string text) => Sized(text.EndsWith('m') ? Positive(text[..^1]) / 1000m : Positive(text));

    /// <summary>"128Mi", "1Gi" or plain bytes in GiB; null when it is none of these, or not above zero.</summary>
    public static decimal? Gib(string text)
    {
        var (suffix, bytes) = MemorySuffixes.FirstOrDefault(
            known => text.EndsWith(known.Suffix, StringComparison.Ordinal), (Suffix: string.Empty, Bytes: 1m));
        return Sized(Positive(text[..^suffix.Length]) / BytesPerGib * bytes);
    }

    /// <summary>"25" or "25%"; null when it is not a number from 0 to 100.</summary>
    public static decimal? Percent(string text) => Amount(text.TrimEnd('%')) is { } percent and <= 100m ? percent : null;

    /// <summary>"90s", "5m", "1.5h" or "00:05:00"; null when it is none of these or longer than a month.</summary>
    public static TimeSpan? Duration(string text)
    {
        var (suffix, seconds) = TimeSuffixes.FirstOrDefault(known => text.EndsWith(known.Suffix, StringComparison.Ordinal));
        TimeSpan? parsed = suffix is not null
            ? Amount(text[..^1]) is { } amount and < 10_000_000m ? TimeSpan.FromSeconds((double)amount * seconds) : null
            : TimeSpan.TryParseExact(text, @"hh\:mm\:ss", CultureInfo.InvariantCulture, out var time) ? time : null;
        return parsed is { } duration && duration > TimeSpan.Zero && duration.TotalHours <= (double)Model.CostModel.MonthHours ? duration : null;
    }

    /// <summary>"2026-11-01" in this era; null when it is not a day like that.</summary>
    public static DateOnly? Day(string text) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
        && day.Year is >= 1900 and <= 2200 ? day : null;

    /// <summary>A plain number from 0 up to 1e15.</summary>
    public static decimal? Amount(string text) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var amount)
        && amount is >= 0 and <= 1e15m ? amount : null;

    // Nothing smaller than the model's quantities, nothing larger than a million machines.
    private static decimal? Sized(decimal? size) =>
        size is { } known && Model.CostModel.RoundQuantity(known) is > 0 and <= LargestSize and var rounded ? rounded : null;

    private static decimal? Positive(string text) => Amount(text) is { } amount and > 0 ? amount : null;
}
