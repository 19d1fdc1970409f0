using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Events;
using Resilience.ClusterAccess.Queues;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Cluster;

namespace Resilience.ScalingAgent.Publishing;

/// <summary>
/// Writes status and Events behind the decisions: <see cref="Publish"/> only notes what is to be written. Each status is
/// written at most once per <see cref="AgentOptions.StatusInterval"/>.
/// </summary>
internal sealed partial class StatusPublisher(
    ClusterApi api, AgentInformers informers, EventRecorder events, LeaseElection election, IOptions<AgentOptions> options, TimeProvider clock,
    ILogger<StatusPublisher> logger) : IDisposable
{
    private readonly ConcurrentDictionary<ScalerKey, Entry> _entries = new();
    private readonly PacedWrites<ScalerKey> _writes = new(clock, options.Value.StatusInterval, TimeSpan.Zero);

    /// <summary>Takes a status; conditions that have changed become Events.</summary>
    /// <param name="news">A sentence worth an Event of its own, such as a changed floor; null without.</param>
    public void Publish(ScalerKey key, ScalerStatus status, string? news = null)
    {
        if (informers.Scalers.Get(key.Namespace, key.Name) is not { } scaler)
        {
            return;
        }
        var entry = _entries.GetOrAdd(key, _ => new());
        lock (entry)
        {
            Announce(scaler, entry.Latest?.Conditions ?? Published(scaler), status.Conditions);
            if (news is not null)
            {
                events.Record(ResourceTypes.PredictiveAutoscalers, scaler, EventSeverity.Normal, "FloorChanged", "Scaling", news);
            }
            entry.Latest = status;
            _writes.Note(key);
        }
    }

    public void Forget(ScalerKey key)
    {
        _ = _entries.TryRemove(key, out _);
        _writes.Forget(key);
    }

    /// <summary>Forgets what was published, so that a new leader writes everything once.</summary>
    public void Reset()
    {
        _entries.Clear();
        _writes.Reset();
    }

    /// <summary>Writes until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) =>
        _writes.RunAsync(WriteAsync, (key, error, delay) => LogNotWritten(logger, key, error, delay.TotalSeconds), cancellationToken);

    public void Dispose() => _writes.Dispose();

    private async Task WriteAsync(ScalerKey key, CancellationToken cancellationToken)
    {
        if (!_entries.TryGetValue(key, out var entry) || informers.Scalers.Get(key.Namespace, key.Name) is not { } scaler)
        {
            return;
        }
        ScalerStatus? status;
        lock (entry)
        {
            status = entry.Latest;
        }
        if (status is null || !election.IsLeader)
        {
            // What a former leader has left to say is older than what its successor has said.
            return;
        }
        try
        {
            await api.PatchAsync(ResourceTypes.PredictiveAutoscalers, key.Namespace, key.Name, ResourcePatch.Merge(StatusProjection.Body(scaler, status, clock.GetUtcNow())),
                cancellationToken, FieldManagers.ScalingAgent, "status").ConfigureAwait(false);
        }
        catch (ClusterException gone) when (gone.IsNotFound)
        {
            // Deleted in between: there is nobody left to tell.
        }
    }

    /// <summary>A condition that stays as it is is no news, nor is one that is well from the start.</summary>
    private void Announce(PredictiveAutoscaler scaler, IReadOnlyList<ScalerCondition> before, IReadOnlyList<ScalerCondition> now)
    {
        foreach (var condition in now)
        {
            var known = before.FirstOrDefault(other => other.Type == condition.Type);
            if (known is null ? condition.IsTrue : known.IsTrue == condition.IsTrue && (condition.IsTrue || known.Reason == condition.Reason))
            {
                continue;
            }
            var severity = condition is { IsTrue: false, IsNews: true } ? EventSeverity.Warning : EventSeverity.Normal;
            var message = condition.Message.Length > 0 ? condition.Message : $"{condition.Type} is well again.";
            events.Record(ResourceTypes.PredictiveAutoscalers, scaler, severity, condition.IsTrue ? condition.Type : condition.Reason, "Scaling", message);
            LogCondition(logger, severity == EventSeverity.Warning ? LogLevel.Warning : LogLevel.Information,
                scaler.Metadata.NamespaceProperty, scaler.Metadata.Name, condition.Type, condition.IsTrue, condition.Reason, message);
        }
    }

    /// <summary>What an earlier process said, so that a restart does not say it again.</summary>
    private static List<ScalerCondition> Published(PredictiveAutoscaler scaler) =>
        [.. (scaler.Status?.Conditions ?? []).Select(known => new ScalerCondition(known.Type, known.Status == "True", known.Reason, known.Message))];

    [LoggerMessage(EventId = 1501, EventName = "StatusNotWritten", Level = LogLevel.Warning, Message = "{Scaler}: status not written, again in {DelaySeconds:0.###} s: {Error}")]
    private static partial void LogNotWritten(ILogger logger, ScalerKey scaler, string error, double delaySeconds);

    [LoggerMessage(EventId = 1502, EventName = "ConditionChanged", Message = "{Namespace}/{Scaler}: {Condition} is {IsTrue} ({Reason}): {Sentence}")]
    private static partial void LogCondition(
        ILogger logger, LogLevel level, string @namespace, string scaler, string condition, bool isTrue, string reason, string sentence);

    private sealed class Entry
    {
        public ScalerStatus? Latest { get; set; }
    }
}
