namespace Resilience.Control.Failover;

/// <summary>The failover decision.</summary>
public static class FailoverPolicy
{
    /// <summary>Name under which floors are borrowed.</summary>
    public const string Owner = "failover-watcher";

    /// <summary>Chooses the next failover step from one snapshot. Pure: no clock, no IO, no randomness.</summary>
    /// <param name="state">The state saved on the Service; null when there is none, or none that can be read.</param>
    /// <param name="view">Cluster snapshot, read after <paramref name="state"/> was committed.</param>
    /// <param name="limits">Validated limits.</param>
    /// <returns>The state to commit; <see cref="FailoverStep.RouteTo"/> is null when traffic stays put.</returns>
    /// <remarks>
    /// Source: transition table in docs/adr/0003-failover-state-machine.md. A clock that went backwards makes waits
    /// longer and is otherwise harmless.
    /// </remarks>
    public static FailoverStep Decide(FailoverState? state, FailoverView view, FailoverLimits limits)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(limits);
        if (view.Active is not { } active)
        {
            return DecideWithoutActive(state, view);
        }
        var deliberation = new Deliberation(state, view, limits, active);
        deliberation.Adopt();
        if (limits.Mode == FailoverMode.Paused)
        {
            return deliberation.Conclude();
        }
        deliberation.DoubtProber();
        if (!deliberation.Verify() && !deliberation.Rescue() && !deliberation.CarryOutSwitchover() && !deliberation.MoveOptionally())
        {
            deliberation.WatchFailback();
        }
        deliberation.KeepFloors();
        return deliberation.Conclude();
    }

    private static FailoverStep DecideWithoutActive(FailoverState? state, FailoverView view)
    {
        if (state?.Phase == FailoverPhase.Degraded)
        {
            return new(state);
        }
        var degraded = (state ?? new(FailoverPhase.Degraded, view.ObservedAt, null)) with
        {
            Phase = FailoverPhase.Degraded,
            Since = view.ObservedAt,
            StableSince = null,
            Announced = DecisionReason.SelectorUnknown,
        };
        return new(degraded)
        {
            Decisions = [new(DecisionReason.SelectorUnknown,
                "The Service selector matches neither slot, so traffic is left alone until somebody points it at blue or green.", IsWarning: true)],
        };
    }
}
