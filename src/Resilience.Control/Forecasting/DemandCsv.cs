using System.Globalization;

namespace Resilience.Control.Forecasting;

/// <summary>One row of recorded demand.</summary>
/// <param name="Value">From 0 up; NaN where the field is empty or says NaN.</param>
/// <param name="Line">Line of the file, from 1.</param>
public readonly record struct DemandRow(DateTimeOffset At, double Value, int Line);

/// <summary>Recorded demand that cannot be read. The message is one line without the place.</summary>
public sealed class DemandCsvException : FormatException
{
    public DemandCsvException()
    {
    }

    public DemandCsvException(string message)
        : base(message)
    {
    }

    public DemandCsvException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public DemandCsvException(int line, string message)
        : base(message) => Line = line;

    /// <summary>Line of the file, from 1; 0 when the file as a whole is meant.</summary>
    public int Line { get; }

    /// <summary>The message with its place, as compilers write it.</summary>
    public string At(string file) => Line == 0 ? $"{file}: {Message}" : string.Create(CultureInfo.InvariantCulture, $"{file}:{Line}: {Message}");
}

/// <summary>
/// Reads recorded demand as CSV, in order of time. A header names the columns (see <see cref="TimeColumns"/> and
/// <see cref="ValueColumns"/>, others are passed over); without one the first two columns are time and value. Times are
/// ISO 8601, UTC unless they say otherwise, or Unix time in seconds or milliseconds.
/// </summary>
/// <remarks>
/// Absent rows, empty values and NaN are missing points: monitoring has holes. What would silently change the meaning of the
/// series (duplicates, disorder, negative values) is refused with its line.
/// </remarks>
public static class DemandCsv
{
    private const double EarliestUnixSeconds = 1e8;          // 1973; a smaller number is a year or a row number, not a time
    private const double EarliestUnixMilliseconds = 1e11;
    private const double LatestUnixMilliseconds = 2.5e14;    // the year 9892

    public static IReadOnlyList<string> TimeColumns { get; } = ["timestamp_utc", "t_utc", "timestamp", "time"];

    public static IReadOnlyList<string> ValueColumns { get; } = ["value", "demand", "requests_per_second", "requests"];

    /// <summary>Rows as they are read; blank lines are passed over.</summary>
    /// <exception cref="DemandCsvException">A line is not as it should be.</exception>
    public static IEnumerable<DemandRow> Read(TextReader text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Rows(text);
    }

    private static IEnumerable<DemandRow> Rows(TextReader text)
    {
        var columns = default(Columns);
        DateTimeOffset? before = null;
        for (var number = 1; text.ReadLine() is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var fields = line.TrimStart('\uFEFF').Split(',');
            if (columns.Count == 0)
            {
                columns = Columns.Of(number, fields, out var isHeader);
                if (isHeader)
                {
                    continue;
                }
            }

            var row = columns.Row(number, fields);
            if (row.At <= before)
            {
                throw new DemandCsvException(number, $"{Clean(fields[columns.Time])} {(row.At == before ? "appears twice" : "is earlier than the row before; sort the file by time")}");
            }

            before = row.At;
            yield return row;
        }

        if (columns.Count == 0)
        {
            throw new DemandCsvException(0, "the file is empty");
        }
    }

    private static string Clean(string field) => field.Trim().Trim('"');

    private static bool TryInstant(string text, out DateTimeOffset at)
    {
        at = default;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var unix))
        {
            return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out at);
        }

        var milliseconds = unix < EarliestUnixMilliseconds ? unix * 1000 : unix;
        if (!(unix >= EarliestUnixSeconds && milliseconds <= LatestUnixMilliseconds))
        {
            return false;
        }

        at = DateTimeOffset.FromUnixTimeMilliseconds((long)Math.Round(milliseconds));
        return true;
    }

    /// <summary>Where time and value stand.</summary>
    private readonly record struct Columns(int Count, int Time, int Value)
    {
        public static Columns Of(int number, string[] first, out bool isHeader)
        {
            isHeader = !TryInstant(Clean(first[0]), out _);
            if (!isHeader)
            {
                return first.Length >= 2 ? new(first.Length, 0, 1) : throw new DemandCsvException(number, "has one column; needs a time and a value");
            }

            var names = first.Select(Clean).ToList();
            return new(names.Count, Find(number, names, TimeColumns), Find(number, names, ValueColumns));
        }

        public DemandRow Row(int number, string[] fields)
        {
            if (fields.Length != Count)
            {
                throw new DemandCsvException(number, string.Create(CultureInfo.InvariantCulture, $"has {fields.Length} columns, the first line has {Count}"));
            }

            var time = Clean(fields[Time]);
            return TryInstant(time, out var at)
                ? new(at, Amount(number, Clean(fields[Value])), number)
                : throw new DemandCsvException(number, $"\"{time}\" is not a time; write it like 1998-07-04T00:00:00Z");
        }

        private static int Find(int number, List<string> names, IReadOnlyList<string> wanted)
        {
            var found = names.FindIndex(name => wanted.Contains(name, StringComparer.OrdinalIgnoreCase));
            return found >= 0 ? found : throw new DemandCsvException(number, $"has no column named {string.Join(" or ", wanted)}; found {string.Join(", ", names)}");
        }

        private static double Amount(int number, string text)
        {
            if (text.Length == 0 || text.Equals("nan", StringComparison.OrdinalIgnoreCase))
            {
                return double.NaN;
            }

            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
            {
                throw new DemandCsvException(number, $"\"{text}\" is not a number");
            }

            return value >= 0 ? value : throw new DemandCsvException(number, $"{text} is negative; demand cannot be");
        }
    }
}
