namespace Resilience.Control.Failover;

/// <summary>Who may move traffic.</summary>
public enum FailoverMode
{
    /// <summary>Decide and act.</summary>
    Auto,

    /// <summary>Decide and say what would be done; write nothing to the cluster but status and events.</summary>
    Observe,

    /// <summary>Neither decide nor act.</summary>
    Paused,
}

/// <summary>What happens once the preferred slot is well again.</summary>
public enum FailbackPolicy
{
    /// <summary>Traffic returns by itself after <see cref="FailoverLimits.StableFor"/>.</summary>
    Automatic,

    /// <summary>The watcher says that the preferred slot is ready; a person moves traffic.</summary>
    Manual,

    /// <summary>Nothing.</summary>
    Never,
}

/// <summary>What happens while neither slot serves.</summary>
public enum BothDownPolicy
{
    /// <summary>Traffic stays where it is until one slot has a pod that has been Ready long enough.</summary>
    Stay,

    /// <summary>Traffic goes at once to a slot that has a Ready pod, however young or unresponsive to probes.</summary>
    LeastBad,
}

/// <summary>Smallest number of serving pods a slot may have without being called sick.</summary>
/// <param name="Value">A share of the desired replicas in percent (0 to 100), or a number of pods.</param>
/// <param name="IsPercent">True when <paramref name="Value"/> is a percentage.</param>
public readonly record struct ReadyThreshold(int Value, bool IsPercent)
{
    /// <summary>True when <paramref name="pods"/> of <paramref name="desired"/> are too few; exactly at the limit is enough.</summary>
    public bool IsMissedBy(int pods, int desired) =>
        IsPercent ? pods * 100 < Value * desired : pods < Math.Min(Value, desired);

    /// <summary>As written in a BlueGreen: <c>75%</c> or <c>2</c>.</summary>
    public override string ToString() => IsPercent ? $"{Value}%" : $"{Value}";
}

/// <summary>Validated limits of one BlueGreen. The defaults are those of the custom resource's schema.</summary>
public sealed record FailoverLimits
{
    /// <summary>Who may move traffic.</summary>
    public FailoverMode Mode { get; init; } = FailoverMode.Auto;

    /// <summary>The slot that fail-back returns to.</summary>
    public Slot Preferred { get; init; } = Slot.Blue;

    /// <summary>Below this the active slot is sick, counting only pods that were Ready and stopped being so.</summary>
    public ReadyThreshold MinReady { get; init; } = new(75, IsPercent: true);

    /// <summary>How long a pod must have been Ready before traffic is sent to its slot, or before a recovered pod counts as well.</summary>
    public TimeSpan ReadyFor { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long pods must have failed the prober, and nobody have answered it since, before the prober is doubted aloud: until then the next
    /// probe of another pod may still be on its way.
    /// </summary>
    public TimeSpan DoubtAfter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a partial loss must last before an optional move is considered.</summary>
    public TimeSpan ConfirmAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>No optional move for this long after a move; doubles with every further move, up to <see cref="MaxHoldDown"/>.</summary>
    public TimeSpan HoldDown { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Cap of the doubled <see cref="HoldDown"/>.</summary>
    public TimeSpan MaxHoldDown { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Shortest time between two rescues; doubles with every further rescue, up to <see cref="MaxRescueInterval"/>.</summary>
    public TimeSpan RescueInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Cap of the doubled <see cref="RescueInterval"/>.</summary>
    public TimeSpan MaxRescueInterval { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Share of the active slot's replicas that the standby must have serving before an optional move.</summary>
    public int CapacityPercent { get; init; } = 100;

    /// <summary>Whether a standby that is too small may be enlarged before an optional move; otherwise the move is refused.</summary>
    public bool Prescale { get; init; } = true;

    /// <summary>How long an enlarged standby may take to get its pods Ready before the move is refused.</summary>
    public TimeSpan PrescaleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a borrowed replica floor is kept after a move, so that the autoscaler sees the load before it may shrink the slot.</summary>
    public TimeSpan FloorHold { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>What happens once the preferred slot is well again.</summary>
    public FailbackPolicy Failback { get; init; } = FailbackPolicy.Manual;

    /// <summary>How long the preferred slot must stay well before fail-back.</summary>
    public TimeSpan StableFor { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>What happens while neither slot serves.</summary>
    public BothDownPolicy BothDown { get; init; } = BothDownPolicy.Stay;

    /// <summary>How long the target of a Switchover is watched before the move is called final.</summary>
    public TimeSpan VerifyFor { get; init; } = TimeSpan.FromSeconds(10);
}
