using System.Globalization;

namespace Resilience.LoadGenerator;

/// <summary>Reads a recorded course of load: the header <c>timestamp_utc,value</c>, then one line per sample in order of time.</summary>
public static class TraceCsv
{
    private const int MaxSamples = 1_000_000;

    /// <param name="text">The CSV file.</param>
    /// <param name="speedUp">Recorded seconds that pass in one second of the run; a day in five minutes is 288.</param>
    /// <param name="scale">Requests/s for each unit of the recorded value.</param>
    /// <exception cref="FormatException">The text is not such a file; the message names the line and what was expected.</exception>
    public static LoadProfile Read(TextReader text, double speedUp = 1, double scale = 1)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(speedUp);
        ArgumentOutOfRangeException.ThrowIfNegative(scale);
        if (text.ReadLine() is not { } header || !header.Trim().Equals("timestamp_utc,value", StringComparison.OrdinalIgnoreCase))
        {
            throw new FormatException("line 1: expected the header 'timestamp_utc,value'");
        }

        var points = new List<RatePoint>();
        DateTimeOffset? first = null;
        for (var number = 2; text.ReadLine() is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var (at, value) = Parse(line, number);
            first ??= at;
            var offset = (at - first.Value) / speedUp;
            if (points.Count > 0 && offset <= points[^1].At)
            {
                throw new FormatException($"line {number}: expected a time after that of the line before");
            }

            points.Add(points.Count < MaxSamples ? new(offset, value * scale)
                : throw new FormatException($"line {number}: expected at most {MaxSamples} samples"));
        }

        return points.Count > 0 ? LoadProfile.FromPoints("trace", points) : throw new FormatException("line 2: expected at least one sample");
    }

    private static (DateTimeOffset At, double Value) Parse(string line, int number)
    {
        var comma = line.IndexOf(',', StringComparison.Ordinal);
        if (comma < 0 || !DateTimeOffset.TryParse(line.AsSpan(0, comma), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
        {
            throw new FormatException($"line {number}: expected a time such as 2026-01-31T12:00:00Z, a comma and a number");
        }

        return double.TryParse(line.AsSpan(comma + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= 0 && double.IsFinite(value)
            ? (at, value)
            : throw new FormatException($"line {number}: expected a number from 0 up after the comma");
    }
}
