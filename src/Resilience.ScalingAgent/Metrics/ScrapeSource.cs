using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>Limits of scraping; units and reasons beside each.</summary>
internal sealed record ScrapeLimits
{
    /// <summary>From a pod's turn to its whole page. A pod that takes longer is in no state to serve either.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Pods read at the same time, over all targets.</summary>
    public int Concurrency { get; init; } = 64;

    /// <summary>Longest page; ordinary ones have 10 to 200 kB.</summary>
    public int PageBytes { get; init; } = 8 << 20;
}

/// <summary>
/// Measures demand from the pods' own metrics pages. It needs no other system, but it sees nothing at zero replicas and keeps
/// no history.
/// </summary>
internal sealed class ScrapeSource : IDemandSource, IDisposable
{
    /// <summary>A reading older than this many intervals is as none.</summary>
    private const int MaxAgeIntervals = 5;

    private static readonly TimeSpan ShortestMaxAge = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _clock;
    private readonly ScrapeLimits _limits;
    private readonly HttpClient _http;
    private readonly SemaphoreSlim _turns;
    private readonly long _origin;
    private readonly ConcurrentDictionary<ScalerKey, (ScrapeSettings Settings, TargetMemory Memory)> _memory = new();

    /// <param name="clock">The wall clock, also where the planning clock runs faster.</param>
    public ScrapeSource(TimeProvider clock, ScrapeLimits? limits = null)
    {
        _clock = clock;
        _limits = limits ?? new();
        _turns = new(_limits.Concurrency);
        _origin = clock.GetTimestamp();
        _http = HttpAnswers.Client(_limits.PageBytes);
        // The classic text, not OpenMetrics or protobuf: every exporter has it.
        _http.DefaultRequestHeaders.TryAddWithoutValidation("Accept", "text/plain;version=0.0.4,*/*;q=0.1");
    }

    public async ValueTask<DemandReading> ReadAsync(DemandTarget target, CancellationToken cancellationToken)
    {
        var settings = ScrapeSettings.From(target.Spec.Scrape);
        if (!MetricSelector.TryParse(settings.Metric, out var metric, out var problem))
        {
            return DemandReading.Missing($"spec.demand.scrape.metric \"{settings.Metric}\" {problem}");
        }

        var scrapes = await Task.WhenAll(target.Pods.Select(pod => ScrapeAsync(pod, settings, metric, cancellationToken))).ConfigureAwait(false);
        // Another metric's counters are no beginning for this one's.
        var before = _memory.TryGetValue(target.Key, out var last) && last.Settings == settings ? last.Memory : null;
        var maxAge = target.WallInterval * MaxAgeIntervals;
        var (reading, memory) = DemandRates.Read(
            before, scrapes, _clock.GetElapsedTime(_origin), _clock.GetUtcNow(), maxAge > ShortestMaxAge ? maxAge : ShortestMaxAge);
        _memory[target.Key] = (settings, memory);
        return reading;
    }

    public ValueTask<DemandHistory> ReadHistoryAsync(
        DemandTarget target, DateTimeOffset from, DateTimeOffset to, TimeSpan interval, CancellationToken cancellationToken) => new(DemandHistory.None);

    public void Forget(ScalerKey key) => _memory.TryRemove(key, out _);

    public void Dispose()
    {
        _http.Dispose();
        _turns.Dispose();
    }

    private async Task<PodScrape> ScrapeAsync(PodEndpoint pod, ScrapeSettings settings, MetricSelector metric, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var (counters, failure) = await FetchAsync(pod, settings, metric, cancellationToken).ConfigureAwait(false);
            return new(pod, _clock.GetElapsedTime(_origin), counters, failure);
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task<(PodCounters? Counters, string? Failure)> FetchAsync(PodEndpoint pod, ScrapeSettings settings, MetricSelector metric, CancellationToken cancellationToken)
    {
        if (!IPAddress.TryParse(pod.Address, out var address) || !Uri.TryCreate($"http://{new IPEndPoint(address, settings.Port)}{settings.Path}", UriKind.Absolute, out var url))
        {
            return (null, $"has no address that can be read: {pod.Address}");
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        var answer = await HttpAnswers.FetchAsync(_http, request, _limits.Timeout, _clock, cancellationToken).ConfigureAwait(false);
        if (answer.Failure is not null || NotAPage(answer) is not null)
        {
            return (null, answer.Failure ?? NotAPage(answer));
        }

        var page = ExpositionParser.Parse(answer.Body, PodCounters.Names(metric));
        if (page.Problem is not null)
        {
            return (null, "sent a page that " + page.Problem);
        }

        var counters = PodCounters.Read(page.Samples, metric, out var unbelievable);
        return (counters, unbelievable is null ? null : "sent a page that " + unbelievable);
    }

    private static string? NotAPage(HttpAnswer answer)
    {
        if (answer.Status != HttpStatusCode.OK)
        {
            return $"answered {answer.StatusText}";
        }

        if (answer.MediaType is "text/html" or "application/json" or "application/vnd.google.protobuf" || answer.Body.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("<"u8))
        {
            return $"answered with {answer.MediaType ?? "markup"} where metrics as text are needed";
        }

        if (answer.Body.Length == 0)
        {
            return "answered with an empty page";
        }

        return answer.IsLengthKnown || answer.Body[^1] == (byte)'\n' ? null : "closed the connection in the middle of a line";
    }

    /// <summary>A <see cref="ScrapeSpec"/> with its defaults.</summary>
    internal sealed record ScrapeSettings(int Port, string Path, string Metric)
    {
        /// <summary>Management port and counter of the demo application.</summary>
        public static ScrapeSettings From(ScrapeSpec? spec) => new(spec?.Port ?? 9090, spec?.Path ?? "/metrics", spec?.Metric ?? "resilience_web_requests_total");

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $":{Port}{Path} {Metric}");
    }
}
