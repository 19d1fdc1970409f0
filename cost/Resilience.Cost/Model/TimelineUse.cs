namespace Resilience.Cost.Model;

/// <summary>Sums over a timeline: what was billed, what was wasted and what was missing.</summary>
/// <param name="Seconds">Time covered.</param>
/// <param name="PodSeconds">Requested pods times their seconds.</param>
/// <param name="StandbyPodSeconds">The same for a standby of the stated percentage, in whole pods row by row.</param>
/// <param name="PeakPods">The most pods that the demand needed at once (a plain timeline: that were requested).</param>
/// <param name="Load">Null for a plain timeline.</param>
public sealed record TimelineUse(
    decimal Seconds, decimal PodSeconds, decimal StandbyPodSeconds, int PeakPods, TimelineLoadUse? Load)
{
    /// <summary>Share of the demand that was answered well; 1 when the demand is not known.</summary>
    public decimal GoodShare => Load is { Demand: > 0 } load ? (load.Demand - load.Unserved) / load.Demand : 1m;

    /// <summary>Adds a timeline up.</summary>
    /// <param name="standbyPercent">Size of the standby relative to the requested pods.</param>
    public static TimelineUse Of(ReplicaTimeline timeline, decimal standbyPercent)
    {
        ArgumentNullException.ThrowIfNull(timeline);
        decimal podSeconds = 0, standbySeconds = 0, peakPods = 0;
        var load = timeline.HasLoad ? new TimelineLoadUse(0, 0, 0, 0, 0, 0, timeline.Rows.Count) : null;
        var needs = NeededPods(timeline);
        for (var index = 0; index < timeline.Rows.Count; index++)
        {
            var row = timeline.Rows[index];
            var seconds = timeline.SecondsOf(index);
            podSeconds += row.Requested * seconds;
            standbySeconds += CostModel.StandbyFor(row.Requested, standbyPercent) * seconds;
            peakPods = Math.Max(peakPods, needs[index]);
            load = load is null || row.Load is null ? null : load.Add(row.Requested, row.Load, needs[index], seconds);
        }

        return new TimelineUse(timeline.TotalSeconds, podSeconds, standbySeconds, Math.Max(1, (int)Math.Ceiling(peakPods)), load);
    }

    /// <summary>Pods that each row's demand needed: demand over one pod's capacity, rounded up; for a plain timeline the pods requested.</summary>
    /// <remarks>With no pod ready a row cannot say what one carries; the nearest row before it can, or else the first that knows.</remarks>
    internal static decimal[] NeededPods(ReplicaTimeline timeline)
    {
        var known = timeline.Rows.Select(row => row.Load).FirstOrDefault(load => load is { Ready: > 0, Capacity: > 0 });
        var perPod = known is null ? (decimal?)null : known.Capacity / known.Ready;
        var needs = new decimal[timeline.Rows.Count];
        for (var index = 0; index < needs.Length; index++)
        {
            var row = timeline.Rows[index];
            if (row.Load is { Ready: > 0, Capacity: > 0 } load)
            {
                perPod = load.Capacity / load.Ready;
            }

            needs[index] = row.Load is null || perPod is null ? row.Requested : Math.Ceiling(RoundRatio(row.Load.Demand / perPod.Value));
        }

        return needs;
    }

    // Capacity is written with a few digits; 3.0000001 pods of need would otherwise round up to 4.
    private static decimal RoundRatio(decimal pods) => Math.Round(pods, 6, MidpointRounding.ToEven);
}

/// <param name="Unserved">Requests above the capacity of the ready pods.</param>
/// <param name="InViolation">All requests of the intervals in which that happened.</param>
/// <param name="OverPodSeconds">Pods requested but not needed.</param>
/// <param name="UnderPodSeconds">Pods needed but not ready.</param>
/// <param name="Violations">Intervals with demand above capacity.</param>
public sealed record TimelineLoadUse(
    decimal Demand, decimal Unserved, decimal InViolation, decimal OverPodSeconds, decimal UnderPodSeconds, int Violations, int Rows)
{
    internal TimelineLoadUse Add(decimal requested, TimelineLoad load, decimal needed, decimal seconds)
    {
        var violated = load.Demand > load.Capacity;
        return this with
        {
            Demand = Demand + load.Demand,
            Unserved = Unserved + Math.Max(0m, load.Demand - load.Capacity),
            InViolation = InViolation + (violated ? load.Demand : 0m),
            OverPodSeconds = OverPodSeconds + (Math.Max(0m, requested - needed) * seconds),
            UnderPodSeconds = UnderPodSeconds + (Math.Max(0m, needed - load.Ready) * seconds),
            Violations = Violations + (violated ? 1 : 0),
        };
    }
}
