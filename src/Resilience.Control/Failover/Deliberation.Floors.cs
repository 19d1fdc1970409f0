namespace Resilience.Control.Failover;

internal sealed partial class Deliberation
{
    /// <summary>Raises the floor that a move needs and gives back floors that nothing needs any more.</summary>
    public void KeepFloors()
    {
        if (!MayAct)
        {
            return;
        }
        foreach (var slot in (Slot[])[Slot.Blue, Slot.Green])
        {
            var wanted = WantedFloor(slot);
            var facts = _view[slot];
            if (wanted > 0)
            {
                Borrow(slot, facts, wanted);
            }
            else if (facts.Loan?.Owner == FailoverPolicy.Owner)
            {
                _return.Add(slot);
                Say(DecisionReason.FloorChanged, $"The replica floor of {slot.Name()} goes back from {facts.Loan.Floor} to {facts.Loan.Before}.");
            }
        }
    }

    /// <summary>The floor that a move in progress or just made needs on one slot; 0 when none does.</summary>
    private int WantedFloor(Slot slot)
    {
        var isTarget = slot != _state.Active;
        if (isTarget && (_state.Phase is FailoverPhase.Preparing or FailoverPhase.SlotLost || _state.Switchover is { Phase: SwitchoverPhase.Prescaling }))
        {
            return Math.Max(1, _state.Needed);
        }
        if (_state.LastSwitch is { Kind: not SwitchKind.External } last && last.To == slot && slot == _state.Active && _now < last.At + _limits.FloorHold)
        {
            RecheckAt(last.At + _limits.FloorHold);
            return last.Needed;
        }
        // Without an autoscaler the floor is the replica count itself: giving it back would shrink the slot under its traffic.
        var facts = _view[slot];
        return slot == _activeSlot && facts is { MaxReplicas: null, Loan: { Owner: FailoverPolicy.Owner } loan } ? loan.Floor : 0;
    }

    private void Borrow(Slot slot, SlotFacts facts, int wanted)
    {
        var floor = Math.Min(wanted, facts.MaxReplicas ?? int.MaxValue);
        var wake = facts.Desired == 0;
        var live = facts.Loan is { } loan && loan.Expires > _now;
        RecheckAt(live ? facts.Loan!.Expires : null);
        var isMine = facts.Loan?.Owner == FailoverPolicy.Owner;
        var isEnough = facts.Floor >= floor && (!isMine || live);
        if (_borrow is not null || (isEnough && !wake) || (live && !isMine))
        {
            return;
        }
        _borrow = new(slot, Math.Max(floor, facts.Floor), _now + _limits.PrescaleTimeout + _limits.FloorHold, wake);
        var clamped = floor < wanted ? $" ({wanted} would be needed, but its autoscaler's maximum is {facts.MaxReplicas})" : "";
        Say(DecisionReason.FloorChanged, wake
            ? $"{slot.Name()} is at 0 replicas, where no autoscaler acts: it is woken with {floor}{clamped}."
            : $"The replica floor of {slot.Name()} is raised from {facts.Floor} to {floor}{clamped}.");
    }
}
