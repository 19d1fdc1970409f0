namespace Resilience.Control.Failover;

/// <summary>Stable code of a decision: the reason of the Kubernetes Event, the tag of the metric, the name in logs.</summary>
public enum DecisionReason
{
    /// <summary>The watcher has taken charge of a Service.</summary>
    Watching,

    /// <summary>Traffic moves.</summary>
    TrafficMoved,

    /// <summary>In Observe mode: traffic would have moved.</summary>
    WouldMove,

    /// <summary>The active slot has lost pods.</summary>
    LossSuspected,

    /// <summary>The active slot is well again.</summary>
    Recovered,

    /// <summary>The standby is being enlarged before a move.</summary>
    Prescaling,

    /// <summary>An optional move is not made because the standby cannot carry the load.</summary>
    MoveRefused,

    /// <summary>An optional move is not made because of a recent move.</summary>
    HoldDown,

    /// <summary>Nothing serves on the active slot and the standby cannot take over yet.</summary>
    SlotLost,

    /// <summary>Neither slot has a Ready pod.</summary>
    BothSlotsDown,

    /// <summary>A rescue waits because rescues came too quickly one after another.</summary>
    RescueLimited,

    /// <summary>All probes fail together: the prober is presumed to be at fault.</summary>
    ProberDoubted,

    /// <summary>Somebody else changed the selector.</summary>
    ExternalChange,

    /// <summary>The selector matches neither slot.</summary>
    SelectorUnknown,

    /// <summary>Fail-back is possible and left to a person.</summary>
    FailBackReady,

    /// <summary>Traffic returns to the preferred slot.</summary>
    FailBack,

    /// <summary>A person has acknowledged; the hold-down is cleared.</summary>
    Acknowledged,

    /// <summary>A Switchover has reached another phase.</summary>
    SwitchoverProgressed,

    /// <summary>The replica floor of a slot was raised or given back.</summary>
    FloorChanged,
}

/// <summary>One decision and why.</summary>
/// <param name="Reason">Stable code.</param>
/// <param name="Message">A sentence in plain words with the numbers it rests on.</param>
/// <param name="IsWarning">Whether a person should look.</param>
public sealed record FailoverDecision(DecisionReason Reason, string Message, bool IsWarning = false);

/// <summary>A wanted replica floor.</summary>
/// <param name="Slot">Whose.</param>
/// <param name="Replicas">The floor, already clamped to the autoscaler's maximum.</param>
/// <param name="Expires">When the loan ends even if nobody returns it.</param>
/// <param name="Wake">The Deployment is at 0 replicas, where no autoscaler acts: scale it directly as well.</param>
public sealed record FloorRequest(Slot Slot, int Replicas, DateTimeOffset Expires, bool Wake);

/// <summary>The outcome of one decision.</summary>
/// <param name="State">To be committed when it differs from the one decided upon.</param>
public sealed record FailoverStep(FailoverState State)
{
    /// <summary>Absolute target of the traffic; null leaves it where it is.</summary>
    public Slot? RouteTo { get; init; }

    /// <summary>Floor to raise; null leaves floors alone.</summary>
    public FloorRequest? Borrow { get; init; }

    /// <summary>Slots whose borrowed floor is to be given back.</summary>
    public IReadOnlyList<Slot> Return { get; init; } = [];

    /// <summary>What to announce; each is announced once.</summary>
    public IReadOnlyList<FailoverDecision> Decisions { get; init; } = [];

    /// <summary>Look again after this long even if nothing changes; null when only a change can matter.</summary>
    public TimeSpan? RecheckIn { get; init; }
}
