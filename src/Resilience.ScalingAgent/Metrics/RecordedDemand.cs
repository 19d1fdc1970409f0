using System.Globalization;
using Resilience.ClusterAccess.Api;
using Resilience.Control.Forecasting;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>Demand recorded elsewhere and put into a ConfigMap, for a start that is not from nothing.</summary>
internal sealed class RecordedDemand(ClusterApi api)
{
    /// <summary>Key of the ConfigMap; what it holds is read by <see cref="DemandCsv"/>.</summary>
    public const string Key = "demand.csv";

    /// <summary>Rows within the time asked for, averaged over each interval of the grid.</summary>
    public async Task<DemandHistory> ReadAsync(string ns, string name, DateTimeOffset from, DateTimeOffset to, TimeSpan interval, CancellationToken cancellationToken)
    {
        var place = $"ConfigMap {ns}/{name}";
        try
        {
            var map = await api.FindAsync(ResourceTypes.ConfigMaps, ns, name, cancellationToken).ConfigureAwait(false);
            if (map?.Data?.TryGetValue(Key, out var csv) != true || csv is null)
            {
                return DemandHistory.Missing(map is null ? $"{place} does not exist" : $"{place} has no key {Key}");
            }

            return Average(place, csv, from, to, interval);
        }
        catch (ClusterException failure)
        {
            return DemandHistory.Missing($"{place} cannot be read: {failure.Message}");
        }
    }

    internal static DemandHistory Average(string place, string csv, DateTimeOffset from, DateTimeOffset to, TimeSpan interval)
    {
        List<DemandRow> rows;
        try
        {
            rows = [.. DemandCsv.Read(new StringReader(csv))];
        }
        catch (DemandCsvException problem)
        {
            return DemandHistory.Missing(problem.At($"{place}, {Key}"));
        }

        var samples = rows
            .Where(row => row.At >= from && row.At < to && !double.IsNaN(row.Value))
            .GroupBy(row => DemandGrid.Floor(row.At, interval), (at, group) => new DemandSample(at, group.Average(row => row.Value)))
            .Where(sample => sample.At >= from)
            .ToList();
        if (samples.Count == 0)
        {
            return DemandHistory.Missing(rows.Count == 0
                ? $"{place}, {Key}: has no rows"
                : $"{place}, {Key}: its rows, {rows[0].At:u} to {rows[^1].At:u}, hold no demand between {from:u} and {to:u}");
        }

        var step = rows.Zip(rows.Skip(1), (row, next) => next.At - row.At).DefaultIfEmpty(interval).Min();
        return new(samples, step <= interval ? null : string.Create(CultureInfo.InvariantCulture,
            $"{place}, {Key}: its rows are {step.TotalSeconds:0.###} s apart and the grid's {interval.TotalSeconds:0.###} s, so most intervals stay without demand"));
    }
}
