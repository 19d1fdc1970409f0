using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Reconciling;

/// <summary>Names one BlueGreen.</summary>
internal readonly record struct BlueGreenKey(string Namespace, string Name)
{
    public override string ToString() => $"{Namespace}/{Name}";
}

/// <summary>Where a snapshot comes from.</summary>
internal enum ReadFrom
{
    /// <summary>The informers' caches: no request, possibly some milliseconds old. The resourceVersion guards against acting on it wrongly.</summary>
    Cache,

    /// <summary>The API server; asked after a conflict has shown the cache to be old.</summary>
    Server,
}

/// <summary>Everything the cluster is asked for and told by the reconciler. One implementation talks to Kubernetes, one is simulated.</summary>
internal interface IFailoverCluster
{
    /// <summary>Reads one BlueGreen, its Service and its slots. Null when the BlueGreen or its Service does not exist (an event brings the key back).</summary>
    ValueTask<FailoverSnapshot?> ReadAsync(BlueGreenKey key, ReadFrom from, CancellationToken cancellationToken);

    /// <summary>Moves the selector (unless <paramref name="routeTo"/> is null) and saves the state, in one patch.</summary>
    /// <param name="key">The BlueGreen.</param>
    /// <param name="resourceVersion">The Service's version that was decided upon.</param>
    /// <param name="state">Replaces the saved state.</param>
    /// <param name="routeTo">Absolute target.</param>
    /// <param name="cancellationToken">Stops waiting; the patch may still be carried out.</param>
    /// <exception cref="StaleSnapshotException">The Service has changed since; nothing was written.</exception>
    Task CommitAsync(BlueGreenKey key, string resourceVersion, FailoverState state, Slot? routeTo, CancellationToken cancellationToken);

    /// <summary>Raises a slot's floor and notes the loan in the same patch; wakes the Deployment when asked to.</summary>
    /// <exception cref="StaleSnapshotException">The object has changed since it was read; nothing was written.</exception>
    Task BorrowFloorAsync(BlueGreenKey key, FloorRequest request, CancellationToken cancellationToken);

    /// <summary>Restores a slot's floor and removes the note in the same patch. Without a note of ours there is nothing to do.</summary>
    /// <exception cref="StaleSnapshotException">The object has changed since it was read; nothing was written.</exception>
    Task ReturnFloorAsync(BlueGreenKey key, Slot slot, CancellationToken cancellationToken);

    /// <summary>Takes status and decisions for publication. Never waits and never fails: publication happens behind, at a bounded rate.</summary>
    void Publish(BlueGreenKey key, FailoverStatus status, IReadOnlyList<FailoverDecision> decisions);
}

/// <summary>What the active prober knows.</summary>
internal interface IProber
{
    /// <summary>Sets what is probed for one BlueGreen; pods not named any more are forgotten. Null settings stop probing.</summary>
    void Watch(BlueGreenKey key, ProbeSettings? settings, IReadOnlyList<ProbeTarget> targets);

    /// <summary>What is known about one pod; null when it is not probed.</summary>
    ProbeFacts? Look(BlueGreenKey key, string uid);
}

/// <summary>How the pods of a BlueGreen are probed.</summary>
/// <param name="Path">Absolute path of the GET.</param>
/// <param name="Port">Port on the pod.</param>
/// <param name="Interval">From one start to the next.</param>
/// <param name="Timeout">At most <paramref name="Interval"/>.</param>
/// <param name="Failures">Consecutive failures that make a pod count as hung.</param>
internal sealed record ProbeSettings(string Path, int Port, TimeSpan Interval, TimeSpan Timeout, int Failures);

/// <summary>One pod to probe.</summary>
internal sealed record ProbeTarget(string Uid, string Name, string Address);

/// <summary>A pod of a snapshot: the facts, and what is needed to probe it.</summary>
/// <param name="Facts">Without probe results; the reconciler adds them.</param>
/// <param name="Uid">Identity of the pod.</param>
/// <param name="Address">Null until the pod has one.</param>
internal sealed record PodSnapshot(PodFacts Facts, string Uid, string? Address);

/// <summary>One slot of a snapshot.</summary>
internal sealed record SlotSnapshot(SlotFacts Facts, IReadOnlyList<PodSnapshot> Pods);

/// <summary>One BlueGreen with everything a decision needs, read at one instant.</summary>
internal sealed record FailoverSnapshot(BlueGreenKey Key, string ResourceVersion, FailoverState? State, FailoverLimits Limits)
{
    public required DateTimeOffset ObservedAt { get; init; }

    /// <summary>When the oldest change that led to this read arrived; null when the key was due by time alone.</summary>
    public DateTimeOffset? ChangedAt { get; init; }

    public Slot? Active { get; init; }

    public required SlotSnapshot Blue { get; init; }

    public required SlotSnapshot Green { get; init; }

    public string? Acknowledgement { get; init; }

    public IReadOnlyList<SwitchoverRequest> Switchovers { get; init; } = [];

    public ProbeSettings? Probe { get; init; }

    /// <summary>Why the BlueGreen's spec cannot be used as it is; null when it can. Nothing is decided meanwhile.</summary>
    public string? InvalidSpec { get; init; }
}

/// <summary>The cluster has moved on since the snapshot was taken (HTTP 409).</summary>
internal sealed class StaleSnapshotException(string message, Exception? inner = null) : Exception(message, inner);
