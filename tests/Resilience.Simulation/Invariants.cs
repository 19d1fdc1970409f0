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

    /// <summary>One Switchover at a time: while the end of one is not written to it, remembering another would lose that end, and run it again.</summary>
    public static void OnStateChange(World world, FailoverState? before, FailoverState after, string by)
    {
        if (before?.Switchover is { IsFinal: true } ended && after.Switchover?.Uid == ended.Uid)
        {
            Expect(world, after.Switchover.Phase == ended.Phase, $"{by} takes Switchover {ended.Name}, which was {ended.Phase}, for {after.Switchover.Phase}");
        }

        if (before?.Switchover is { } one && after.Switchover?.Uid != one.Uid)
        {
            Expect(world, world.Switchovers.Any(s => s.Request.Uid == one.Uid && s.IsClosed),
                $"{by} turned to {after.Switchover?.Name ?? "nothing"} before Switchover {one.Name} ({one.Phase}) had its end written");
            world.Coverage.Count("next Switchover");
        }
    }

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
            // Without an autoscaler giving it back would shrink the slot under its traffic; after a move it is kept for a while.
            var isNew = world.Moves.LastOrDefault() is { } last && world.Now - last.At < world.Limits.FloorHold + Haze;
            var keeps = slot.Slot == world.Active && (slot.MaxReplicas is null || isNew);
            Expect(world, slot.Loan is null || keeps, $"the floor of {slot.Slot} is still borrowed: {slot.Loan}");
            Expect(world, slot.MaxReplicas is null || slot.Loan is not null || slot.AutoscalerFloor == 2, $"the floor of {slot.Slot} came back as {slot.AutoscalerFloor} instead of 2");
        }

        foreach (var switchover in world.Switchovers)
        {
            Expect(world, switchover.IsClosed, $"Switchover {switchover.Request.Name} was left in {switchover.Phases.LastOrDefault()} ({switchover.Phases.Count} phases)");
        }

        FailbackAtRest(world);
        if (world.Active is { } active)
        {
            Expect(world, world[active].Serving(world.Now) > 0 || world[active.Other()].Serving(world.Now) == 0, $"at rest {active} has the traffic and nothing serves there");
        }
    }

    /// <summary>Traffic that the watcher moved away itself comes back, once the preferred slot has been well for long enough.</summary>
    private static void FailbackAtRest(World world)
    {
        var limits = world.Limits;
        if (limits.Failback != FailbackPolicy.Automatic || world.Moves.LastOrDefault() is not { } last)
        {
            return;
        }

        if (last.Kind == SwitchKind.Failback)
        {
            world.Coverage.Count(last.At >= world.QuietSince ? "came back at rest" : "came back");
            return;
        }

        var preferred = world[limits.Preferred];
        var since = preferred.Pods.Select(p => p.HungUntil > p.Since ? p.HungUntil : p.Since).Append(last.At + limits.MaxHoldDown).Append(world.QuietSince).Max();
        var isPossible = preferred.Serving(world.Now) >= (limits.Prescale ? 1 : world[limits.Preferred.Other()].Desired);
        if (world.Active == limits.Preferred.Other() && last.Kind is SwitchKind.Rescue or SwitchKind.Optional && isPossible)
        {
            world.Coverage.Count("fail-back judged");
            var wait = limits.StableFor + limits.PrescaleTimeout + Haze;
            Expect(world, world.Now - since <= wait, $"{limits.Preferred} is preferred and has been well since {since:HH:mm:ss}, the last move was at {last.At:HH:mm:ss}, and traffic does not come back");
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
