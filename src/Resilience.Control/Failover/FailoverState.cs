namespace Resilience.Control.Failover;

/// <summary>Where the state machine stands. See docs/adr/0003-failover-state-machine.md.</summary>
public enum FailoverPhase
{
    /// <summary>The active slot serves.</summary>
    Serving,

    /// <summary>The active slot has lost pods; waiting to be sure.</summary>
    Suspect,

    /// <summary>An optional move is wanted and the standby is being enlarged for it.</summary>
    Preparing,

    /// <summary>An optional move is wanted and not allowed for now.</summary>
    Refused,

    /// <summary>Nothing serves on the active slot and the standby cannot take over yet.</summary>
    SlotLost,

    /// <summary>The Service selector matches neither slot: not ours to touch.</summary>
    Degraded,
}

/// <summary>Why traffic moved.</summary>
public enum SwitchKind
{
    /// <summary>Nothing served on the active slot.</summary>
    Rescue,

    /// <summary>Partial loss of the active slot.</summary>
    Optional,

    /// <summary>A Switchover, or its rollback.</summary>
    Switchover,

    /// <summary>Back to the preferred slot after it proved stable.</summary>
    Failback,

    /// <summary>Somebody else changed the selector.</summary>
    External,
}

/// <summary>One move of traffic.</summary>
/// <param name="At">When it was decided (or, for an external change, seen).</param>
/// <param name="Kind">Why.</param>
/// <param name="From">The slot that had the traffic.</param>
/// <param name="To">The slot that has it since.</param>
/// <param name="Reason">A sentence.</param>
/// <param name="FirstSign">The first observation that pointed to this move; never later than <paramref name="At"/>.</param>
/// <param name="Needed">Replicas the target needs to carry the load.</param>
public sealed record SwitchRecord(
    DateTimeOffset At, SwitchKind Kind, Slot From, Slot To, string Reason, DateTimeOffset FirstSign, int Needed);

/// <summary>Progress of a Switchover; the last three are failures, the last four final.</summary>
public enum SwitchoverPhase
{
    /// <summary>Accepted, not started.</summary>
    Pending,

    /// <summary>Waiting for a SwitchoverApproval.</summary>
    AwaitingApproval,

    /// <summary>The target is made ready.</summary>
    Prescaling,

    /// <summary>Traffic has moved and the target is being watched.</summary>
    Verifying,

    /// <summary>Done.</summary>
    Switched,

    /// <summary>The target lost health while it was watched; traffic is back.</summary>
    RolledBack,

    /// <summary>Refused by an approver.</summary>
    Rejected,

    /// <summary>Not carried out in time.</summary>
    Expired,

    /// <summary>Could not be carried out.</summary>
    Failed,
}

/// <summary>How far one Switchover has come; kept on the Service because the move itself is.</summary>
/// <param name="Uid">The Switchover.</param>
/// <param name="Name">Its name.</param>
/// <param name="Phase">Progress.</param>
/// <param name="Since">When <paramref name="Phase"/> was entered.</param>
/// <param name="From">Active slot when it began.</param>
/// <param name="To">Wanted active slot.</param>
/// <param name="Message">Why it is in this phase.</param>
public sealed record SwitchoverProgress(
    string Uid, string Name, SwitchoverPhase Phase, DateTimeOffset Since, Slot From, Slot To, string Message)
{
    /// <summary>Nothing more will happen to this Switchover.</summary>
    public bool IsFinal => Phase >= SwitchoverPhase.Switched;
}

/// <summary>What cannot be read back from the cluster. Saved on the Service in the same patch as the selector.</summary>
/// <param name="Phase">Where the state machine stands.</param>
/// <param name="Since">When <paramref name="Phase"/> was entered.</param>
/// <param name="Active">Active slot when this state was saved; another one in the view means that somebody else moved traffic.</param>
public sealed record FailoverState(FailoverPhase Phase, DateTimeOffset Since, Slot? Active)
{
    /// <summary>No optional move before this instant.</summary>
    public DateTimeOffset? HoldDownUntil { get; init; }

    /// <summary>How often the hold-down has doubled.</summary>
    public int HoldDownLevel { get; init; }

    /// <summary>No rescue before this instant.</summary>
    public DateTimeOffset? RescueNotBefore { get; init; }

    /// <summary>How often the rescue interval has doubled.</summary>
    public int RescueLevel { get; init; }

    /// <summary>Since when the standby has been fit to take traffic back; tracked only while fail-back is in question.</summary>
    public DateTimeOffset? StableSince { get; init; }

    /// <summary>Replicas that the wanted move needs at its target; meaningful in <see cref="FailoverPhase.Preparing"/> and <see cref="FailoverPhase.SlotLost"/>.</summary>
    public int Needed { get; init; }

    /// <summary>Last reason announced in this phase, so that it is announced once.</summary>
    public DecisionReason? Announced { get; init; }

    /// <summary>Last acknowledgement acted upon.</summary>
    public string? Acknowledged { get; init; }

    /// <summary>The last move.</summary>
    public SwitchRecord? LastSwitch { get; init; }

    /// <summary>The Switchover in progress or just finished.</summary>
    public SwitchoverProgress? Switchover { get; init; }
}
