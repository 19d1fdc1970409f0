namespace Resilience.LocalCluster.Storage;

/// <summary>What must still be true when a write commits; null means no demand.</summary>
internal sealed record Precondition(string? Uid = null, long? ResourceVersion = null);

internal enum Propagation
{
    /// <summary>The object goes at once, its dependents after it.</summary>
    Background,

    /// <summary>The object stays, deleting, until dependents that block it are gone.</summary>
    Foreground,

    /// <summary>Dependents stay and lose their owner reference.</summary>
    Orphan,
}

/// <param name="GracePeriodSeconds">Null: the pod's own. 0: remove at once (the node does this when the process has ended).</param>
internal sealed record DeleteOptions(
    long? GracePeriodSeconds = null,
    Propagation? Propagation = null,
    Precondition? Precondition = null,
    bool DryRun = false)
{
    public static readonly DeleteOptions Default = new();

    public static readonly DeleteOptions Now = new(GracePeriodSeconds: 0);
}

internal enum StoreEventType
{
    Added,
    Modified,
    Deleted,
}

/// <param name="Object">The revision after the change; of a deletion, the last state under the deletion's resourceVersion.</param>
/// <param name="Previous">The revision before, so that a filtered watch can tell entering from leaving its selection.</param>
internal sealed record StoreEvent(StoreEventType Type, StoredObject Object, StoredObject? Previous);
