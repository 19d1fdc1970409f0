using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.ClusterAccess.Resources;

/// <summary>Durations as Kubernetes writes them: <c>250ms</c>, <c>2s</c>, <c>1m30s</c>, <c>1h</c>. Never negative.</summary>
public sealed class DurationConverter : JsonConverter<TimeSpan>
{
    /// <summary>As in the schemas; also keeps the sum of the parts within a TimeSpan.</summary>
    private const int LengthLimit = 32;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TryParse(reader.GetString(), out var value)
            ? value
            : throw new JsonException($"'{reader.GetString()}' is not a duration such as 250ms, 2s or 1m30s");

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Format(value));

    /// <summary>The shortest form without rounding; resolution is a millisecond.</summary>
    public static string Format(TimeSpan value)
    {
        var text = new StringBuilder();
        Append((long)value.TotalHours, "h");
        Append(value.Minutes, "m");
        if (value.Milliseconds != 0 && value < TimeSpan.FromSeconds(1))
        {
            Append(value.Milliseconds, "ms");
        }
        else
        {
            var seconds = value.Seconds + (value.Milliseconds / 1000m);
            if (seconds != 0)
            {
                _ = text.Append(seconds.ToString("0.###", CultureInfo.InvariantCulture)).Append('s');
            }
        }

        return text.Length == 0 ? "0s" : text.ToString();

        void Append(long count, string unit)
        {
            if (count != 0)
            {
                _ = text.Append(count).Append(unit);
            }
        }
    }

    public static bool TryParse(string? text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        if (text is null or "" or { Length: > LengthLimit })
        {
            return false;
        }

        if (text == "0")
        {
            return true;
        }

        var sum = TimeSpan.Zero;
        var rest = text.AsSpan();
        while (rest.Length > 0)
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            if (digits <= 0 || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count) || count > 1_000_000)
            {
                return false;
            }

            rest = rest[digits..];
            var letters = rest.IndexOfAny(Digits);
            var unit = letters < 0 ? rest : rest[..letters];
            if (UnitTicks(unit) is not { } ticks)
            {
                return false;
            }

            sum += TimeSpan.FromTicks((long)(count * ticks));
            rest = rest[unit.Length..];
        }

        value = sum;
        return true;
    }

    private static long? UnitTicks(ReadOnlySpan<char> unit) => unit switch
    {
        "ms" => TimeSpan.TicksPerMillisecond,
        "s" => TimeSpan.TicksPerSecond,
        "m" => TimeSpan.TicksPerMinute,
        "h" => TimeSpan.TicksPerHour,
        _ => null,
    };
}
