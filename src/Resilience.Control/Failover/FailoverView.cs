namespace Resilience.Control.Failover;

/// <summary>What the watcher's own probes say about one pod.</summary>
/// <param name="FailingSince">Start of the first of the current run of failures, once the run is long enough to count; null while the pod answers.</param>
/// <param name="LastSuccess">Start of the last probe that was answered well; null when there was none.</param>
public sealed record ProbeFacts(DateTimeOffset? FailingSince, DateTimeOffset? LastSuccess);

/// <summary>One pod of a slot, as Kubernetes and the prober see it.</summary>
/// <param name="Name">Pod name, for sentences.</param>
/// <param name="Ready">The pod's Ready condition.</param>
/// <param name="Since">When <paramref name="Ready"/> last changed.</param>
public sealed record PodFacts(string Name, bool Ready, DateTimeOffset Since)
{
    /// <summary>The pod is being deleted. It may still answer, but no new traffic should count on it.</summary>
    public bool Terminating { get; init; }

    /// <summary>The pod was Ready before and lost it at least once, so that being not Ready is a loss and not a slow start.</summary>
    public bool LostReadiness { get; init; }

    /// <summary>Null when the pod is not probed.</summary>
    public ProbeFacts? Probe { get; init; }
}

/// <summary>A replica floor that the watcher has raised and must give back.</summary>
/// <param name="Owner">Who raised it.</param>
/// <param name="Floor">The raised value.</param>
/// <param name="Before">The value to restore.</param>
/// <param name="Expires">When the loan ends even if nobody returns it.</param>
public sealed record FloorLoan(string Owner, int Floor, int Before, DateTimeOffset Expires);

/// <summary>One slot, read in one snapshot.</summary>
/// <param name="Desired">Replicas its Deployment asks for.</param>
/// <param name="Pods">All its pods.</param>
public sealed record SlotFacts(int Desired, IReadOnlyList<PodFacts> Pods)
{
    /// <summary>Upper bound of the autoscaler; null without one.</summary>
    public int? MaxReplicas { get; init; }

    /// <summary>The floor now: minReplicas of the autoscaler, or the Deployment's replicas without one.</summary>
    public int Floor { get; init; }

    /// <summary>The floor loan noted on the object, whoever took it.</summary>
    public FloorLoan? Loan { get; init; }
}

/// <summary>What people have said about a Switchover that needs approval.</summary>
/// <param name="Approved">True to go ahead, false to refuse.</param>
/// <param name="By">Who said it.</param>
public sealed record SwitchoverVerdict(bool Approved, string By);

/// <summary>A one-shot request to move traffic, not yet in a final phase.</summary>
/// <param name="Uid">Its identity; names are reused, uids are not.</param>
/// <param name="Name">Its name, for sentences.</param>
/// <param name="To">The wanted active slot.</param>
public sealed record SwitchoverRequest(string Uid, string Name, Slot To)
{
    /// <summary>Why, in the requester's words.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The active slot that the requester saw; null skips the check.</summary>
    public Slot? ExpectedActive { get; init; }

    /// <summary>The request is void from here on, unless traffic has moved by then.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Whether the target may be enlarged first.</summary>
    public bool Prescale { get; init; } = true;

    /// <summary>Whether a SwitchoverApproval is needed.</summary>
    public bool NeedsApproval { get; init; }

    /// <summary>The matching SwitchoverApproval; null when there is none yet.</summary>
    public SwitchoverVerdict? Verdict { get; init; }
}

/// <summary>Everything one decision may look at: one snapshot of the cluster and the prober.</summary>
/// <param name="ObservedAt">The instant of the snapshot; the only clock of the decision.</param>
/// <param name="Active">Slot that the Service selector points at: read every time, never remembered; null when it matches neither.</param>
/// <param name="Blue">The blue slot.</param>
/// <param name="Green">The green slot.</param>
public sealed record FailoverView(DateTimeOffset ObservedAt, Slot? Active, SlotFacts Blue, SlotFacts Green)
{
    /// <summary>Value of the acknowledgement annotation; a new value clears the hold-down.</summary>
    public string? Acknowledgement { get; init; }

    /// <summary>Open requests, oldest first.</summary>
    public IReadOnlyList<SwitchoverRequest> Switchovers { get; init; } = [];

    /// <summary>The facts of one slot.</summary>
    public SlotFacts this[Slot slot] => slot == Slot.Blue ? Blue : Green;
}
