using System.Text.Json;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests;

/// <summary>The store's promises in memory: it outlives the agents of a test, as a volume outlives pods.</summary>
internal sealed class FakeStore : IAgentStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ScalerKey, SortedDictionary<DateTimeOffset, double>> _demand = [];
    private readonly Dictionary<(ScalerKey, string), JsonElement> _learned = [];
    private readonly List<LedgerEntry> _entries = [];

    public string? Problem { get; set; }

    public event Action<LearnedReset>? WasReset;

    public IReadOnlyList<DemandSample> ReadDemand(ScalerKey scaler, DateTimeOffset since)
    {
        lock (_gate)
        {
            return _demand.TryGetValue(scaler, out var known) ? [.. known.Where(pair => pair.Key >= since).Select(pair => new DemandSample(pair.Key, pair.Value))] : [];
        }
    }

    public void AppendDemand(ScalerKey scaler, IReadOnlyList<DemandSample> samples)
    {
        lock (_gate)
        {
            if (!_demand.TryGetValue(scaler, out var known))
            {
                _demand[scaler] = known = [];
            }
            foreach (var sample in samples)
            {
                known.TryAdd(sample.At, sample.Demand);
            }
        }
    }

    public LedgerEntry? Append(ScalerKey scaler, DateTimeOffset at, string kind, long? refers, JsonElement body)
    {
        lock (_gate)
        {
            var entry = new LedgerEntry(_entries.Count + 1, at, scaler, kind, refers, body.Clone(), "");
            _entries.Add(entry);
            return entry;
        }
    }

    public JsonElement? ReadLearned(ScalerKey scaler, string name)
    {
        lock (_gate)
        {
            return _learned.TryGetValue((scaler, name), out var value) ? value : null;
        }
    }

    public void WriteLearned(ScalerKey scaler, string name, DateTimeOffset at, JsonElement value)
    {
        lock (_gate)
        {
            _learned[(scaler, name)] = value.Clone();
        }
    }

    public void Reset(ScalerKey scaler)
    {
        lock (_gate)
        {
            _demand.Remove(scaler);
            foreach (var key in _learned.Keys.Where(key => key.Item1 == scaler).ToList())
            {
                _learned.Remove(key);
            }
        }
        WasReset?.Invoke(new(scaler, WithDemand: true));
    }

    public IReadOnlyList<DecisionRecord> Decisions(ScalerKey scaler) => [.. Entries(scaler, EntryKind.Decision).Select(entry => DecisionRecord.From(entry.Body))];

    public IReadOnlyList<OutcomeRecord> Outcomes(ScalerKey scaler) => [.. Entries(scaler, EntryKind.Outcome).Select(entry => OutcomeRecord.From(entry.Body))];

    public IReadOnlyList<NoticeRecord> Notices(ScalerKey scaler) => [.. Entries(scaler, EntryKind.Notice).Select(entry => NoticeRecord.From(entry.Body))];

    public IReadOnlyList<LedgerEntry> Entries(ScalerKey scaler, string kind)
    {
        lock (_gate)
        {
            return [.. _entries.Where(entry => entry.Scaler == scaler && entry.Kind == kind)];
        }
    }
}

/// <summary>Demand as a function of the interval's start; NaN: missing.</summary>
internal sealed class FakeSource(TimeProvider planning) : IDemandSource
{
    public Func<ScalerKey, DateTimeOffset, double> Demand { get; set; } = (_, _) => double.NaN;

    public Func<ScalerKey, DateTimeOffset, DemandHistory> History { get; set; } = (_, _) => DemandHistory.None;

    /// <summary>What one serving replica is seen to do; null: not measured.</summary>
    public CapacityObservation? Observation { get; set; }

    /// <summary>Pods that were asked about last, by scaler.</summary>
    public Dictionary<ScalerKey, IReadOnlyList<PodEndpoint>> Pods { get; } = [];

    /// <summary>Held while set: a reading does not return.</summary>
    public TaskCompletionSource? Hold { get; set; }

    public async ValueTask<DemandReading> ReadAsync(DemandTarget target, CancellationToken cancellationToken)
    {
        lock (Pods)
        {
            Pods[target.Key] = target.Pods;
        }
        if (Hold is { } hold)
        {
            await hold.Task.WaitAsync(cancellationToken);
        }
        var interval = target.Spec.Interval!.Value;
        var demand = Demand(target.Key, DemandGrid.Floor(planning.GetUtcNow(), interval) - interval);
        return double.IsNaN(demand) ? DemandReading.Missing("nothing answers") : new(demand, Observation, null);
    }

    public ValueTask<DemandHistory> ReadHistoryAsync(DemandTarget target, DateTimeOffset from, DateTimeOffset to, TimeSpan interval, CancellationToken cancellationToken) =>
        new(History(target.Key, to));

    public void Forget(ScalerKey key)
    {
    }
}
