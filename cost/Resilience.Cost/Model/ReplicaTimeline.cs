namespace Resilience.Cost.Model;

/// <summary>One row of a replay or of a replica timeline; it holds until the next row.</summary>
/// <param name="Requested">Pods asked for, which is what is billed.</param>
/// <param name="Load">Null when the file is a plain replica timeline.</param>
public sealed record TimelineRow(DateTimeOffset At, decimal Requested, TimelineLoad? Load = null);

/// <summary>What a replay knows beside the pods.</summary>
/// <param name="Demand">Requests in the interval.</param>
/// <param name="Ready">Pods that could answer.</param>
/// <param name="Capacity">Requests that the ready pods together could answer well in the interval.</param>
public sealed record TimelineLoad(decimal Demand, decimal Ready, decimal Capacity);

/// <summary>Rows in time order with the seconds each holds.</summary>
public sealed class ReplicaTimeline
{
    private readonly decimal[] _seconds;

    /// <param name="rows">At least two, each later than the one before; either all with a load or none.</param>
    public ReplicaTimeline(IReadOnlyList<TimelineRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows.Count, 2, nameof(rows));
        Rows = rows;
        _seconds = new decimal[rows.Count];
        for (var index = 0; index < rows.Count - 1; index++)
        {
            _seconds[index] = (decimal)(rows[index + 1].At - rows[index].At).Ticks / TimeSpan.TicksPerSecond;
        }

        // Nothing follows the last row; it is taken to hold for the file's own interval.
        var ordered = _seconds[..^1].Order().ToArray();
        IntervalSeconds = ordered[ordered.Length / 2];
        _seconds[^1] = IntervalSeconds;
        TotalSeconds = _seconds.Sum();
    }

    public IReadOnlyList<TimelineRow> Rows { get; }

    /// <summary>The median distance of two rows.</summary>
    public decimal IntervalSeconds { get; }

    public decimal TotalSeconds { get; }

    public bool HasLoad => Rows[0].Load is not null;

    public decimal SecondsOf(int row) => _seconds[row];

    /// <summary>Holes of more than one and a half intervals; the row before a hole is taken to hold through it.</summary>
    public int Holes => _seconds.Count(seconds => seconds > 1.5m * IntervalSeconds);

    public decimal LongestSeconds => _seconds.Max();
}
