using System.Collections.Frozen;
using System.Globalization;
using Resilience.Control.Scaling;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>What came of reading one pod.</summary>
/// <param name="At">When, on a clock that only runs forward.</param>
/// <param name="Counters">Null when the pod gave nothing that can be used.</param>
/// <param name="Failure">Why it did not, as the end of a sentence that begins with the pod.</param>
internal sealed record PodScrape(PodEndpoint Pod, TimeSpan At, PodCounters? Counters, string? Failure);

/// <summary>The last usable reading of a pod.</summary>
/// <param name="Rate">Requests per second asked of it then; NaN when that was its first reading.</param>
/// <param name="IsRead">False: the pod has started since the reading before and counts from zero, but has not answered yet.</param>
internal sealed record PodMemory(PodCounters Counters, TimeSpan At, double Rate, bool Served, bool IsRead);

/// <summary>The last reading of a target.</summary>
/// <param name="Seen">Some page had the counter at some time, so a page without it means zero.</param>
internal sealed record TargetMemory(TimeSpan At, DateTimeOffset WallTime, bool Seen, IReadOnlyDictionary<string, PodMemory> Pods)
{
    public static IReadOnlyDictionary<string, PodMemory> NoPods { get; } = FrozenDictionary<string, PodMemory>.Empty;
}

/// <summary>
/// Turns two readings of the pods' counters into demand. Pure: no clock, no IO.
/// </summary>
/// <remarks>
/// Demand is the sum of each pod's increase over its own time since it was last read. A restarted pod has counted from zero;
/// what it served between the last reading and its end is lost. A pod that is gone for good takes along what it served since
/// the last reading: half an interval at its last rate stands in for that, right on average when ends come at any time.
/// Serving pods that give nothing are assumed to have done what their fellows did.
/// </remarks>
internal static class DemandRates
{
    // The API server cuts start times to whole seconds.
    private static readonly TimeSpan StartResolution = TimeSpan.FromSeconds(1);

    /// <param name="before">Last reading; null when there is none.</param>
    /// <param name="scrapes">One for each pod of the target.</param>
    /// <param name="now">On the clock of <see cref="PodScrape.At"/>.</param>
    /// <param name="wallTime">The same instant by the API server's kind of clock.</param>
    /// <param name="maxAge">A rate over a longer time says nothing about now: an older reading is as none.</param>
    public static (DemandReading Reading, TargetMemory Memory) Read(
        TargetMemory? before, IReadOnlyList<PodScrape> scrapes, TimeSpan now, DateTimeOffset wallTime, TimeSpan maxAge)
    {
        before = before is not null && now - before.At <= maxAge ? before : null;
        var pods = scrapes.Select(scrape => Measure(scrape, before, maxAge)).ToList();
        var seen = before?.Seen == true || pods.Any(pod => pod.Scrape.Counters?.HasMetric == true);
        var memory = new TargetMemory(now, wallTime, seen, Remember(pods));
        return (Judge(before, pods, seen), memory);
    }

    private static MeasuredPod Measure(PodScrape scrape, TargetMemory? before, TimeSpan maxAge)
    {
        var known = before?.Pods.GetValueOrDefault(scrape.Pod.Uid);
        known = known is not null && scrape.At - known.At <= maxAge ? known : null;
        if (known is null && before is not null && StartedAt(scrape) >= before.WallTime - StartResolution)
        {
            known = new(PodCounters.Zero, before.At, double.NaN, Served: false, IsRead: false);
        }

        if (scrape.Counters is not { } counters || known is null || scrape.At <= known.At)
        {
            return new(scrape, known, null, double.NaN, IsWhole: false);
        }

        var increase = counters.Since(known.Counters, out var restarted);
        return new(scrape, known, increase, (scrape.At - known.At).TotalSeconds, IsWhole: known is { IsRead: true, Served: true } && scrape.Pod.Serves && !restarted);
    }

    private static DateTimeOffset? StartedAt(PodScrape scrape) => scrape.Pod.StartedAt
        ?? (scrape.Counters is { ProcessStart: > 0 and < 1e11 } counters ? DateTimeOffset.UnixEpoch.AddSeconds(counters.ProcessStart) : null);

    private static Dictionary<string, PodMemory> Remember(List<MeasuredPod> pods)
    {
        var memory = new Dictionary<string, PodMemory>(StringComparer.Ordinal);
        foreach (var pod in pods)
        {
            var endpoint = pod.Scrape.Pod;
            if (pod.Scrape.Counters is { } counters)
            {
                memory[endpoint.Uid] = new(counters, pod.Scrape.At, pod.Rate, endpoint.Serves, IsRead: true);
            }
            else if (pod.Known is { } known)
            {
                // What a pod without traffic served last is made up for once, below, and not again.
                memory[endpoint.Uid] = endpoint.Serves ? known : known with { Rate = 0, Served = false };
            }
        }

        return memory;
    }

    private static DemandReading Judge(TargetMemory? before, List<MeasuredPod> pods, bool seen)
    {
        if (pods.Count == 0)
        {
            return DemandReading.Missing("no pod of the target runs, and only pods tell of demand");
        }

        var group = pods.Where(pod => pod.Scrape.Pod.Serves).ToList() is { Count: > 0 } serving ? serving : pods;
        var silent = group.Where(pod => pod.Scrape.Counters is null).ToList();
        if (silent.Count * 2 > group.Count)
        {
            return DemandReading.Missing($"only {group.Count - silent.Count} of {Count(group.Count, "pod")} could be read ({Name(silent[0])})");
        }

        if (!seen)
        {
            return DemandReading.Missing("no pod's metrics have the counter: nobody has asked for anything yet, or it has another name");
        }

        var rated = group.Where(pod => pod.IsRated).ToList();
        if (before is null || rated.Count == 0)
        {
            return DemandReading.Missing("this is the first reading, and a rate needs two");
        }

        if (rated.Count * 2 < group.Count)
        {
            return DemandReading.Missing($"only {rated.Count} of {Count(group.Count, "pod")} had been read before");
        }

        var others = pods.Where(pod => !pod.Scrape.Pod.Serves && group[0].Scrape.Pod.Serves && pod.IsRated);
        var gone = Gone(before, pods, group);
        var demand = (rated.Sum(pod => pod.Rate) * group.Count / rated.Count) + others.Sum(pod => pod.Rate) + (gone.Sum() / 2);
        return new(demand, Observe(pods), Explain(group, rated, silent, gone.Count));
    }

    /// <summary>Last rates of pods that had work then and are gone or silent without traffic now.</summary>
    private static List<double> Gone(TargetMemory before, List<MeasuredPod> pods, List<MeasuredPod> group)
    {
        var accounted = pods.Where(pod => pod.Scrape.Counters is not null).Concat(group).Select(pod => pod.Scrape.Pod.Uid).ToHashSet(StringComparer.Ordinal);
        return [.. before.Pods.Where(pod => pod.Value.Rate > 0 && !accounted.Contains(pod.Key)).Select(pod => pod.Value.Rate)];
    }

    private static string? Explain(List<MeasuredPod> group, List<MeasuredPod> rated, List<MeasuredPod> silent, int gone)
    {
        List<string> parts = [];
        if (rated.Count < group.Count)
        {
            var missing = group.Count - rated.Count;
            var why = silent.Count > 0 ? $"could not be read ({Name(silent[0])})" : "had not been read before";
            parts.Add($"{missing} of {Count(group.Count, "pod")} {why}, so demand is scaled up from the other {rated.Count}");
        }

        if (gone > 0)
        {
            parts.Add($"{Count(gone, "pod")} ended since the last reading, and half an interval at the last rate stands for what {(gone == 1 ? "it" : "they")} served");
        }

        return parts.Count == 0 ? null : string.Join("; ", parts);
    }

    /// <summary>What one replica did, from those that had traffic all the time.</summary>
    private static CapacityObservation? Observe(List<MeasuredPod> pods)
    {
        var whole = pods.Where(pod => pod.IsWhole && pod.Increase!.Outcomes.AreKnown).ToList();
        if (whole.Count == 0)
        {
            return null;
        }

        var outcomes = whole.Aggregate(default(OutcomeCounts), (sum, pod) => sum + pod.Increase!.Outcomes);
        if (outcomes.All <= 0)
        {
            return null;
        }

        // Only bounds that all of them have: cumulative counts of unlike buckets do not add up.
        var latency = whole.SelectMany(pod => pod.Increase!.Latency).GroupBy(bucket => bucket.Key)
            .Where(bound => bound.Count() == whole.Count)
            .Select(bound => KeyValuePair.Create(bound.Key, bound.Sum(bucket => bucket.Value)));
        return new(
            whole.Average(pod => pod.Increase!.Outcomes.Good / pod.Seconds),
            LatencyQuantile.Of(0.95, latency),
            whole.Average(pod => pod.Increase!.CpuSeconds / pod.Seconds),
            Math.Clamp(outcomes.Refused / outcomes.All, 0, 1));
    }

    private static string Count(int count, string noun) => string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");

    private static string Name(MeasuredPod pod) => $"{pod.Scrape.Pod.Name} {pod.Scrape.Failure}";

    /// <param name="Increase">Null when there is no rate.</param>
    /// <param name="Seconds">Time that the increase took.</param>
    /// <param name="IsWhole">It had traffic for all of that time.</param>
    private sealed record MeasuredPod(PodScrape Scrape, PodMemory? Known, PodCounters? Increase, double Seconds, bool IsWhole)
    {
        public bool IsRated => Increase is not null;

        public double Rate => Increase is null ? double.NaN : Increase.Asked / Seconds;
    }
}
