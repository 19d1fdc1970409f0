namespace Resilience.Control.Failover;

internal sealed partial class Deliberation
{
    /// <summary>Handles an active slot on which nothing serves. True when that is so: nothing else matters then.</summary>
    public bool Rescue()
    {
        if (_active.Serving > 0)
        {
            return false;
        }
        var needed = Needed();
        if (_state.Phase != FailoverPhase.SlotLost)
        {
            Enter(FailoverPhase.SlotLost);
        }
        _state = _state with { Needed = needed };
        var leastBad = _limits.BothDown == BothDownPolicy.LeastBad && (_standby.Serving > 0 || (_standby.Ready > 0 && _active.Ready == 0));
        if (_standby.Settled == 0 && !leastBad)
        {
            AnnounceSlotLost();
            RecheckAt(_now + _standby.NextSettlesIn);
            return true;
        }
        if (_state.RescueNotBefore > _now)
        {
            Announce(DecisionReason.RescueLimited,
                $"Nothing serves on {_active.Slot.Name()}, but the last rescue was too recent: the next is possible in {Words(_state.RescueNotBefore.Value - _now)}.",
                isWarning: true);
            RecheckAt(_state.RescueNotBefore);
            return true;
        }
        return Move(SwitchKind.Rescue, _standby.Slot, needed,
            _standby.Settled > 0
                ? $"nothing serves on {_active.Slot.Name()} ({_active.Describe()}) and {_standby.Settled} pods of {_standby.Slot.Name()} have been Ready for {Words(_limits.ReadyFor)} or longer."
                : $"neither slot is well ({_active.Describe()}; {_standby.Describe()}) and {_standby.Slot.Name()} is the less bad one.",
            _active.LastLossAt ?? _state.Since);
    }

    /// <summary>Handles partial loss and fail-back. True when a move was made or is in preparation.</summary>
    public bool MoveOptionally()
    {
        if (_active.IsSick(_limits.MinReady))
        {
            return MoveForLoss();
        }
        if (IsFailbackDue())
        {
            return TryMove(SwitchKind.Failback,
                $"{_standby.Slot.Name()} is preferred and has been well for {Words(_now - _state.StableSince!.Value)} ({_standby.Describe()}).", _state.StableSince);
        }
        if (_state.Phase != FailoverPhase.Serving)
        {
            Enter(FailoverPhase.Serving);
            Say(DecisionReason.Recovered, $"The active slot is well: {_active.Describe()}.");
        }
        return false;
    }

    /// <summary>Keeps the clock of fail-back.</summary>
    public void WatchFailback()
    {
        if (!IsFailbackInQuestion())
        {
            _state = _state.StableSince is null ? _state : _state with { StableSince = null };
            return;
        }
        if (!IsStandbyFit())
        {
            _state = _state with { StableSince = null };
            RecheckAt(_now + _standby.NextSettlesIn);
            return;
        }
        _state = _state with { StableSince = _state.StableSince ?? _now };
        var due = _state.StableSince + _limits.StableFor;
        if (due <= _now && _limits.Failback == FailbackPolicy.Manual)
        {
            Announce(DecisionReason.FailBackReady,
                $"{_standby.Slot.Name()} is preferred and has been well for {Words(_now - _state.StableSince!.Value)}; fail-back is left to a person: create a Switchover to {_standby.Slot.Name()}.");
            return;
        }
        RecheckAt(due);
        RecheckAt(_state.HoldDownUntil);
    }

    private bool IsFailbackInQuestion() =>
        _activeSlot != _limits.Preferred && _limits.Failback != FailbackPolicy.Never
        && _state.Phase is FailoverPhase.Serving or FailoverPhase.Preparing or FailoverPhase.Refused
        // Only the watcher's own moves are undone: people who moved traffic meant it.
        && _state.LastSwitch?.Kind is SwitchKind.Rescue or SwitchKind.Optional;

    // While it is being enlarged the standby has fewer pods than it wants, by our own doing: that must not end the preparation.
    private bool IsStandbyFit() =>
        _standby is { Lost: 0, Settled: > 0 } && (_standby.Settled >= _standby.Desired || _state.Phase == FailoverPhase.Preparing);

    private bool IsFailbackDue() =>
        _limits.Failback == FailbackPolicy.Automatic && IsFailbackInQuestion() && IsStandbyFit()
        && _now - _state.StableSince >= _limits.StableFor && !(_state.HoldDownUntil > _now);

    private bool MoveForLoss()
    {
        if (_state.Phase is not (FailoverPhase.Suspect or FailoverPhase.Preparing or FailoverPhase.Refused))
        {
            Enter(FailoverPhase.Suspect);
            Announce(DecisionReason.LossSuspected,
                $"{Sentence(_active)} That is below {_limits.MinReady}; traffic moves if it lasts {Words(_limits.ConfirmAfter)}.", isWarning: true);
        }
        var confirmedAt = _state.Since + _limits.ConfirmAfter;
        if (_state.Phase == FailoverPhase.Suspect && _now < confirmedAt)
        {
            RecheckAt(confirmedAt);
            return true;
        }
        if (_state.HoldDownUntil > _now)
        {
            if (_state.Phase != FailoverPhase.Refused)
            {
                Enter(FailoverPhase.Refused);
            }
            Announce(DecisionReason.HoldDown,
                $"{Sentence(_active)} Traffic stays: the last move was recent and no optional move is made for another {Words(_state.HoldDownUntil.Value - _now)} "
                + "(an acknowledgement ends this).", isWarning: true);
            RecheckAt(_state.HoldDownUntil);
            return true;
        }
        return TryMove(SwitchKind.Optional, $"{_active.Describe()}, below {_limits.MinReady} for longer than {Words(_limits.ConfirmAfter)}; {_standby.Describe()}.",
            _active.LastLossAt);
    }

    /// <summary>Preflight: the standby carries the load, or is enlarged first, or the move is refused.</summary>
    private bool TryMove(SwitchKind kind, string why, DateTimeOffset? firstSign)
    {
        var needed = Needed();
        if (_standby.Settled >= needed && !_standby.IsSick(_limits.MinReady))
        {
            return Move(kind, _standby.Slot, needed, why, firstSign);
        }
        RecheckAt(_now + _standby.NextSettlesIn);
        var max = _view[_standby.Slot].MaxReplicas;
        if (!_limits.Prescale || max < needed)
        {
            return Refuse(kind, needed, max < needed
                ? $"its autoscaler allows {max} at most" : "enlarging it first is switched off");
        }
        if (_state.Phase == FailoverPhase.Refused && _state.Announced == DecisionReason.MoveRefused && _now < _state.Since + _limits.HoldDown)
        {
            RecheckAt(_state.Since + _limits.HoldDown);
            return true;
        }
        if (_state.Phase != FailoverPhase.Preparing)
        {
            Enter(FailoverPhase.Preparing);
            Announce(DecisionReason.Prescaling,
                $"{Sentence(_active)} {_standby.Slot.Name()} needs {needed} settled pods to take over and has {_standby.Settled}: it is enlarged first.");
        }
        _state = _state with { Needed = needed };
        if (_now >= _state.Since + _limits.PrescaleTimeout)
        {
            return Refuse(kind, needed, $"it was enlarged {Words(_now - _state.Since)} ago without success");
        }
        RecheckAt(_state.Since + _limits.PrescaleTimeout);
        return true;
    }

    private bool Refuse(SwitchKind kind, int needed, string because)
    {
        if (_state.Phase != FailoverPhase.Refused)
        {
            Enter(FailoverPhase.Refused);
        }
        Announce(DecisionReason.MoveRefused,
            $"{(kind == SwitchKind.Failback ? "Fail-back" : "A move")} to {_standby.Slot.Name()} is refused: {needed} settled pods are needed, {_standby.Settled} are there, and {because}.",
            isWarning: true);
        return true;
    }

    private void AnnounceSlotLost()
    {
        var wait = _standby.NextSettlesIn is { } settles
            ? $"{_standby.Slot.Name()} takes over in {Words(settles)}, once its pods have proved stable"
            : $"{_standby.Slot.Name()} takes over as soon as it has a pod that has been Ready for {Words(_limits.ReadyFor)}";
        if (_standby.Ready == 0)
        {
            Announce(DecisionReason.BothSlotsDown, $"Nothing serves: {_active.Describe()}; {_standby.Describe()}. {char.ToUpperInvariant(wait[0])}{wait[1..]}.", isWarning: true);
        }
        else
        {
            Announce(DecisionReason.SlotLost, $"Nothing serves on {_active.Slot.Name()}: {_active.Describe()}; {wait}.", isWarning: true);
        }
    }
}
