using System.Globalization;
using Resilience.Control.Forecasting;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

/// <summary>Reads a demand trace as <see cref="DemandCsv"/> does, and asks for a regular grid of intervals.</summary>
internal static class BacktestTrace
{
    private const int MaxPoints = 20_000_000;

    /// <summary>What was read, and how many of the points are missing.</summary>
    public sealed record Loaded(Trace Trace, int Missing);

    public static Task<Loaded> ReadAsync(string file, CancellationToken stop) =>
        File.Exists(file) ? Task.Run(() => Read(file, stop), stop) : throw new LabException($"{file}: no such file");

    private static Loaded Read(string file, CancellationToken stop)
    {
        using var reader = new StreamReader(file);
        List<DemandRow> points = [];
        try
        {
            foreach (var row in DemandCsv.Read(reader))
            {
                stop.ThrowIfCancellationRequested();
                points.Add(points.Count < MaxPoints ? row : throw new DemandCsvException(row.Line, $"is one row too many; at most {MaxPoints} are read"));
            }
        }
        catch (DemandCsvException problem)
        {
            throw new LabException(problem.At(file));
        }

        return ToGrid(file, points);
    }

    private static Loaded ToGrid(string file, List<DemandRow> points)
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
}
