using Microsoft.Extensions.Time.Testing;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.Simulation;

/// <summary>A Switchover as people wrote it, and what the watchers have written to its status.</summary>
internal sealed class SimulatedSwitchover
{
    public required SwitchoverRequest Request { get; set; }

    /// <summary>Every phase its status has had, in order.</summary>
    public List<SwitchoverPhase> Phases { get; } = [];

    public bool IsClosed => Phases.Count > 0 && Phases[^1] >= SwitchoverPhase.Switched;
}

/// <summary>One change of the selector.</summary>
/// <param name="At">When the server had it.</param>
/// <param name="DecidedAt">The instant of the snapshot it was decided on; somebody else's changes have none but their own.</param>
internal sealed record Move(DateTimeOffset At, DateTimeOffset DecidedAt, SwitchKind Kind, Slot? From, Slot? To, string By);

/// <summary>What the API server holds at one instant; immutable.</summary>
internal sealed record WorldView(
    long Number, DateTimeOffset At, long ServiceVersion, Slot? Active, string? State, string? Acknowledgement,
    SlotSnapshot Blue, SlotSnapshot Green, int BlueFloorVersion, int GreenFloorVersion, IReadOnlyList<SwitchoverRequest> Switchovers);

/// <summary>The truth: one Service, two slots, the requests of people. Single-threaded, in virtual time, by seed.</summary>
internal sealed class World
{
    public static readonly BlueGreenKey Key = new("apps", "web");

    private readonly List<WorldView> _views = [];
    private bool _dirty = true;

    public World(int seed, FailoverLimits limits, bool autoscaled)
    {
        Random = new Random(seed);
        Limits = limits;
        Blue = new(Slot.Blue, autoscaled ? 6 : null, 2);
        Green = new(Slot.Green, autoscaled ? 6 : null, 2);
        Blue.WarmUp(Now);
        Green.WarmUp(Now);
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public DateTimeOffset Now => Clock.GetUtcNow();

    public Random Random { get; }

    public FailoverLimits Limits { get; }

    public SimulatedSlot Blue { get; }

    public SimulatedSlot Green { get; }

    public Slot? Active { get; private set; } = Slot.Blue;

    public long ServiceVersion { get; private set; } = 1;

    /// <summary>The annotation, in the shipped wire format.</summary>
    public string? SavedState { get; private set; }

    public string? Acknowledgement { get; private set; }

    public List<SimulatedSwitchover> Switchovers { get; } = [];

    public List<Move> Moves { get; } = [];

    public List<DateTimeOffset> Acknowledgements { get; } = [];

    public List<string> Trace { get; } = [];

    /// <summary>When the trouble ended.</summary>
    public DateTimeOffset QuietSince { get; set; } = DateTimeOffset.MaxValue;

    public bool ApiDown { get; set; }

    /// <summary>Share of requests that go wrong in one way or another.</summary>
    public double FaultRatio { get; set; }

    /// <summary>The newest BlueGreen status that reached the server, and who wrote it.</summary>
    public (FailoverStatus Status, string By)? Status { get; private set; }

    public Coverage Coverage { get; } = new();

    public SimulatedSlot this[Slot slot] => slot == Slot.Blue ? Blue : Green;

    public WorldView Latest => _views[^1];

    /// <summary>The newest view that is at least <paramref name="lag"/> old and not older than one seen before.</summary>
    public WorldView Seen(TimeSpan lag, long atLeast)
    {
        var limit = Now - lag;
        for (var i = _views.Count - 1; i > 0; i--)
        {
            if (_views[i].At <= limit || _views[i].Number <= atLeast)
            {
                return _views[i];
            }
        }

        return _views[0];
    }

    public void Step()
    {
        _dirty |= Blue.Step(Now, Random) | Green.Step(Now, Random);
        if (_dirty || _views.Count == 0)
        {
            Capture();
        }

        if (_views.Count > 64)
        {
            _views.RemoveRange(0, 32);
        }
    }

    public void Touch() => _dirty = true;

    public void Note(string text)
    {
        if (Trace.Count < 20_000)
        {
            Trace.Add($"{(Now - new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)).TotalSeconds,8:0.0} {text}");
        }
    }

    /// <summary>Somebody else patches the selector; null is neither slot.</summary>
    public void PatchExternally(Slot? to)
    {
        if (Moves.LastOrDefault() is { Kind: SwitchKind.External } last && last.From == to && Now - last.At < Invariants.Haze)
        {
            Moves.RemoveAt(Moves.Count - 1);   // there and back faster than caches follow: nobody can be expected to have seen it
        }
        else if (to != Active)
        {
            Moves.Add(new(Now, Now, SwitchKind.External, Active, to, "somebody"));
            Coverage.Count("external");
        }

        Note($"somebody points the selector at {to?.Name() ?? "nothing"}");
        Active = to;
        ServiceVersion++;
        _dirty = true;
    }

    public void Acknowledge()
    {
        Acknowledgement = $"ack-{Acknowledgements.Count}";
        Acknowledgements.Add(Now);
        Note("acknowledged");
        _dirty = true;
    }

    public void Request(SwitchoverRequest request)
    {
        Switchovers.Add(new() { Request = request });
        Note($"asked: {request}");
        _dirty = true;
    }

    /// <summary>The conditional patch. Returns false on 409.</summary>
    public bool Commit(string resourceVersion, FailoverState state, Slot? routeTo, string by)
    {
        if (resourceVersion != $"{ServiceVersion}")
        {
            Coverage.Count("conflict");
            return false;
        }

        Invariants.OnStateChange(this, FailoverStateJson.Read(SavedState), state, by);
        SavedState = FailoverStateJson.Write(state);
        ServiceVersion++;
        _dirty = true;
        if (routeTo is { } to)
        {
            Note($"{by} moves {Active?.Name()} -> {to.Name()} ({state.LastSwitch?.Kind}): {state.LastSwitch?.Reason}");
            Invariants.OnMove(this, state, to, by);
            Moves.Add(new(Now, state.LastSwitch!.At, state.LastSwitch.Kind, Active, to, by));
            Coverage.Count(state.LastSwitch.Kind.ToString());
            Active = to;
        }

        Invariants.OnCommit(this, state, by);
        return true;
    }

    public void Publish(FailoverStatus status, string by)
    {
        Status = (status, by);
        if (status.Switchover is { } progress && Switchovers.FirstOrDefault(s => s.Request.Uid == progress.Uid) is { } known
            && (known.Phases.Count == 0 || known.Phases[^1] != progress.Phase))
        {
            Note($"{by} writes Switchover {progress.Name}: {progress.Phase} ({progress.Message})");
            Invariants.OnSwitchover(this, known, progress.Phase);
            known.Phases.Add(progress.Phase);
            if (progress.IsFinal)
            {
                Coverage.Count(progress.Phase.ToString());
            }

            _dirty = true;
        }
    }

    private void Capture()
    {
        var number = _views.Count == 0 ? 1 : _views[^1].Number + 1;
        _views.Add(new(number, Now, ServiceVersion, Active, SavedState, Acknowledgement, Blue.Snapshot(), Green.Snapshot(), Blue.FloorVersion, Green.FloorVersion,
            [.. Switchovers.Where(s => !s.IsClosed).Select(s => s.Request)]));
        _dirty = false;
    }
}
