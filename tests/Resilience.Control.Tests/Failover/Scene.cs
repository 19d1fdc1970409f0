using Resilience.Control.Failover;

namespace Resilience.Control.Tests.Failover;

/// <summary>A small world for the policy: pods that the test moves, a clock that the test turns, every step carried out as decided.</summary>
internal sealed class Scene
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Dictionary<Slot, List<PodFacts>> _pods = new() { [Slot.Blue] = [], [Slot.Green] = [] };
    private readonly Dictionary<Slot, FloorLoan?> _loans = new() { [Slot.Blue] = null, [Slot.Green] = null };

    public Scene(int blue = 2, int green = 2, FailoverLimits? limits = null)
    {
        Limits = limits ?? new();
        Desired = new() { [Slot.Blue] = blue, [Slot.Green] = green };
        Floors = new() { [Slot.Blue] = Math.Max(1, blue), [Slot.Green] = Math.Max(1, green) };
        Fill(Slot.Blue, blue);
        Fill(Slot.Green, green);
    }

    public FailoverLimits Limits { get; set; }

    public DateTimeOffset Now { get; private set; } = Start;

    public Slot? Active { get; set; } = Slot.Blue;

    public FailoverState? State { get; set; }

    public Dictionary<Slot, int> Desired { get; }

    public Dictionary<Slot, int> Floors { get; }

    public int? MaxReplicas { get; set; } = 5;

    public string? Acknowledgement { get; set; }

    public List<SwitchoverRequest> Switchovers { get; } = [];

    public List<(DateTimeOffset At, SwitchRecord Switch)> Moves { get; } = [];

    public List<FailoverDecision> Said { get; } = [];

    public FailoverStep Last { get; private set; } = new(new FailoverState(FailoverPhase.Serving, Start, Slot.Blue));

    public IReadOnlyList<PodFacts> Pods(Slot slot) => _pods[slot];

    public FailoverView View() => new(Now, Active, Facts(Slot.Blue), Facts(Slot.Green)) { Acknowledgement = Acknowledgement, Switchovers = [.. Switchovers] };

    /// <summary>Lets time pass, then decides once.</summary>
    public FailoverStep After(double seconds)
    {
        Pass(TimeSpan.FromSeconds(seconds));
        return Decide();
    }

    public void Pass(TimeSpan time) => Now += time;

    public FailoverStep Decide()
    {
        var step = FailoverPolicy.Decide(State, View(), Limits);
        if (step.RouteTo is { } to)
        {
            Active = to;
            Moves.Add((Now, step.State.LastSwitch!));
        }
        State = step.State;
        if (step.Borrow is { } borrow)
        {
            _loans[borrow.Slot] = new(FailoverPolicy.Owner, borrow.Replicas, _loans[borrow.Slot]?.Before ?? Floors[borrow.Slot], borrow.Expires);
            Floors[borrow.Slot] = borrow.Replicas;
            Desired[borrow.Slot] = Math.Max(Desired[borrow.Slot], borrow.Wake ? borrow.Replicas : 0);
        }
        foreach (var slot in step.Return)
        {
            Floors[slot] = _loans[slot]!.Before;
            _loans[slot] = null;
        }
        Said.AddRange(step.Decisions);
        return Last = step;
    }

    /// <summary>Decides every 100 ms for a while.</summary>
    public void Run(double seconds)
    {
        for (var end = Now.AddSeconds(seconds); Now < end;)
        {
            After(0.1);
        }
    }

    /// <summary>Gives a slot so many pods that have been Ready for a long time.</summary>
    public void Fill(Slot slot, int count) => _pods[slot] = [.. Enumerable.Range(0, count).Select(i => new PodFacts($"{slot.Name()}-{i}", true, Now.AddHours(-1)))];

    /// <summary>Adds a pod that is starting and not Ready.</summary>
    public void Begin(Slot slot, int count = 1) => _pods[slot].AddRange(Enumerable.Range(0, count).Select(i => new PodFacts($"{slot.Name()}-new-{_pods[slot].Count + i}", false, Now)));

    /// <summary>Makes every pod of a slot that is not Ready Ready now.</summary>
    public void Heal(Slot slot) => Change(slot, pod => pod.Ready ? pod : pod with { Ready = true, Since = Now });

    /// <summary>Lets so many Ready pods lose readiness.</summary>
    public void Lose(Slot slot, int count) => Change(slot, pod => pod.Ready && count-- > 0 ? pod with { Ready = false, Since = Now, LostReadiness = true } : pod);

    /// <summary>Scales a slot to 0: its pods are leaving.</summary>
    public void ScaleAway(Slot slot)
    {
        Desired[slot] = 0;
        Change(slot, pod => pod with { Terminating = true });
    }

    public void Clear(Slot slot) => _pods[slot].Clear();

    /// <summary>Pods keep their readiness, but probes fail since now; pods that answer, answered now.</summary>
    public void Probe(Slot slot, bool answers) => Change(slot, pod => pod with
    {
        Probe = answers ? new ProbeFacts(null, Now) : new ProbeFacts(pod.Probe?.FailingSince ?? Now, pod.Probe?.LastSuccess),
    });

    public void Change(Slot slot, Func<PodFacts, PodFacts> change) => _pods[slot] = [.. _pods[slot].Select(change)];

    private SlotFacts Facts(Slot slot) => new(Desired[slot], [.. _pods[slot]])
    {
        MaxReplicas = MaxReplicas, Floor = MaxReplicas is null ? Desired[slot] : Floors[slot], Loan = _loans[slot],
    };
}
