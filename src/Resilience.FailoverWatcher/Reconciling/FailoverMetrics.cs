using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Reconciling;

/// <summary>Instruments of the watcher; docs/metrics.md lists them.</summary>
internal sealed class FailoverMetrics : IDisposable
{
    public const string MeterName = "Resilience.FailoverWatcher";

    private static readonly InstrumentAdvice<double> Milliseconds = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] };

    private readonly Counter<long> _switches;
    private readonly Counter<long> _decisions;
    private readonly Counter<long> _conflicts;
    private readonly Histogram<double> _detect;
    private readonly Histogram<double> _decide;
    private readonly Histogram<double> _patch;
    private readonly Histogram<double> _reconcile;
    private readonly Counter<long> _probes;
    private readonly ConcurrentDictionary<BlueGreenKey, FailoverStatus> _latest = new();

    /// <param name="factory">Owns the meter.</param>
    /// <param name="name">Of the meter and of the source of spans.</param>
    public FailoverMetrics(IMeterFactory factory, string name = MeterName)
    {
        Source = new(name);
        var meter = factory.Create(name);
        _switches = meter.CreateCounter<long>("resilience.failover.switches", "{switch}", "Moves of traffic between slots.");
        _decisions = meter.CreateCounter<long>("resilience.failover.decisions", "{decision}", "Announced decisions, by reason.");
        _conflicts = meter.CreateCounter<long>("resilience.failover.conflicts", "{conflict}", "Decisions thrown away because the cluster had moved on (HTTP 409).");
        _detect = meter.CreateHistogram("resilience.failover.detect.duration", "s", "First sign of trouble to complete evidence.", advice: Milliseconds);
        _decide = meter.CreateHistogram("resilience.failover.decide.duration", "s", "Complete evidence to decision.", advice: Milliseconds);
        _patch = meter.CreateHistogram("resilience.failover.patch.duration", "s", "Decision to the API server's confirmation.", advice: Milliseconds);
        _reconcile = meter.CreateHistogram("resilience.failover.reconcile.duration", "s", "Wall time of one reconcile.", advice: Milliseconds);
        _probes = meter.CreateCounter<long>("resilience.failover.probes", "{probe}", "Probes of pods, by outcome.");
        meter.CreateObservableGauge("resilience.failover.active", ObserveActive, "1", "1 for the slot that has the traffic, 0 for the other.");
        meter.CreateObservableGauge("resilience.failover.serving.pods", ObserveServing, "{pod}", "Pods of a slot that can serve.");
    }

    /// <summary>One span per committed decision.</summary>
    public ActivitySource Source { get; }

    public void Dispose() => Source.Dispose();

    public void Moved(SwitchTiming timing)
    {
        var kind = new KeyValuePair<string, object?>("kind", Lower(timing.Switch.Kind));
        _switches.Add(1, kind, new("to", timing.Switch.To.Name()));
        Record(_detect, timing.DetectMilliseconds, kind);
        Record(_decide, timing.DecideMilliseconds, kind);
        Record(_patch, timing.PatchMilliseconds, kind);
    }

    public void Decided(FailoverDecision decision) => _decisions.Add(1, new KeyValuePair<string, object?>("reason", decision.Reason.ToString()));

    public void Conflicted() => _conflicts.Add(1);

    public void Probed(string outcome) => _probes.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public void Reconciled(TimeSpan duration, string? errorType)
    {
        var tags = new TagList();
        if (errorType is not null)
        {
            tags.Add("error.type", errorType);
        }
        _reconcile.Record(duration.TotalSeconds, tags);
    }

    public void Observed(BlueGreenKey key, FailoverStatus status) => _latest[key] = status;

    public void Forgot(BlueGreenKey key) => _latest.TryRemove(key, out _);

    public void ForgetAll() => _latest.Clear();

    private IEnumerable<Measurement<int>> ObserveActive()
    {
        foreach (var (key, status) in _latest)
        {
            yield return new(status.Active == Slot.Blue ? 1 : 0, Tags(key, Slot.Blue));
            yield return new(status.Active == Slot.Green ? 1 : 0, Tags(key, Slot.Green));
        }
    }

    private IEnumerable<Measurement<int>> ObserveServing()
    {
        foreach (var (key, status) in _latest)
        {
            yield return new(status.Blue.Ready, Tags(key, Slot.Blue));
            yield return new(status.Green.Ready, Tags(key, Slot.Green));
        }
    }

    private static KeyValuePair<string, object?>[] Tags(BlueGreenKey key, Slot slot) =>
        [new("namespace", key.Namespace), new("bluegreen", key.Name), new("slot", slot.Name())];

    private static void Record(Histogram<double> histogram, double? milliseconds, KeyValuePair<string, object?> tag)
    {
        if (milliseconds is { } value)
        {
            histogram.Record(value / 1000, tag);
        }
    }

    public static string Lower(SwitchKind kind) => kind switch
    {
        SwitchKind.Rescue => "rescue",
        SwitchKind.Optional => "optional",
        SwitchKind.Switchover => "switchover",
        SwitchKind.Failback => "failback",
        _ => "external",
    };
}
