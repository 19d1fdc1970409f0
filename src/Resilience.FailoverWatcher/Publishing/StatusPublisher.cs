using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Events;
using Resilience.ClusterAccess.Queues;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Publishing;

/// <summary>
/// Writes status and Events behind the decisions: <see cref="Publish"/> only notes what is to be written. Each status is
/// written at most once per <see cref="WatcherOptions.StatusInterval"/>, the first change almost at once.
/// </summary>
internal sealed partial class StatusPublisher(
    ClusterApi api, WatcherInformers informers, EventRecorder events, LeaseElection election, IOptions<WatcherOptions> options, TimeProvider clock,
    ILogger<StatusPublisher> logger) : IDisposable
{
    /// <summary>A move and what follows from it within a moment become one write.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(30);

    private const int MaxUnwrittenMoves = 20;

    private readonly ConcurrentDictionary<BlueGreenKey, Entry> _entries = new();
    private readonly PacedWrites<BlueGreenKey> _writes = new(clock, options.Value.StatusInterval, Settle);

    public void Publish(BlueGreenKey key, FailoverStatus status, IReadOnlyList<FailoverDecision> decisions)
    {
        Record(key, decisions);
        var entry = _entries.GetOrAdd(key, _ => new());
        lock (entry)
        {
            if (status == entry.Latest)
            {
                return;
            }
            if (status.LastSwitch is { } move)
            {
                entry.Moves.RemoveAll(known => known.Switch == move.Switch);
                entry.Moves.Insert(0, move);
                entry.Moves.RemoveRange(Math.Min(MaxUnwrittenMoves, entry.Moves.Count), Math.Max(0, entry.Moves.Count - MaxUnwrittenMoves));
            }
            entry.Latest = status;
            _writes.Note(key);
        }
    }

    /// <summary>Writes until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) =>
        _writes.RunAsync(WriteAsync, (key, error, delay) => LogNotWritten(logger, key, error, delay.TotalSeconds), cancellationToken);

    /// <summary>Forgets what was published, so that a new leader writes everything once.</summary>
    public void Reset()
    {
        _entries.Clear();
        _writes.Reset();
    }

    public void Dispose() => _writes.Dispose();

    private void Record(BlueGreenKey key, IReadOnlyList<FailoverDecision> decisions)
    {
        if (decisions.Count == 0 || informers.BlueGreens.Get(key.Namespace, key.Name) is not { } blueGreen)
        {
            return;
        }
        var service = informers.Services.Get(key.Namespace, blueGreen.Spec.Service);
        foreach (var decision in decisions)
        {
            var severity = decision.IsWarning ? EventSeverity.Warning : EventSeverity.Normal;
            var (reason, action) = (decision.Reason.ToString(), "Failover");
            events.Record(ResourceTypes.BlueGreens, blueGreen, severity, reason, action, decision.Message);
            if (service is not null && decision.Reason is DecisionReason.TrafficMoved or DecisionReason.FailBack or DecisionReason.ExternalChange or DecisionReason.SelectorUnknown)
            {
                events.Record(ResourceTypes.Services, service!, severity, reason, action, decision.Message);
            }
        }
    }

    private async Task WriteAsync(BlueGreenKey key, CancellationToken cancellationToken)
    {
        if (informers.BlueGreens.Get(key.Namespace, key.Name) is not { } blueGreen)
        {
            _ = _entries.TryRemove(key, out _);
            _writes.Forget(key);
            return;
        }
        if (!_entries.TryGetValue(key, out var entry))
        {
            return;
        }
        FailoverStatus? status;
        List<SwitchTiming> moves;
        lock (entry)
        {
            status = entry.Latest;
            moves = [.. entry.Moves];
        }
        if (status is null || !election.IsLeader)
        {
            // What a former leader has left to say is older than what its successor has said.
            return;
        }
        var body = StatusProjection.BlueGreen(blueGreen, status, moves, clock.GetUtcNow());
        await api.PatchAsync(ResourceTypes.BlueGreens, key.Namespace, key.Name, ResourcePatch.Merge(body), cancellationToken,
            FieldManagers.FailoverWatcher, "status").ConfigureAwait(false);
        await WriteSwitchoverAsync(key, status.Switchover, cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteSwitchoverAsync(BlueGreenKey key, SwitchoverProgress? progress, CancellationToken cancellationToken)
    {
        if (progress is null || informers.Switchovers.Get(key.Namespace, progress.Name) is not { } switchover || switchover.Metadata.Uid != progress.Uid
            || switchover.Status?.Phase == progress.Phase.ToString() || SwitchoverStatus.FinalPhases.Contains(switchover.Status?.Phase ?? ""))
        {
            return;
        }
        var body = StatusProjection.Switchover(switchover, progress);
        // Conditional: a final status that is written over would bring the Switchover back to life.
        var patch = ResourcePatch.MergeIf(switchover.Metadata.ResourceVersion, body);
        await api.PatchAsync(ResourceTypes.Switchovers, key.Namespace, progress.Name, patch, cancellationToken,
            FieldManagers.FailoverWatcher, "status").ConfigureAwait(false);
    }

    [LoggerMessage(EventId = 1201, EventName = "StatusNotWritten", Level = LogLevel.Warning, Message = "{BlueGreen}: status not written, again in {DelaySeconds:0.###} s: {Error}")]
    private static partial void LogNotWritten(ILogger logger, BlueGreenKey blueGreen, string error, double delaySeconds);

    private sealed class Entry
    {
        public FailoverStatus? Latest { get; set; }

        public List<SwitchTiming> Moves { get; } = [];
    }
}
