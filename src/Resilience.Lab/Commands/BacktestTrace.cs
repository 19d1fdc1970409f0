using System.Globalization;
using Resilience.Control.Forecasting;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

/// <summary>Reads a demand trace: a CSV file with a header, a time column and a value column, in order of time.</summary>
/// <remarks>
/// Absent rows, empty values and NaN are missing points: monitoring has holes. Anything that would silently change what the
/// series means (duplicates, disorder, times off the grid, negative values) is refused with file and row.
/// </remarks>
internal static class BacktestTrace
{
    private const int MaxPoints = 20_000_000;
    private static readonly string[] TimeColumns = ["timestamp_utc", "t_utc", "timestamp", "time"];
    private static readonly string[] ValueColumns = ["value", "demand", "requests"];

    /// <summary>What was read, and how many of the points are missing.</summary>
    public sealed record Loaded(Trace Trace, int Missing);

    public static async Task<Loaded> ReadAsync(string file, CancellationToken stop)
    {
        if (!File.Exists(file))
        {
            throw new LabException($"{file}: no such file");
        }

        using var reader = new StreamReader(file);
        var header = await reader.ReadLineAsync(stop).ConfigureAwait(false) ?? throw new LabException($"{file}: the file is empty");
        var names = header.Split(',').Select(name => name.Trim().Trim('"')).ToList();
        var time = Column(file, names, TimeColumns);
        var value = Column(file, names, ValueColumns);
        List<(DateTimeOffset At, double Value, int Row)> points = [];
        for (var row = 2; await reader.ReadLineAsync(stop).ConfigureAwait(false) is { } line; row++)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var fields = line.Split(',');
            if (fields.Length != names.Count)
            {
                throw new LabException($"{file}:{row}: has {fields.Length} columns, the header has {names.Count}");
            }

            var point = (At: Instant(file, row, fields[time]), Value: Amount(file, row, fields[value]), row);
            if (points.Count > 0 && point.At <= points[^1].At)
            {
                throw new LabException($"{file}:{row}: {fields[time].Trim()} {(point.At == points[^1].At ? "appears twice" : "is earlier than the row before; sort the file by time")}");
            }

            points.Add(point);
        }

        return ToGrid(file, points);
    }

    private static Loaded ToGrid(string file, List<(DateTimeOffset At, double Value, int Row)> points)
    {
        if (points.Count < 3)
        {
            throw new LabException($"{file}: needs at least 3 rows to know its interval; found {points.Count}");
        }

        var interval = TimeSpan.MaxValue;
        for (var i = 1; i < points.Count; i++)
        {
            interval = points[i].At - points[i - 1].At is var step && step < interval ? step : interval;
        }

        if (interval < TimeSpan.FromSeconds(1) || interval > TimeSpan.FromHours(6) || TimeSpan.FromDays(1).Ticks % interval.Ticks != 0)
        {
            throw new LabException($"{file}: the shortest time between two rows is {interval}; it must divide a day, from 1 s to 6 h");
        }

        var length = ((points[^1].At - points[0].At) / interval) + 1;
        if (length > MaxPoints)
        {
            throw new LabException(string.Create(CultureInfo.InvariantCulture, $"{file}: spans {length:0} intervals of {interval}; at most {MaxPoints} are read"));
        }

        var values = new double[(int)Math.Round(length)];
        Array.Fill(values, double.NaN);
        foreach (var (at, value, row) in points)
        {
            var index = Math.DivRem((at - points[0].At).Ticks, interval.Ticks, out var rest);
            if (rest != 0)
            {
                throw new LabException($"{file}:{row}: {at:u} is not on the grid of {interval} that starts at {points[0].At:u}");
            }

            values[index] = value;
        }

        return new Loaded(new Trace(points[0].At, interval, values), values.Count(double.IsNaN));
    }

    private static int Column(string file, List<string> names, string[] wanted)
    {
        var found = names.FindIndex(name => wanted.Contains(name, StringComparer.OrdinalIgnoreCase));
        return found >= 0 ? found : throw new LabException($"{file}:1: has no column named {string.Join(" or ", wanted)}; found {string.Join(", ", names)}");
    }

    private static DateTimeOffset Instant(string file, int row, string text) =>
        DateTimeOffset.TryParse(text.Trim().Trim('"'), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at)
            ? at
            : throw new LabException($"{file}:{row}: \"{text.Trim()}\" is not a time; write it like 1998-07-04T00:00:00Z");

    private static double Amount(string file, int row, string text)
    {
        var trimmed = text.Trim().Trim('"');
        if (trimmed.Length == 0 || trimmed.Equals("nan", StringComparison.OrdinalIgnoreCase))
        {
            return double.NaN;
        }

        if (!double.TryParse(trimmed, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
        {
            throw new LabException($"{file}:{row}: \"{trimmed}\" is not a number");
        }

        return value >= 0 ? value : throw new LabException($"{file}:{row}: {trimmed} is negative; demand cannot be");
    }
}
