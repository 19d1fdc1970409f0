using System.Collections.Frozen;
using System.Globalization;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>Requests by what became of them, counted since the process began.</summary>
/// <param name="All">Requests asked for; NaN when the page does not tell outcomes.</param>
/// <param name="Good">Answered well.</param>
/// <param name="Refused">Turned away for lack of capacity.</param>
internal readonly record struct OutcomeCounts(double All, double Good, double Refused)
{
    public static OutcomeCounts Unknown { get; } = new(double.NaN, double.NaN, double.NaN);

    public bool AreKnown => !double.IsNaN(All);

    public static OutcomeCounts operator +(OutcomeCounts a, OutcomeCounts b) => new(a.All + b.All, a.Good + b.Good, a.Refused + b.Refused);

    public static OutcomeCounts operator -(OutcomeCounts a, OutcomeCounts b) => new(a.All - b.All, a.Good - b.Good, a.Refused - b.Refused);
}

/// <summary>What one pod's metrics page says of its work, all of it counted since its process began.</summary>
/// <param name="HasMetric">The page has the counter; until the first request many exporters leave it out.</param>
/// <param name="Asked">Requests that users asked for.</param>
/// <param name="CpuSeconds">CPU time used; NaN when not told.</param>
/// <param name="ProcessStart">Unix seconds; NaN when not told.</param>
/// <param name="Latency">Requests at or below each bound in seconds, the last one +Inf; empty when not told.</param>
internal sealed record PodCounters(
    bool HasMetric, double Asked, OutcomeCounts Outcomes, double CpuSeconds, double ProcessStart, IReadOnlyDictionary<double, double> Latency)
{
    private const string DurationBucket = "http_server_request_duration_seconds_bucket";
    private const string DurationCount = "http_server_request_duration_seconds_count";
    private const string DemoCounter = "resilience_web_requests_total";
    private const string StartTime = "process_start_time_seconds";

    // In the order of preference; each is told by other client libraries.
    private static readonly string[] CpuNames = ["dotnet_process_cpu_time_seconds_total", "process_cpu_time_seconds_total", "process_cpu_seconds_total"];
    private static readonly string[] StatusLabels = ["code", "status", "status_code", "http_response_status_code", "http_status_code"];

    // Probes and scrapes are quick and many: among them the users' percentile would vanish.
    private static readonly FrozenSet<string> ProbeRoutes = FrozenSet.Create("/healthz", "/readyz", "/livez", "/health", "/ready", "/live", "/alive", "/metrics");

    /// <summary>Nothing counted yet: what a process begins with.</summary>
    public static PodCounters Zero { get; } = new(false, 0, default, 0, double.NaN, FrozenDictionary<double, double>.Empty);

    /// <summary>Names of the samples that <see cref="Read"/> looks at.</summary>
    public static IReadOnlyList<string> Names(MetricSelector metric) =>
        [metric.Name, metric.Name + "_total", DurationBucket, DurationCount, StartTime, .. CpuNames];

    /// <param name="problem">Why the page cannot be believed; null when it can.</param>
    public static PodCounters? Read(IReadOnlyList<ExpositionSample> samples, MetricSelector metric, out string? problem)
    {
        var byName = samples.ToLookup(sample => sample.Name, StringComparer.Ordinal);
        // OpenMetrics writes a counter with the suffix, whatever its name.
        var family = byName[metric.Name].Any() ? byName[metric.Name] : byName[metric.Name + "_total"];
        var counters = family.Where(sample => metric.Matches(sample.Labels)).ToList();
        var durations = byName[DurationCount].Where(IsUserRequest).ToList();
        if (counters.Concat(durations).FirstOrDefault(sample => !(sample.Value >= 0 && double.IsFinite(sample.Value))) is { } bad)
        {
            problem = string.Create(CultureInfo.InvariantCulture, $"has {bad.Value} as a value of {bad.Name}, which counts requests");
            return null;
        }

        problem = null;
        var isDemo = metric.Name == DemoCounter;
        var cpu = CpuNames.Select(name => byName[name]).FirstOrDefault(found => found.Any());
        return new(
            family.Any(),
            counters.Where(sample => !isDemo || Outcome(sample) != "rejected").Sum(sample => sample.Value),
            isDemo ? DemoOutcomes(counters) : counters.Count > 0 && counters.All(sample => Status(sample) is not null) ? ByStatus(counters) : ByStatus(durations),
            cpu?.Sum(sample => sample.Value) ?? double.NaN,
            byName[StartTime].FirstOrDefault()?.Value ?? double.NaN,
            Buckets(byName[DurationBucket].Where(sample => IsUserRequest(sample) && Status(sample) is not ['5', ..])));
    }

    /// <summary>What was counted since an earlier reading; all of it when the process began anew in between.</summary>
    public PodCounters Since(PodCounters before, out bool restarted)
    {
        restarted = Asked < before.Asked || Outcomes.All < before.Outcomes.All || ProcessStart > before.ProcessStart + 1;
        if (restarted)
        {
            return this;
        }

        // An exporter that had nothing to tell then has counted from zero since.
        var outcomes = before.HasMetric || before.Outcomes.AreKnown ? Outcomes - before.Outcomes : Outcomes;
        return this with
        {
            Asked = Asked - before.Asked,
            Outcomes = outcomes,
            CpuSeconds = CpuSeconds - before.CpuSeconds,
            Latency = Latency.ToDictionary(pair => pair.Key, pair => Math.Max(0, pair.Value - before.Latency.GetValueOrDefault(pair.Key))),
        };
    }

    private static OutcomeCounts DemoOutcomes(List<ExpositionSample> samples)
    {
        double Sum(string outcome) => samples.Where(sample => Outcome(sample) == outcome).Sum(sample => sample.Value);
        return new(samples.Where(sample => Outcome(sample) != "rejected").Sum(sample => sample.Value), Sum("ok"), Sum("shed"));
    }

    private static OutcomeCounts ByStatus(List<ExpositionSample> samples)
    {
        if (samples.Count == 0 || samples.Any(sample => Status(sample) is null))
        {
            return OutcomeCounts.Unknown;
        }

        var refused = samples.Where(sample => Status(sample) is "429" or "503").Sum(sample => sample.Value);
        var failed = samples.Where(sample => Status(sample) is ['5', ..] and not "503").Sum(sample => sample.Value);
        var all = samples.Sum(sample => sample.Value);
        return new(all, all - refused - failed, refused);
    }

    private static SortedDictionary<double, double> Buckets(IEnumerable<ExpositionSample> samples)
    {
        var buckets = new SortedDictionary<double, double>();
        foreach (var sample in samples)
        {
            if (sample.Value >= 0 && double.IsFinite(sample.Value)
                && ExpositionParser.TryNumber(System.Text.Encoding.UTF8.GetBytes(sample.Labels.GetValueOrDefault("le", "")), out var bound))
            {
                buckets[bound] = buckets.GetValueOrDefault(bound) + sample.Value;
            }
        }

        return buckets;
    }

    private static string Outcome(ExpositionSample sample) => sample.Labels.GetValueOrDefault("outcome", "");

    private static string? Status(ExpositionSample sample) => StatusLabels.Select(label => sample.Labels.GetValueOrDefault(label)).FirstOrDefault(value => value is not null);

    private static bool IsUserRequest(ExpositionSample sample) => !ProbeRoutes.Contains(sample.Labels.GetValueOrDefault("http_route", ""));
}
