using System.Collections.Concurrent;
using k8s.Models;
using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Cluster;

/// <summary>
/// What pods were before. Kubernetes stamps conditions with whole seconds and keeps no history, so changes that this
/// process sees are timed here; for a pod met for the first time the conditions have to do.
/// </summary>
internal sealed class PodHistory(TimeProvider clock)
{
    /// <summary>A pod whose Ready condition turned False this much after its start must have been Ready in between: until then it stays at its first value.</summary>
    private static readonly TimeSpan NotTheFirstValue = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Entry> _entries = new();

    /// <summary>Takes note of a pod. True when something has changed that a decision could depend on.</summary>
    public bool Note(V1Pod pod)
    {
        var now = clock.GetUtcNow();
        var isReady = IsReady(pod);
        var seen = new Entry(isReady, now, LostReadiness: false, pod.Metadata.DeletionTimestamp is not null, pod.Status?.PodIP);
        if (!_entries.TryGetValue(pod.Metadata.Uid, out var before))
        {
            _entries[pod.Metadata.Uid] = seen with { Since = FirstSince(pod, now), LostReadiness = HasLostReadiness(pod, isReady) };
            return true;
        }
        seen = seen with
        {
            Since = before.IsReady == isReady ? before.Since : now,
            LostReadiness = before.LostReadiness || (before.IsReady && !isReady),
        };
        _entries[pod.Metadata.Uid] = seen;
        return seen != before;
    }

    public void Forget(V1Pod pod) => _entries.TryRemove(pod.Metadata.Uid, out _);

    /// <summary>The facts about a pod, as of the last <see cref="Note"/>.</summary>
    public PodFacts Facts(V1Pod pod)
    {
        if (!_entries.ContainsKey(pod.Metadata.Uid))
        {
            _ = Note(pod);
        }
        var entry = _entries.GetValueOrDefault(pod.Metadata.Uid);
        return new(pod.Metadata.Name, IsReady(pod), entry.Since)
        {
            Terminating = pod.Metadata.DeletionTimestamp is not null, LostReadiness = entry.LostReadiness,
        };
    }

    public static bool IsReady(V1Pod pod) =>
        pod.Status?.Phase is null or "Running" && ReadyCondition(pod)?.Status == "True";

    private static V1PodCondition? ReadyCondition(V1Pod pod) => pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "Ready");

    private static DateTimeOffset FirstSince(V1Pod pod, DateTimeOffset now)
    {
        var since = ReadyCondition(pod)?.LastTransitionTime ?? pod.Metadata.CreationTimestamp;
        return since is { } time && Utc(time) < now ? Utc(time) : now;
    }

    private static bool HasLostReadiness(V1Pod pod, bool isReady)
    {
        if (pod.Status?.ContainerStatuses?.Any(container => container.RestartCount > 0) == true)
        {
            return true;
        }
        return !isReady && ReadyCondition(pod)?.LastTransitionTime is { } turned && pod.Status?.StartTime is { } started
            && Utc(turned) - Utc(started) >= NotTheFirstValue;
    }

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    private readonly record struct Entry(bool IsReady, DateTimeOffset Since, bool LostReadiness, bool IsTerminating, string? Address);
}
