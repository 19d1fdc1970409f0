namespace Resilience.Control.Failover;

/// <summary>The working paper of one decision: starts from the saved state, collects the step. Lives for one call of <see cref="FailoverPolicy.Decide"/>.</summary>
internal sealed partial class Deliberation
{
    private readonly FailoverView _view;
    private readonly FailoverLimits _limits;
    private readonly DateTimeOffset _now;
    private readonly bool _isNew;
    private readonly List<FailoverDecision> _decisions = [];
    private readonly Slot _activeSlot;
    private readonly SlotHealth _active;
    private readonly SlotHealth _standby;
    private FailoverState _state;
    private Slot? _routeTo;
    private FloorRequest? _borrow;
    private readonly List<Slot> _return = [];
    private TimeSpan? _recheckIn;

    public Deliberation(FailoverState? state, FailoverView view, FailoverLimits limits, Slot active)
    {
        _view = view;
        _limits = limits;
        _now = view.ObservedAt;
        _isNew = state is null;
        _activeSlot = active;
        _active = SlotHealth.Assess(active, view, limits);
        _standby = SlotHealth.Assess(active.Other(), view, limits);
        _state = state ?? new(FailoverPhase.Serving, _now, active);
    }

    private bool MayAct => _limits.Mode == FailoverMode.Auto;

    /// <summary>Takes note of what people did since the state was saved.</summary>
    public void Adopt()
    {
        if (_isNew)
        {
            _state = _state with { Acknowledged = _view.Acknowledgement };
            Say(DecisionReason.Watching, $"Watching this Service; {_active.Slot.Name()} has the traffic. {Sentence(_active)} {Sentence(_standby)}");
        }
        else if (_state.Active is { } known && known != _activeSlot)
        {
            AdoptExternalChange(known);
        }
        else if (_state.Phase == FailoverPhase.Degraded)
        {
            _state = _state with { Active = _activeSlot };
            Enter(FailoverPhase.Serving);
            Say(DecisionReason.Recovered, $"The Service selector points at {_activeSlot.Name()} again; watching goes on.");
        }
        if (_view.Acknowledgement is { } acknowledgement && acknowledgement != _state.Acknowledged)
        {
            var until = _state.HoldDownUntil;
            _state = _state with
            {
                Acknowledged = acknowledgement,
                HoldDownUntil = null,
                HoldDownLevel = 0,
                RescueNotBefore = null,
                RescueLevel = 0,
                Announced = null,
            };
            Say(DecisionReason.Acknowledged, until > _now
                ? $"Acknowledged ({acknowledgement}): the hold-down, due to last {Words(until.Value - _now)} more, is cleared."
                : $"Acknowledged ({acknowledgement}): no hold-down was running; its doubling starts afresh.");
        }
    }

    /// <summary>Says once that failing probes were not believed.</summary>
    public void DoubtProber()
    {
        if (_state.Phase == FailoverPhase.Serving && _active.Doubted + _standby.Doubted > 0)
        {
            Announce(DecisionReason.ProberDoubted,
                $"{_active.Doubted} pods of {_active.Slot.Name()} and {_standby.Doubted} of {_standby.Slot.Name()} fail the watcher's own probes and no pod "
                + "answers them, so the prober is presumed to be at fault and nothing moves on its word.", isWarning: true);
        }
        else if (_state is { Phase: FailoverPhase.Serving, Announced: DecisionReason.ProberDoubted })
        {
            _state = _state with { Announced = null };
        }
        RecheckAt(_now + SlotHealth.Earlier(_active.NextDoubtIn, _standby.NextDoubtIn));
    }

    /// <summary>Closes the paper.</summary>
    public FailoverStep Conclude() => new(_state)
    {
        RouteTo = _routeTo, Borrow = _borrow, Return = _return, Decisions = _decisions, RecheckIn = _recheckIn,
    };

    private void AdoptExternalChange(Slot known)
    {
        var reason = $"The selector was changed from {known.Name()} to {_activeSlot.Name()} by somebody else";
        if (_state.Switchover is { IsFinal: false } switchover)
        {
            _state = _state with
            {
                Switchover = switchover with { Phase = SwitchoverPhase.Failed, Since = _now, Message = reason + " while it was under way." },
            };
        }
        _state = _state with
        {
            Active = _activeSlot,
            LastSwitch = new(_now, SwitchKind.External, known, _activeSlot, reason + ".", _now, Needed: 0),
            StableSince = null,
        };
        StartHoldDown();
        Enter(FailoverPhase.Serving);
        Say(DecisionReason.ExternalChange,
            $"{reason}; that is respected. No optional move for {Words(_state.HoldDownUntil!.Value - _now)}; {Sentence(_active)}", isWarning: true);
    }

    private bool Move(SwitchKind kind, Slot to, int needed, string why, DateTimeOffset? firstSign)
    {
        if (!MayAct)
        {
            Announce(DecisionReason.WouldMove, $"Would move traffic from {_activeSlot.Name()} to {to.Name()} if the mode were Auto: {why}", isWarning: true);
            return true;
        }
        var sign = firstSign is { } seen && seen < _now ? seen : _now;
        _state = _state with
        {
            Active = to,
            LastSwitch = new(_now, kind, _activeSlot, to, why, sign, needed),
            StableSince = null,
        };
        if (kind != SwitchKind.Switchover)
        {
            StartHoldDown();
        }
        if (kind == SwitchKind.Rescue)
        {
            StartRescueInterval();
        }
        Enter(FailoverPhase.Serving);
        _routeTo = to;
        Say(kind == SwitchKind.Failback ? DecisionReason.FailBack : DecisionReason.TrafficMoved,
            $"Traffic moves from {_activeSlot.Name()} to {to.Name()}: {why}", isWarning: kind is SwitchKind.Rescue or SwitchKind.Optional);
        return true;
    }

    private void StartHoldDown()
    {
        // A quiet time as long as the last hold-down earns a short one again.
        var followsClosely = _state.HoldDownUntil is { } until && _now < until + Doubled(_limits.HoldDown, _state.HoldDownLevel, _limits.MaxHoldDown);
        var level = followsClosely ? _state.HoldDownLevel + 1 : 0;
        _state = _state with { HoldDownLevel = level, HoldDownUntil = _now + Doubled(_limits.HoldDown, level, _limits.MaxHoldDown) };
    }

    private void StartRescueInterval()
    {
        var followsClosely = _state.RescueNotBefore is { } until && _now < until + _limits.MaxRescueInterval;
        var level = followsClosely ? _state.RescueLevel + 1 : 0;
        _state = _state with { RescueLevel = level, RescueNotBefore = _now + Doubled(_limits.RescueInterval, level, _limits.MaxRescueInterval) };
    }

    private void Enter(FailoverPhase phase)
    {
        if (_state.Phase != phase)
        {
            _state = _state with { Phase = phase, Since = _now };
        }
        _state = _state with { Announced = null, Needed = 0 };
    }

    private void Announce(DecisionReason reason, string message, bool isWarning = false)
    {
        if (_state.Announced != reason)
        {
            _state = _state with { Announced = reason };
            Say(reason, message, isWarning);
        }
    }

    private void Say(DecisionReason reason, string message, bool isWarning = false) => _decisions.Add(new(reason, message, isWarning));

    private void RecheckAt(DateTimeOffset? instant)
    {
        if (instant is { } at && at > _now)
        {
            _recheckIn = SlotHealth.Earlier(_recheckIn, at - _now);
        }
    }

    /// <summary>Replicas that the other slot needs in order to carry the load of the active one.</summary>
    private int Needed()
    {
        // A slot that was scaled away wants 0 replicas: what it had a moment ago is still visible as leaving pods, later only in the state.
        if (_active.Desired > 0)
        {
            return Share(_active.Desired);
        }
        var remembered = Math.Max(_state.Needed, _state.LastSwitch?.To == _activeSlot ? _state.LastSwitch.Needed : 0);
        return Math.Max(_active.Terminating > 0 ? Share(_active.Terminating) : 1, remembered);

        int Share(int load) => Math.Max(1, ((load * _limits.CapacityPercent) + 99) / 100);
    }

    private static TimeSpan Doubled(TimeSpan start, int level, TimeSpan cap)
    {
        var factor = Math.Pow(2, Math.Min(level, 30));
        return start * factor < cap ? start * factor : cap;
    }

    private static string Sentence(SlotHealth health)
    {
        var words = health.Describe();
        return char.ToUpperInvariant(words[0]) + words[1..] + ".";
    }

    internal static string Words(TimeSpan time) => time switch
    {
        { TotalSeconds: < 1 } => $"{time.TotalMilliseconds:0} ms",
        { TotalSeconds: < 120 } => $"{time.TotalSeconds:0.#} s",
        { TotalMinutes: < 120 } => $"{time.TotalMinutes:0.#} min",
        _ => $"{time.TotalHours:0.#} h",
    };
}
