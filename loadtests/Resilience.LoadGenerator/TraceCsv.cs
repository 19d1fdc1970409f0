using System.Globalization;
using Resilience.Control.Forecasting;

namespace Resilience.LoadGenerator;

/// <summary>Makes a course of load from recorded demand; the file is what <see cref="DemandCsv"/> reads, without gaps.</summary>
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
        try
        {
            return LoadProfile.FromPoints("trace", Points(text, speedUp, scale));
        }
        catch (DemandCsvException problem)
        {
            throw new FormatException(problem.Line == 0 ? problem.Message : string.Create(CultureInfo.InvariantCulture, $"line {problem.Line}: {problem.Message}"), problem);
        }
    }

    private static List<RatePoint> Points(TextReader text, double speedUp, double scale)
    {
        List<RatePoint> points = [];
        DateTimeOffset? first = null;
        foreach (var row in DemandCsv.Read(text))
        {
            if (double.IsNaN(row.Value) || points.Count == MaxSamples)
            {
                throw new DemandCsvException(row.Line, double.IsNaN(row.Value) ? "has no value, and load cannot have gaps" : $"is one sample too many; at most {MaxSamples} are read");
            }

            points.Add(new((row.At - (first ??= row.At)) / speedUp, row.Value * scale));
        }

        return points.Count > 0 ? points : throw new DemandCsvException(0, "the file has a header and no rows");
    }
}
