namespace Resilience.Control.Failover;

internal sealed partial class Deliberation
{
    /// <summary>Watches the target of a Switchover after the move. True when traffic was moved back.</summary>
    public bool Verify()
    {
        if (_state.Switchover is not { Phase: SwitchoverPhase.Verifying } progress || !MayAct)
        {
            return false;
        }
        var isUnwell = _active.Serving == 0 || _active.IsSick(_limits.MinReady);
        if (isUnwell && _standby.Settled > 0)
        {
            var why = $"{_active.Describe()} {Words(_now - progress.Since)} after Switchover {progress.Name}; {_standby.Describe()}.";
            Advance(progress, SwitchoverPhase.RolledBack, "Rolled back: " + why);
            return Move(SwitchKind.Switchover, _standby.Slot, Needed(), "Rolled back: " + why, _active.LastLossAt);
        }
        var verified = progress.Since + _limits.VerifyFor;
        if (!isUnwell && _now >= verified)
        {
            Advance(progress, SwitchoverPhase.Switched, $"{Sentence(_active)} It stayed well for {Words(_limits.VerifyFor)}.");
        }
        RecheckAt(verified);
        return false;
    }

    /// <summary>Carries out the oldest open Switchover. True when traffic was moved or the target is being made ready.</summary>
    public bool CarryOutSwitchover()
    {
        if (_state.Switchover is { IsFinal: false } running)
        {
            if (running.Phase == SwitchoverPhase.Verifying)
            {
                return false;
            }
            if (_view.Switchovers.FirstOrDefault(request => request.Uid == running.Uid) is { } known)
            {
                return CarryOut(known, running);
            }
            // Deleted before traffic moved: as if it had never been.
            _state = _state with { Switchover = null };
        }
        // A finished one that still looks open has not been told its end yet. Replacing it here would lose that, and run it again.
        if (_view.Switchovers.Any(request => request.Uid == _state.Switchover?.Uid))
        {
            return false;
        }
        return _view.Switchovers is [var next, ..]
            && CarryOut(next, new(next.Uid, next.Name, SwitchoverPhase.Pending, _now, _activeSlot, next.To, ""));
    }

    private bool CarryOut(SwitchoverRequest request, SwitchoverProgress progress)
    {
        if (Objection(request) is { } objection)
        {
            Advance(progress, objection.Phase, objection.Message);
            return false;
        }
        if (!MayAct)
        {
            Advance(progress, SwitchoverPhase.Pending, $"The BlueGreen's mode is {_limits.Mode}; nothing moves until it is Auto.");
            return false;
        }
        if (request is { NeedsApproval: true, Verdict: null })
        {
            Advance(progress, SwitchoverPhase.AwaitingApproval, "Waiting for a SwitchoverApproval.");
            RecheckAt(request.ExpiresAt);
            return false;
        }
        return Prepare(request, progress);
    }

    private (SwitchoverPhase Phase, string Message)? Objection(SwitchoverRequest request)
    {
        if (request.ExpectedActive is { } expected && expected != _activeSlot)
        {
            return (SwitchoverPhase.Failed, $"It was requested while {expected.Name()} had the traffic, but {_activeSlot.Name()} has it now.");
        }
        if (request.Verdict is { Approved: false } verdict)
        {
            return (SwitchoverPhase.Rejected, $"Rejected by {verdict.By}.");
        }
        if (request.ExpiresAt <= _now)
        {
            return (SwitchoverPhase.Expired, $"It was to be carried out before {request.ExpiresAt:u} and was not.");
        }
        return request.To == _activeSlot ? (SwitchoverPhase.Switched, $"{_activeSlot.Name()} already has the traffic.") : null;
    }

    private bool Prepare(SwitchoverRequest request, SwitchoverProgress progress)
    {
        var max = _view[request.To].MaxReplicas;
        var needed = Math.Min(Needed(), max ?? int.MaxValue);
        if (_standby.Settled >= needed && !_standby.IsSick(_limits.MinReady))
        {
            var clamped = needed < Needed() ? $" Its autoscaler's maximum of {max} is below the {Needed()} wanted." : "";
            Advance(progress, SwitchoverPhase.Verifying, $"Traffic has moved; watching {request.To.Name()} for {Words(_limits.VerifyFor)}.{clamped}");
            RecheckAt(_now + _limits.VerifyFor);
            var why = request.Reason.Length > 0 ? $" ({request.Reason})" : "";
            return Move(SwitchKind.Switchover, request.To, needed, $"Switchover {request.Name}{why}; {_standby.Describe()}.", _now);
        }
        RecheckAt(_now + _standby.NextSettlesIn);
        RecheckAt(request.ExpiresAt);
        if (!request.Prescale && _standby.NextSettlesIn is null)
        {
            Advance(progress, SwitchoverPhase.Failed, $"{needed} settled pods are needed, {_standby.Settled} are there, and enlarging the target first is switched off.");
            return false;
        }
        if (progress.Phase == SwitchoverPhase.Prescaling && _now >= progress.Since + _limits.PrescaleTimeout)
        {
            Advance(progress, SwitchoverPhase.Failed, $"{request.To.Name()} did not get {needed} settled pods within {Words(_limits.PrescaleTimeout)}; it has {_standby.Settled}.");
            return false;
        }
        Advance(progress, SwitchoverPhase.Prescaling, $"{request.To.Name()} needs {needed} settled pods and has {_standby.Settled}.");
        _state = _state with { Needed = needed };
        RecheckAt(_state.Switchover!.Since + _limits.PrescaleTimeout);
        return false;
    }

    private void Advance(SwitchoverProgress progress, SwitchoverPhase phase, string message)
    {
        if (_state.Switchover is { } current && current.Uid == progress.Uid && current.Phase == phase)
        {
            return;
        }
        _state = _state with { Switchover = progress with { Phase = phase, Since = _now, Message = message } };
        Say(DecisionReason.SwitchoverProgressed, $"Switchover {progress.Name} to {progress.To.Name()} is {phase}: {message}",
            isWarning: phase is SwitchoverPhase.RolledBack or SwitchoverPhase.Failed);
    }
}
