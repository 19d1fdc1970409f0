using System.Collections.Concurrent;
using k8s.Models;
using Resilience.ClusterAccess.Informers;

namespace Resilience.ScalingAgent.Cluster;

/// <summary>
/// How long pods took from creation to their first Ready, as seen on the wall clock. Kubernetes stamps both with whole seconds,
/// so only pods that were watched from their creation on are timed. Pods that waited for room in the cluster are not: their wait
/// says nothing about how fast a replica starts.
/// </summary>
internal sealed class StartUpTimes(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, Entry> _entries = new();

    /// <summary>Takes note of a change of a pod.</summary>
    /// <param name="listed">It came with a list: when it happened is not known.</param>
    public void Note(InformerEvent<V1Pod> change, bool listed)
    {
        var pod = change.Item;
        if (change.Kind == InformerEventKind.Deleted)
        {
            _entries.TryRemove(pod.Metadata.Uid, out _);
            return;
        }

        var now = clock.GetUtcNow();
        var isReady = PodFacts.IsReady(pod);
        if (!_entries.TryGetValue(pod.Metadata.Uid, out var known))
        {
            known = new Entry(listed || isReady ? null : now, Waited: false, ReadyAfter: null, isReady);
        }

        var readyAfter = known.ReadyAfter ?? (isReady && !known.WasReady && known.Created is { } created && !known.Waited ? now - created : null);
        _entries[pod.Metadata.Uid] = new(known.Created, known.Waited || PodFacts.WaitsForRoom(pod), readyAfter, known.WasReady || isReady);
    }

    /// <returns>Null when the pod's start was not seen whole, is not over, or had to wait for room.</returns>
    public TimeSpan? Of(string uid) => _entries.TryGetValue(uid, out var entry) ? entry.ReadyAfter : null;

    private sealed record Entry(DateTimeOffset? Created, bool Waited, TimeSpan? ReadyAfter, bool WasReady);
}

/// <summary>What a pod's status says.</summary>
internal static class PodFacts
{
    public static bool IsReady(V1Pod pod) => pod.Status?.Phase is null or "Running" && Condition(pod, "Ready")?.Status == "True";

    /// <summary>No node has room for it.</summary>
    public static bool WaitsForRoom(V1Pod pod) => Condition(pod, "PodScheduled") is { Status: "False", Reason: "Unschedulable" };

    public static bool IsEnding(V1Pod pod) => pod.Metadata.DeletionTimestamp is not null;

    /// <summary>Finished pods (evicted, completed) linger in the list; they neither serve nor cost.</summary>
    public static bool IsOver(V1Pod pod) => pod.Status?.Phase is "Failed" or "Succeeded";

    private static V1PodCondition? Condition(V1Pod pod, string type) => pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == type);
}
