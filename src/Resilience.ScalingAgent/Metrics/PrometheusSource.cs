using System.Globalization;
using System.Net;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Scaling;

namespace Resilience.ScalingAgent.Metrics;

/// <summary>Limits of asking Prometheus; units and reasons beside each.</summary>
internal sealed record PrometheusLimits
{
    /// <summary>Deadline of a query when the spec names none.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Deadline of one piece of history, which reads much more.</summary>
    public TimeSpan HistoryTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Queries at the same time, over all targets; Prometheus runs 20 at once by default.</summary>
    public int Concurrency { get; init; } = 16;

    /// <summary>Longest answer. 11,000 points are about 350 kB.</summary>
    public int AnswerBytes { get; init; } = 8 << 20;

    /// <summary>Points in one piece of history; Prometheus refuses more than 11,000 for each series.</summary>
    public int PointsPerQuery { get; init; } = 10_000;

    /// <summary>Points of history in all; two years of minutes.</summary>
    public int HistoryPoints { get; init; } = 1_000_000;
}

/// <summary>Measures demand by asking a Prometheus server (or one that speaks its API) a query whose answer is one number.</summary>
/// <remarks>
/// API: prometheus.io, "HTTP API": instant and range queries. A sample's time in an answer is that of evaluation: how far
/// back the data lie is for the query to say, so its range should not exceed two intervals.
/// </remarks>
internal sealed class PrometheusSource : IDemandSource, IDisposable
{
    private const int MaxAgeIntervals = 2;

    private readonly TimeProvider _clock;
    private readonly PrometheusLimits _limits;
    private readonly HttpClient _http;
    private readonly SemaphoreSlim _turns;

    /// <param name="clock">The wall clock: Prometheus knows no other.</param>
    public PrometheusSource(TimeProvider clock, PrometheusLimits? limits = null)
    {
        _clock = clock;
        _limits = limits ?? new();
        _turns = new(_limits.Concurrency);
        _http = HttpAnswers.Client(_limits.AnswerBytes, DecompressionMethods.GZip);
        _http.DefaultRequestHeaders.TryAddWithoutValidation("Accept", "application/json");
    }

    public async ValueTask<DemandReading> ReadAsync(DemandTarget target, CancellationToken cancellationToken)
    {
        var spec = target.Spec.Prometheus ?? new();
        if (Objection(spec) is { } objection)
        {
            return DemandReading.Missing(objection);
        }

        var demand = AskAsync(spec, spec.Query!, target.WallInterval, cancellationToken);
        var refused = AskAsync(spec, spec.RejectedQuery, target.WallInterval, cancellationToken);
        var latency = AskAsync(spec, spec.LatencyQuery, target.WallInterval, cancellationToken);
        await Task.WhenAll(demand, refused, latency).ConfigureAwait(false);
        var asked = await demand.ConfigureAwait(false);
        if (double.IsNaN(asked.Value) || asked.Value < 0 || double.IsInfinity(asked.Value))
        {
            return DemandReading.Missing(asked.Problem ?? Sentence(spec, spec.Query!, string.Create(CultureInfo.InvariantCulture, $"answered {asked.Value}, which is no demand")));
        }

        var problems = new[] { asked.Problem, (await refused.ConfigureAwait(false)).Problem, (await latency.ConfigureAwait(false)).Problem }.OfType<string>().ToList();
        return new(
            asked.Value,
            Observe(target, asked.Value, (await refused.ConfigureAwait(false)).Value, (await latency.ConfigureAwait(false)).Value),
            problems.Count == 0 ? null : string.Join("; ", problems));
    }

    public async ValueTask<DemandHistory> ReadHistoryAsync(
        DemandTarget target, DateTimeOffset from, DateTimeOffset to, TimeSpan interval, CancellationToken cancellationToken)
    {
        var spec = target.Spec.Prometheus ?? new();
        if (Objection(spec) is { } objection)
        {
            return DemandHistory.Missing(objection);
        }

        // The newest piece first: when the server gives up on the way, the part that is kept is the one that matters.
        var pieces = new List<IReadOnlyList<DemandSample>>();
        string? problem = null;
        var end = DemandGrid.Floor(to, interval);
        var start = DemandGrid.Ceiling(from, interval);
        start = end - start > interval * _limits.HistoryPoints ? end - (interval * _limits.HistoryPoints) : start;
        while (end > start && problem is null)
        {
            var piece = end - start > interval * _limits.PointsPerQuery ? end - (interval * _limits.PointsPerQuery) : start;
            (var samples, problem) = await AskRangeAsync(spec, piece, end, interval, cancellationToken).ConfigureAwait(false);
            pieces.Add(samples);
            end = piece;
        }

        pieces.Reverse();
        return new([.. pieces.SelectMany(piece => piece)], problem);
    }

    public void Forget(ScalerKey key)
    {
        // Each reading stands for itself.
    }

    public void Dispose()
    {
        _http.Dispose();
        _turns.Dispose();
    }

    private static string? Objection(PrometheusSpec spec)
    {
        if (string.IsNullOrWhiteSpace(spec.Url) || string.IsNullOrWhiteSpace(spec.Query))
        {
            return $"spec.demand.prometheus.{(string.IsNullOrWhiteSpace(spec.Url) ? "url" : "query")} is missing";
        }

        if (!Uri.TryCreate(spec.Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            return $"spec.demand.prometheus.url \"{spec.Url}\" is not an address such as http://prometheus.monitoring:9090";
        }

        return url.UserInfo.Length > 0 ? "spec.demand.prometheus.url holds a user name, and signing in to Prometheus is not supported" : null;
    }

    private static CapacityObservation? Observe(DemandTarget target, double demand, double refused, double latency)
    {
        var serving = target.Pods.Count(pod => pod.Serves);
        return serving == 0 || demand <= 0 || refused is not (>= 0 and <= 1) ? null : new(demand * (1 - refused) / serving, latency, double.NaN, refused);
    }

    /// <summary>One number now; NaN with a problem, or without one where the query was not asked or has no answer yet.</summary>
    private async Task<(double Value, string? Problem)> AskAsync(PrometheusSpec spec, string? query, TimeSpan interval, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(query))
        {
            return (double.NaN, null);
        }

        var (answer, failure) = await SendAsync(spec, "query", [new("query", query)], spec.Timeout ?? _limits.Timeout, cancellationToken).ConfigureAwait(false);
        if (answer is null)
        {
            return (double.NaN, Sentence(spec, query, failure!));
        }

        if (answer.Series.Count > 1)
        {
            return (double.NaN, Sentence(spec, query, string.Create(CultureInfo.InvariantCulture, $"answered {answer.Series.Count} series where one number is needed, as from sum(…)")));
        }

        if (answer.Kind is not ("vector" or "scalar"))
        {
            return (double.NaN, Sentence(spec, query, $"answered a {answer.Kind} where one number is needed"));
        }

        // Only demand must have an answer: latency and refusals have none while nobody asks for anything.
        var isDemand = query == spec.Query;
        if (answer.Series.Count == 0)
        {
            return (double.NaN, isDemand ? Sentence(spec, query, "found no series") : null);
        }

        var (at, value) = answer.Series[0][0];
        var age = (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds - at;
        if (Math.Abs(age) > (interval * MaxAgeIntervals).TotalSeconds)
        {
            return (double.NaN, Sentence(spec, query, string.Create(CultureInfo.InvariantCulture, $"answered with a sample that is {Math.Abs(age):0} s {(age > 0 ? "old" : "ahead of this clock")}")));
        }

        var warning = answer.Warnings.Count > 0 ? Sentence(spec, query, "warned that " + Cut(answer.Warnings[0])) : null;
        return (value, double.IsNaN(value) && isDemand ? Sentence(spec, query, "answered NaN") : warning);
    }

    /// <summary>Demand of the intervals that start from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    private async Task<(IReadOnlyList<DemandSample> Samples, string? Problem)> AskRangeAsync(
        PrometheusSpec spec, DateTimeOffset start, DateTimeOffset end, TimeSpan interval, CancellationToken cancellationToken)
    {
        // A rate evaluated at the end of an interval looks back over it.
        KeyValuePair<string, string>[] fields =
        [
            new("query", spec.Query!), new("start", Unix(start + interval)), new("end", Unix(end)),
            new("step", interval.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)),
        ];
        var timeout = spec.Timeout is { } given && given > _limits.HistoryTimeout ? given : _limits.HistoryTimeout;
        var (answer, failure) = await SendAsync(spec, "query_range", fields, timeout, cancellationToken).ConfigureAwait(false);
        if (answer is null || answer.Kind != "matrix" || answer.Series.Count > 1)
        {
            failure ??= answer!.Kind != "matrix" ? $"answered a {answer.Kind} where a matrix is needed"
                : string.Create(CultureInfo.InvariantCulture, $"answered {answer.Series.Count} series where one is needed, as from sum(…)");
            return ([], Sentence(spec, spec.Query!, $"{failure}, asked for the time from {start:u} to {end:u}"));
        }

        var samples = answer.Series.Count == 0 ? [] : answer.Series[0]
            .Where(point => double.IsFinite(point.Value) && point.Value >= 0)
            .Select(point => new DemandSample(DemandGrid.Nearest(DateTimeOffset.FromUnixTimeMilliseconds((long)Math.Round(point.UnixSeconds * 1000)), interval) - interval, point.Value))
            .Where(sample => sample.At >= start && sample.At < end)
            .DistinctBy(sample => sample.At)
            .ToList();
        return (samples, answer.Warnings.Count > 0 ? Sentence(spec, spec.Query!, "warned that " + Cut(answer.Warnings[0])) : null);
    }

    private async Task<(PrometheusAnswer? Answer, string? Failure)> SendAsync(
        PrometheusSpec spec, string operation, KeyValuePair<string, string>[] fields, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var waited = _clock.GetTimestamp();
        if (!await _turns.WaitAsync(timeout, cancellationToken).ConfigureAwait(false))
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"was not asked: earlier queries took all of {timeout.TotalSeconds:0.###} s"));
        }

        try
        {
            // One deadline for waiting and asking: a server that hangs must not hold up every scaler after the other.
            var left = timeout - _clock.GetElapsedTime(waited);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{spec.Url!.TrimEnd('/')}/api/v1/{operation}") { Content = new FormUrlEncodedContent(fields) };
            var answer = await HttpAnswers.FetchAsync(_http, request, left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1), _clock, cancellationToken).ConfigureAwait(false);
            if (answer.Failure is not null)
            {
                return (null, answer.Failure);
            }

            var parsed = PrometheusAnswer.Parse(answer.Body);
            return parsed switch
            {
                { Error: { } error } => (null, $"answered {answer.StatusText}, {Cut(error)}"),
                not null when answer.Status == HttpStatusCode.OK => (parsed, null),
                _ when (int)answer.Status is >= 300 and < 400 => (null, $"answered {answer.StatusText}, a redirect, which is not followed"),
                _ when answer.Status != HttpStatusCode.OK => (null, $"answered {answer.StatusText}"),
                _ => (null, $"answered with {answer.MediaType ?? "something"} that is not Prometheus's JSON"),
            };
        }
        finally
        {
            _turns.Release();
        }
    }

    private static string Sentence(PrometheusSpec spec, string query, string what) => $"Prometheus at {spec.Url} {what} (query {Cut(query.ReplaceLineEndings(" "))})";

    private static string Cut(string text)
    {
        const int Length = 200;
        return text.Length > Length ? text[..Length] + "…" : text;
    }

    private static string Unix(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
