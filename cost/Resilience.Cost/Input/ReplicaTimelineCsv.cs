using System.Globalization;
using Resilience.Cost.Model;

namespace Resilience.Cost.Input;

/// <summary>Reads a replay's decisions.csv or a replica timeline; every complaint names file and row.</summary>
public static class ReplicaTimelineCsv
{
    private static readonly string[] TimeColumns = ["t_utc", "timestamp_utc"];
    private static readonly string[] PodColumns = ["requested", "replicas"];
    private static readonly string[] LoadColumns = ["demand", "ready", "capacity"];

    /// <summary>Reads to the end of <paramref name="reader"/>.</summary>
    /// <param name="file">Name of the file, for messages.</param>
    /// <param name="capacityPerPod">The capacity column holds what one ready pod answers, not all of them.</param>
    /// <exception cref="CostInputException">A column is missing, a row cannot be read, or rows are out of order.</exception>
    public static ReplicaTimeline Read(TextReader reader, string file, bool capacityPerPod = false)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var columns = Columns.Of(reader.ReadLine() ?? throw new CostInputException($"{file}: the file is empty"), file);
        var rows = new List<TimelineRow>();
        for (var number = 2; reader.ReadLine() is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var row = ReadRow(new CsvRow(line.Split(','), file, number), columns, capacityPerPod);
            if (rows.Count > 0 && row.At <= rows[^1].At)
            {
                var problem = row.At == rows[^1].At ? "the same time as the row before" : "earlier than the row before; sort the file by time";
                throw new CostInputException($"{file}:{number}: {columns.TimeName} is {problem}");
            }

            rows.Add(row);
        }

        return rows.Count >= 2
            ? new ReplicaTimeline(rows)
            : throw new CostInputException($"{file}: needs at least two rows to know the interval; found {rows.Count}");
    }

    private static TimelineRow ReadRow(CsvRow row, Columns columns, bool capacityPerPod)
    {
        row.RequireFields(columns.Count);
        var at = row.Time(columns.Time, columns.TimeName);
        var pods = row.Amount(columns.Pods, columns.PodsName);
        if (columns.Demand is not { } demandColumn)
        {
            return new TimelineRow(at, pods);
        }

        var demand = row.Amount(demandColumn, "demand");
        var ready = row.Amount(columns.Ready, "ready");
        var capacity = row.Amount(columns.Capacity, "capacity") * (capacityPerPod ? ready : 1m);
        if (columns.Violation is { } violation)
        {
            row.RequireAgreement(row.Flag(violation, "violation"), demand, capacity, capacityPerPod);
        }

        return new TimelineRow(at, pods, new TimelineLoad(demand, ready, capacity));
    }

    /// <param name="Demand">Null when the file is a plain replica timeline.</param>
    private sealed record Columns(
        int Count, int Time, string TimeName, int Pods, string PodsName, int? Demand, int Ready, int Capacity, int? Violation)
    {
        public static Columns Of(string header, string file)
        {
            var names = header.TrimStart('\uFEFF').Split(',').Select(name => CsvRow.Unquote(name).ToLowerInvariant()).ToList();
            var time = names.FindIndex(name => TimeColumns.Contains(name));
            var pods = names.FindIndex(name => PodColumns.Contains(name));
            if (time < 0 || pods < 0)
            {
                throw new CostInputException(
                    $"{file}:1: needs the columns t_utc and requested (a replay's decisions.csv) or t_utc and replicas (a timeline); "
                    + $"found {CsvRow.Short(string.Join(",", names))}");
            }

            var present = LoadColumns.Count(names.Contains);
            if (present is not 0 && present != LoadColumns.Length)
            {
                var missing = string.Join(" and ", LoadColumns.Where(name => !names.Contains(name)));
                throw new CostInputException($"{file}:1: has only part of demand, ready and capacity; missing {missing}");
            }

            var violation = names.IndexOf("violation");
            return new Columns(
                names.Count, time, names[time], pods, names[pods],
                present == 0 ? null : names.IndexOf("demand"), names.IndexOf("ready"), names.IndexOf("capacity"), violation < 0 ? null : violation);
        }
    }

    private sealed record CsvRow(string[] Fields, string File, int Number)
    {
        private const int FirstYear = 1900;
        private const int LastYear = 2200;
        private const int LongestQuote = 60;
        private const decimal HighestAmount = 1e15m;
        private const decimal AgreementTolerance = 0.0001m;

        public static string Unquote(string field)
        {
            var trimmed = field.Trim();
            return trimmed.Length >= 2 && trimmed[0] == '"' && trimmed[^1] == '"' ? trimmed[1..^1].Trim() : trimmed;
        }

        /// <summary>What the file holds, short enough for one line of a terminal.</summary>
        public static string Short(string text) => string.Concat(
            (text.Length <= LongestQuote ? text : text[..LongestQuote] + "...").Select(letter => char.IsControl(letter) ? '?' : letter));

        public void RequireFields(int count)
        {
            if (Fields.Length != count)
            {
                throw Wrong($"has {Fields.Length} fields, the header has {count}");
            }
        }

        public DateTimeOffset Time(int column, string name) =>
            DateTimeOffset.TryParse(
                Unquote(Fields[column]), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at)
            && at.Year is >= FirstYear and <= LastYear
                ? at
                : throw Wrong($"{name} must be a time like 2026-11-22T17:00:00Z, not \"{Short(Unquote(Fields[column]))}\"");

        public decimal Amount(int column, string name)
        {
            var text = Unquote(Fields[column]);
            return decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var amount) && amount is >= 0 and <= HighestAmount
                ? amount
                : throw Wrong($"{name} must be a number from 0 up, not \"{Short(text)}\"");
        }

        public bool Flag(int column, string name) => Unquote(Fields[column]).ToUpperInvariant() switch
        {
            "1" or "TRUE" => true,
            "0" or "FALSE" => false,
            var other => throw Wrong($"{name} must be 0 or 1, not \"{Short(other)}\""),
        };

        /// <summary>A violation means demand above capacity; a file that says otherwise has its capacity in another unit.</summary>
        public void RequireAgreement(bool violation, decimal demand, decimal capacity, bool capacityPerPod)
        {
            var tooCloseToTell = Math.Abs(demand - capacity) <= AgreementTolerance * capacity;
            if (!tooCloseToTell && violation != demand > capacity)
            {
                var hint = capacityPerPod ? "leave --capacity-per-pod out" : "pass --capacity-per-pod";
                throw Wrong(FormattableString.Invariant(
                    $"violation is {(violation ? 1 : 0)} but demand is {demand:0.####} and capacity {capacity:0.####}; ") + $"if capacity is meant otherwise, {hint}");
            }
        }

        private CostInputException Wrong(string problem) => new($"{File}:{Number}: {problem}");
    }
}
