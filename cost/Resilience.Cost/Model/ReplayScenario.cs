namespace Resilience.Cost.Model;

/// <summary>The scenario that a timeline implies, so that fixed strategies are priced for the load the replay carried.</summary>
/// <param name="Replicas">The most pods needed at once.</param>
/// <param name="OffPeakReplicas">The most pods needed outside the best daily peak window.</param>
/// <param name="PeakStartHour">UTC hour at which that window begins.</param>
/// <param name="OnStartHour">UTC hour at which the on-hours that lose the fewest requests begin.</param>
/// <param name="OffHoursRequestPercent">Requests lost by being down outside them; null for a plain timeline.</param>
/// <param name="RequestsPerMonth">Null for a plain timeline.</param>
public sealed record ReplayScenario(
    int Replicas, int OffPeakReplicas, int PeakStartHour, int OnStartHour, decimal? OffHoursRequestPercent, decimal? RequestsPerMonth)
{
    private const int DayHours = 24;

    /// <param name="peak">Length of the peak; its start is chosen here.</param>
    /// <param name="on">Length of the on-hours; their start is chosen here.</param>
    public static ReplayScenario Of(ReplicaTimeline timeline, TimelineUse use, WeeklyHours peak, WeeklyHours on)
    {
        ArgumentNullException.ThrowIfNull(timeline);
        ArgumentNullException.ThrowIfNull(use);
        var hours = HoursOfWeek(timeline);
        var (peakStart, offPeak) = Best(start => hours.Where(hour => !Inside(hour, peak, start)).Select(hour => hour.Pods).DefaultIfEmpty(0m).Max());
        var (onStart, lost) = Best(start => hours.Where(hour => !Inside(hour, on, start)).Sum(hour => hour.Demand));
        return new ReplayScenario(
            use.PeakPods,
            Math.Clamp((int)Math.Ceiling(offPeak), 1, use.PeakPods),
            peakStart,
            onStart,
            use.Load is { Demand: > 0 } load ? CostModel.RoundQuantity(100m * lost / load.Demand) : null,
            use.Load is { Demand: > 0 } known ? CostModel.RoundQuantity(known.Demand * CostModel.MonthHours * 3600m / use.Seconds) : null);
    }

    /// <summary>An hour lies inside when its first instant does; windows are whole hours unless asked otherwise.</summary>
    private static bool Inside(HourOfWeek hour, WeeklyHours window, int start) => (window with { StartHour = start }).Contains(hour.Sample);

    private static (int Start, decimal Value) Best(Func<int, decimal> value) =>
        Enumerable.Range(0, DayHours).Select(start => (start, value(start))).MinBy(candidate => candidate.Item2);

    private static List<HourOfWeek> HoursOfWeek(ReplicaTimeline timeline)
    {
        var needs = TimelineUse.NeededPods(timeline);
        return [.. timeline.Rows
            .Select((row, index) => (Row: row, Pods: needs[index]))
            .GroupBy(item => (item.Row.At.UtcDateTime.DayOfWeek, item.Row.At.UtcDateTime.Hour))
            .Select(hour => new HourOfWeek(
                FirstInstantOf(hour.First().Row.At),
                hour.Max(item => item.Pods),
                hour.Sum(item => item.Row.Load?.Demand ?? 0m)))];
    }

    private static DateTimeOffset FirstInstantOf(DateTimeOffset at) => new(at.UtcDateTime.Date.AddHours(at.UtcDateTime.Hour), TimeSpan.Zero);

    private sealed record HourOfWeek(DateTimeOffset Sample, decimal Pods, decimal Demand);
}
