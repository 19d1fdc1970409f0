using Resilience.Control.Failover;

namespace Resilience.Simulation;

/// <summary>Which kinds of trouble a run has.</summary>
[Flags]
internal enum Trouble
{
    None = 0,

    /// <summary>Outages, crashes, hangs, flapping, lost readiness.</summary>
    Pods = 1,

    /// <summary>Rollouts and autoscaling, which must not look like trouble.</summary>
    Routine = 2,

    /// <summary>Lost requests and answers, conflicts, lagging caches, API outages.</summary>
    Network = 4,

    /// <summary>Kills, pauses, blind probers.</summary>
    Watchers = 8,

    /// <summary>Switchovers, approvals, selector patches, acknowledgements.</summary>
    People = 16,

    All = Pods | Routine | Network | Watchers | People,
}

/// <summary>Lets things happen to the world at random.</summary>
internal sealed class Scenario(World world, IReadOnlyList<SimulatedWatcher> watchers, Trouble trouble, int replicasAtRest)
{
    private DateTimeOffset _apiBackAt;
    private DateTimeOffset _autoscaleAt;
    private DateTimeOffset _flapUntil;
    private Slot _flapping;
    private DateTimeOffset _nextFlap;
    private int _requests;

    public void Step(bool isQuiet)
    {
        var random = world.Random;
        Recover(isQuiet);
        Autoscale(isQuiet);
        if (isQuiet)
        {
            return;
        }

        if (trouble.HasFlag(Trouble.Pods) && random.Next(150) == 0)
        {
            HurtPods(random.Next(2) == 0 ? Slot.Blue : Slot.Green);
        }

        if (trouble.HasFlag(Trouble.Routine) && random.Next(400) == 0)
        {
            var slot = world[random.Next(2) == 0 ? Slot.Blue : Slot.Green];
            world.Note($"rollout step on {slot.Slot.Name()}");
            slot.Surge(world.Now, random);
        }

        if (trouble.HasFlag(Trouble.Network) && random.Next(1_500) == 0 && !world.ApiDown)
        {
            _apiBackAt = world.Now + TimeSpan.FromSeconds(1 + random.Next(20));
            world.ApiDown = true;
            world.Note("the API server is unreachable");
            world.Coverage.Count("API outage");
        }

        if (trouble.HasFlag(Trouble.Watchers) && random.Next(300) == 0)
        {
            HurtWatcher(watchers[random.Next(watchers.Count)]);
        }

        if (trouble.HasFlag(Trouble.People) && random.Next(300) == 0)
        {
            Meddle();
        }
    }

    private void Recover(bool isQuiet)
    {
        if (world.ApiDown && (isQuiet || world.Now >= _apiBackAt))
        {
            world.ApiDown = false;
            world.Note("the API server is back");
        }

        foreach (var slot in new[] { world.Blue, world.Green })
        {
            if (slot.BeforeAway > 0 && (isQuiet || world.Now >= slot.AwayUntil))
            {
                world.Note($"{slot.Slot.Name()} is scaled back to {slot.BeforeAway}");
                slot.Desired = Math.Max(slot.Desired, slot.BeforeAway);
                slot.BeforeAway = 0;
                world.Touch();
            }
        }

        if (isQuiet && world.Active is null)
        {
            world.PatchExternally(Slot.Blue);
        }

        if (world.Now < _flapUntil && world.Now >= _nextFlap)
        {
            _nextFlap = world.Now + TimeSpan.FromSeconds(2 + world.Random.Next(4));
            foreach (var pod in world[_flapping].Pods.Where(p => !p.Terminating))
            {
                LoseReadiness(pod, TimeSpan.FromSeconds(1 + world.Random.Next(3)));
            }
        }
    }

    private void Autoscale(bool isQuiet)
    {
        if (world.Now < _autoscaleAt)
        {
            return;
        }

        _autoscaleAt = world.Now + TimeSpan.FromSeconds(15);
        foreach (var slot in new[] { world.Blue, world.Green })
        {
            if (slot is { MaxReplicas: { } max, Desired: > 0, BeforeAway: 0 })
            {
                // The standby is idle and small, so that a fail-back usually has to enlarge it first.
                var load = isQuiet ? replicasAtRest : 2 + (trouble.HasFlag(Trouble.Routine) ? world.Random.Next(3) : 0);
                var wanted = slot.Slot == world.Active ? load : 1;
                var next = Math.Clamp(wanted, slot.AutoscalerFloor, max);
                if (next != slot.Desired)
                {
                    slot.Desired = next;
                    world.Touch();
                }
            }
        }
    }

    private void HurtPods(Slot at)
    {
        var random = world.Random;
        var slot = world[at];
        var pods = slot.Pods.Where(p => !p.Terminating).ToList();
        switch (random.Next(6))
        {
            case 0 when slot.BeforeAway == 0 && slot.Desired > 0:
                slot.BeforeAway = slot.Desired;
                slot.AwayUntil = world.Now + TimeSpan.FromSeconds(5 + random.Next(40));
                slot.Desired = 0;
                world.Note($"outage: {at.Name()} is scaled away");
                world.Coverage.Count("outage");
                break;
            case 1:
                world.Note($"crash: all pods of {at.Name()}");
                pods.ForEach(p => LoseReadiness(p, TimeSpan.FromSeconds(1 + random.Next(10))));
                break;
            case 2 when pods.Count > 0:
                world.Note($"crash: one pod of {at.Name()}, for long");
                LoseReadiness(pods[random.Next(pods.Count)], TimeSpan.FromSeconds(10 + random.Next(60)));
                break;
            case 3:
                var until = world.Now + TimeSpan.FromSeconds(3 + random.Next(30));
                world.Note($"hang: all pods of {at.Name()} until {until:HH:mm:ss}");
                world.Coverage.Count("hang");
                pods.ForEach(p => p.HungUntil = until);
                break;
            case 4 when world.Now >= _flapUntil:
                (_flapping, _flapUntil, _nextFlap) = (at, world.Now + TimeSpan.FromSeconds(10 + random.Next(40)), world.Now);
                world.Note($"flap: {at.Name()}");
                break;
            case 5 when random.Next(3) == 0:
                world.Note("both slots down");
                world.Coverage.Count("both down");
                var time = TimeSpan.FromSeconds(2 + random.Next(15));
                world.Blue.Pods.Concat(world.Green.Pods).Where(p => !p.Terminating).ToList().ForEach(p => LoseReadiness(p, time));
                break;
        }

        world.Touch();
    }

    private void LoseReadiness(SimulatedPod pod, TimeSpan time)
    {
        pod.SetReady(false, world.Now);
        pod.ReadyAt = world.Now + time;
        world.Touch();
    }

    private void HurtWatcher(SimulatedWatcher watcher)
    {
        var random = world.Random;
        switch (random.Next(4))
        {
            case 0:
                watcher.Kill(TimeSpan.FromSeconds(1 + random.Next(10)));
                break;
            case 1 or 2:
                watcher.Pause(TimeSpan.FromMilliseconds(random.Next(12_000)));
                world.Coverage.Count(watcher.IsLeader ? "leader paused" : "follower paused");
                break;
            default:
                watcher.ProberBlindUntil = world.Now + TimeSpan.FromSeconds(random.Next(10));
                world.Note($"{watcher.Name}'s prober goes blind");
                world.Coverage.Count("prober blind");
                break;
        }
    }

    private void Meddle()
    {
        var random = world.Random;
        switch (random.Next(8))
        {
            case 0:
                world.PatchExternally(world.Active == Slot.Blue ? Slot.Green : Slot.Blue);
                break;
            case 1 when random.Next(3) == 0:
                world.PatchExternally(null);
                break;
            case 2:
                world.Acknowledge();
                break;
            case 3 when world.Active is null:
                world.PatchExternally(Slot.Green);
                break;
            case 4 or 5 when world.Switchovers.LastOrDefault(s => s.Request is { NeedsApproval: true, Verdict: null } && !s.IsClosed) is { } waiting:
                waiting.Request = waiting.Request with { Verdict = new(random.Next(3) > 0, "somebody") };
                world.Note($"verdict on {waiting.Request.Name}: {waiting.Request.Verdict}");
                world.Touch();
                break;
            default:
                AskForSwitchover();
                break;
        }
    }

    private void AskForSwitchover()
    {
        var random = world.Random;
        if (world.Switchovers.Count(s => !s.IsClosed) >= 3)
        {
            return;
        }

        var number = ++_requests;
        world.Request(new SwitchoverRequest($"so-{number}", $"so-{number}", random.Next(2) == 0 ? Slot.Blue : Slot.Green)
        {
            ExpiresAt = world.Now + TimeSpan.FromSeconds(5 + random.Next(100)),
            ExpectedActive = random.Next(2) == 0 ? world.Active : null,
            NeedsApproval = random.Next(3) == 0,
            Prescale = random.Next(4) > 0,
        });
    }
}
