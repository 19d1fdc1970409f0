using Resilience.Control.Failover;

namespace Resilience.Simulation;

/// <summary>A promise was broken; the trace says how it came to that.</summary>
internal sealed class BrokenPromiseException(string message) : Exception(message);

/// <summary>The promises of the watcher, judged from the truth and not from what the watcher says.</summary>
internal static class Invariants
{
    /// <summary>A cache may be this old and a request this long under way before the world has moved on too far to blame anybody.</summary>
    public static readonly TimeSpan Haze = TimeSpan.FromSeconds(4);

    public static void OnMove(World world, FailoverState state, Slot to, string by)
    {
        var last = state.LastSwitch ?? throw Broken(world, $"{by} moved traffic without recording the move");
        Expect(world, world.Active is { } from && from != to && last.From == from && last.To == to,
            $"{by} moved to {to} believing that {last.From} was active, but it is {world.Active?.ToString() ?? "neither"}");
        var since = world.Now - Haze;
        Expect(world, world[to].Pods.Any(p => p.Ready || p.Since >= since), $"{by} moved to {to}, which has had no Ready pod for {Haze.TotalSeconds} s");
        var kind = last.Kind;
        if (kind is SwitchKind.Optional or SwitchKind.Failback)
        {
            OptionalMove(world, last);
        }

        if (kind == SwitchKind.Rescue)
        {
            Rescue(world, last);
        }

        if (kind == SwitchKind.Switchover)
        {
            Expect(world, world.Switchovers.Any(s => s.Request.Uid == state.Switchover?.Uid), "traffic moved for a Switchover that nobody asked for");
        }
    }

    public static void OnCommit(World world, FailoverState state, string by) =>
        Expect(world, world.Active is null || state.Active == world.Active, $"{by} saved a state for {state.Active} while {world.Active} has the traffic: state and selector are parted");

    public static void OnSwitchover(World world, SimulatedSwitchover switchover, SwitchoverPhase next) =>
        Expect(world, !switchover.IsClosed, $"Switchover {switchover.Request.Name} was {switchover.Phases.LastOrDefault()} and is now {next}");

    /// <summary>At rest: the status tells the truth, loans are back, requests are answered.</summary>
    public static void AtRest(World world)
    {
        var (status, by) = world.Status ?? throw Broken(world, "no status was ever written");
        Expect(world, status.Active == world.Active, $"status (by {by}) says {status.Active}, the selector says {world.Active}");
        foreach (var (slot, told) in new[] { (world.Blue, status.Blue), (world.Green, status.Green) })
        {
            Expect(world, told.Ready == slot.Serving(world.Now), $"status (by {by}) says {told.Ready} pods of {slot.Slot} serve, {slot.Serving(world.Now)} do");
            var keeps = slot.MaxReplicas is null && slot.Slot == world.Active;   // giving it back would shrink the slot under its traffic
            Expect(world, slot.Loan is null || keeps, $"the floor of {slot.Slot} is still borrowed: {slot.Loan}");
            Expect(world, slot.MaxReplicas is null || slot.AutoscalerFloor == 2, $"the floor of {slot.Slot} came back as {slot.AutoscalerFloor} instead of 2");
        }

        foreach (var switchover in world.Switchovers)
        {
            Expect(world, switchover.IsClosed, $"Switchover {switchover.Request.Name} was left in {switchover.Phases.LastOrDefault()} ({switchover.Phases.Count} phases)");
        }

        if (world.Active is { } active)
        {
            Expect(world, world[active].Serving(world.Now) > 0 || world[active.Other()].Serving(world.Now) == 0, $"at rest {active} has the traffic and nothing serves there");
        }
    }

    private static void OptionalMove(World world, SwitchRecord move)
    {
        // Hold-down follows every move but approved ones; only an acknowledgement ends it early.
        var before = world.Moves.LastOrDefault(m => m.Kind != SwitchKind.Switchover && m is { From: not null, To: not null });
        if (before is null || world.Acknowledgements.Any(a => a >= before.DecidedAt - Haze))
        {
            return;
        }

        var gap = move.At - before.DecidedAt;
        Expect(world, gap >= world.Limits.HoldDown, $"{move.Kind} move only {gap.TotalSeconds:0.0} s after {before.Kind}");
    }

    private static void Rescue(World world, SwitchRecord move)
    {
        var rescues = world.Moves.Where(m => m.Kind == SwitchKind.Rescue).TakeLast(2).ToList();
        if (rescues.Count == 0 || world.Acknowledgements.Any(a => a >= rescues[0].DecidedAt - Haze))
        {
            return;
        }

        Expect(world, move.At - rescues[^1].DecidedAt >= world.Limits.RescueInterval, $"two rescues within {(move.At - rescues[^1].DecidedAt).TotalSeconds:0.0} s");
        if (rescues.Count == 2)
        {
            // The interval doubles: 5 s, then 10 s.
            var three = move.At - rescues[0].DecidedAt;
            Expect(world, three >= world.Limits.RescueInterval * 3, $"three rescues within {three.TotalSeconds:0.0} s");
        }
    }

    public static void Expect(World world, bool holds, string promise)
    {
        if (!holds)
        {
            throw Broken(world, promise);
        }
    }

    public static BrokenPromiseException Broken(World world, string promise)
    {
        world.Note("BROKEN: " + promise);
        return new(promise);
    }
}
