using System.Diagnostics.Metrics;

namespace Resilience.ClusterAccess.Queues;

/// <summary>Instruments of one named queue.</summary>
public sealed class WorkQueueMetrics
{
    public const string MeterName = "Resilience.ClusterAccess.Queues";

    private readonly Meter _meter;
    private readonly KeyValuePair<string, object?> _queue;
    private readonly Counter<long> _adds;
    private readonly Counter<long> _retries;
    private readonly Histogram<double> _wait;

    public WorkQueueMetrics(IMeterFactory factory, string queue)
    {
        _meter = factory.Create(MeterName);
        _queue = new("resilience.queue", queue);
        _adds = _meter.CreateCounter<long>("resilience.workqueue.adds", "{key}", "Keys added; a key already waiting is not counted again.");
        _retries = _meter.CreateCounter<long>("resilience.workqueue.retries", "{key}", "Keys put back after a failure.");
        _wait = _meter.CreateHistogram(
            "resilience.workqueue.wait.duration", "s", "Time from a key's addition until a worker took it.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1, 5] });
    }

    internal void Observe(Func<int> depth) =>
        _ = _meter.CreateObservableGauge("resilience.workqueue.depth", () => new Measurement<int>(depth(), _queue), "{key}", "Keys ready and not yet taken.");

    internal void Added() => _adds.Add(1, _queue);

    internal void Retried() => _retries.Add(1, _queue);

    internal void Taken(TimeSpan waited) => _wait.Record(waited.TotalSeconds, _queue);
}
