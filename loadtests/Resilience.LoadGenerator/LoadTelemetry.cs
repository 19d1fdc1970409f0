using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Resilience.LoadGenerator;

/// <summary>
/// What a run tells OpenTelemetry: metrics of all requests and a client span for a few of them, whose <c>traceparent</c> the server's spans
/// continue. Nothing is measured or sent unless somebody listens.
/// </summary>
public static class LoadTelemetry
{
    /// <summary>Name of the meter and of the source of spans.</summary>
    public const string Name = "Resilience.LoadGenerator";

    internal static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> Requests = Meter.CreateCounter<long>(
        "resilience.load.requests", "{request}", "Requests that ended, by outcome and by the slot that answered.");

    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>(
        "resilience.load.duration", "s", "Intended send time to the last byte of a good answer.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5] });

    internal static void Ended(Outcome outcome, string? slot, TimeSpan latency)
    {
        if (Requests.Enabled)
        {
            Requests.Add(1, new("resilience.outcome", outcome.ToString()), new("resilience.slot", slot ?? "none"));
        }

        if (outcome == Outcome.Ok && Duration.Enabled)
        {
            Duration.Record(latency.TotalSeconds, new KeyValuePair<string, object?>("resilience.slot", slot ?? "none"));
        }
    }

    /// <summary>The span of one request, a trace of its own; null when nobody listens.</summary>
    internal static Activity? Start(HttpTarget target) => Source.CreateActivity("GET", ActivityKind.Client, parentContext: default)
        ?.SetTag("http.request.method", "GET").SetTag("url.full", target.Url.ToString())
        .SetTag("server.address", target.Url.Host).SetTag("server.port", target.Url.Port).Start();

    internal static void End(Activity span, Outcome? outcome, Answer answer)
    {
        if (answer.Status > 0)
        {
            _ = span.SetTag("http.response.status_code", answer.Status).SetTag("resilience.slot", answer.Slot);
        }

        if (outcome is not (Outcome.Ok or null))
        {
            _ = span.SetTag("error.type", outcome == Outcome.HttpError ? answer.Status.ToString(System.Globalization.CultureInfo.InvariantCulture) : outcome.ToString())
                .SetStatus(ActivityStatusCode.Error);
        }

        span.Stop();
    }
}

/// <summary>Which requests of a run are traced: one of each period, so that the cost does not grow with the load.</summary>
internal sealed class TraceSampler(double perSecond)
{
    private readonly TimeSpan _period = perSecond > 0 ? TimeSpan.FromSeconds(1 / perSecond) : Timeout.InfiniteTimeSpan;
    private TimeSpan _next = TimeSpan.Zero;
    private TimeSpan _last = TimeSpan.MinValue;
    private bool? _traced;

    /// <param name="due">Intended send time; never earlier than that of the call before.</param>
    /// <param name="ownConnection">The request opens a connection of its own.</param>
    public bool IsDue(TimeSpan due, bool ownConnection)
    {
        var hasSecond = _last >= TimeSpan.Zero && due - _last <= _period / 2;
        _last = due;
        if (_period < TimeSpan.Zero || due < _next)
        {
            return false;
        }

        // New and kept connections take turns, as far as the first half of the period has one of the other kind: the first request of each
        // period would often be on a kept connection for ever, and those stay with the slot that traffic has left.
        var period = Math.Floor(due / _period);
        if (ownConnection == _traced && hasSecond && due < _period * (period + 0.5))
        {
            return false;
        }

        _traced = ownConnection;
        // Counted from the schedule and not from this request: a rate below the sampler's keeps its rhythm.
        _next = _period * (period + 1);
        return true;
    }
}
