using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.Simulation;

/// <summary>A pod: starts, becomes Ready, may lose readiness, hang, leave.</summary>
internal sealed class SimulatedPod(int number, Slot slot, DateTimeOffset readyAt)
{
    public string Uid { get; } = $"{slot.Name()}-{number}";

    public bool Ready { get; private set; }

    public DateTimeOffset Since { get; private set; }

    public bool LostReadiness { get; private set; }

    /// <summary>When it becomes Ready; null when nothing will make it so.</summary>
    public DateTimeOffset? ReadyAt { get; set; } = readyAt;

    /// <summary>Ready to Kubernetes, dead to users until then.</summary>
    public DateTimeOffset HungUntil { get; set; }

    public DateTimeOffset? LeavesAt { get; set; }

    public bool Terminating => LeavesAt is not null;

    public void SetReady(bool ready, DateTimeOffset now)
    {
        if (Ready != ready)
        {
            LostReadiness |= Ready;
            Ready = ready;
            Since = now;
        }
    }

    public bool Serves(DateTimeOffset now) => Ready && !Terminating && HungUntil <= now;

    public PodSnapshot Snapshot() =>
        new(new PodFacts(Uid, Ready, Since) { LostReadiness = LostReadiness, Terminating = Terminating }, Uid, "127.0.0.1");
}

/// <summary>A Deployment with its pods and, usually, an autoscaler.</summary>
internal sealed class SimulatedSlot(Slot slot, int? maxReplicas, int floor)
{
    private int _pods;

    public Slot Slot { get; } = slot;

    public List<SimulatedPod> Pods { get; } = [];

    /// <summary>Null: no autoscaler, the floor is the Deployment's replica count.</summary>
    public int? MaxReplicas { get; } = maxReplicas;

    public int Desired { get; set; } = floor;

    /// <summary>minReplicas of the autoscaler; meaningless without one.</summary>
    public int AutoscalerFloor { get; set; } = floor;

    public int Floor => MaxReplicas is null ? Desired : AutoscalerFloor;

    public FloorLoan? Loan { get; set; }

    /// <summary>Changes with every write of the floor, like a resourceVersion.</summary>
    public int FloorVersion { get; set; }

    /// <summary>Scaled away by somebody: the autoscaler does nothing at 0.</summary>
    public DateTimeOffset AwayUntil { get; set; }

    /// <summary>What the slot had before it was scaled away.</summary>
    public int BeforeAway { get; set; }

    public int Serving(DateTimeOffset now) => Pods.Count(p => p.Serves(now));

    public int Settled(DateTimeOffset now, TimeSpan readyFor) => Pods.Count(p => p.Serves(now) && now - p.Since >= readyFor);

    public void SetFloor(int value)
    {
        FloorVersion++;
        if (MaxReplicas is null)
        {
            Desired = value;
        }
        else
        {
            AutoscalerFloor = value;
        }
    }

    /// <summary>The kubelet and the Deployment controller.</summary>
    public bool Step(DateTimeOffset now, Random random)
    {
        var changed = Pods.RemoveAll(p => p.LeavesAt <= now) > 0;
        foreach (var pod in Pods.Where(p => !p.Terminating && !p.Ready && p.ReadyAt <= now))
        {
            pod.SetReady(true, now);
            changed = true;
        }

        var live = Pods.Count(p => !p.Terminating);
        for (; live < Desired; live++)
        {
            Pods.Add(new(++_pods, Slot, now + TimeSpan.FromMilliseconds(500 + random.Next(2_500))));
            changed = true;
        }

        for (; live > Desired; live--)
        {
            // Like a ReplicaSet, which takes pods that are not Ready first.
            var victim = Pods.Where(p => !p.Terminating).OrderBy(p => p.Ready).ThenByDescending(p => p.Since).First();
            victim.LeavesAt = now + TimeSpan.FromSeconds(2);
            changed = true;
        }

        return changed;
    }

    /// <summary>Replaces one pod: the new one comes first, as in a rolling update with maxUnavailable 0.</summary>
    public void Surge(DateTimeOffset now, Random random) =>
        Pods.Add(new(++_pods, Slot, now + TimeSpan.FromMilliseconds(500 + random.Next(2_500))));

    /// <summary>The slot has been up for a while when the simulation begins.</summary>
    public void WarmUp(DateTimeOffset now)
    {
        for (var i = 0; i < Desired; i++)
        {
            var pod = new SimulatedPod(++_pods, Slot, now);
            pod.SetReady(true, now - TimeSpan.FromHours(1));
            Pods.Add(pod);
        }
    }

    public SlotSnapshot Snapshot()
    {
        var pods = Pods.Select(p => p.Snapshot()).ToList();
        return new(new SlotFacts(Desired, [.. pods.Select(p => p.Facts)]) { MaxReplicas = MaxReplicas, Floor = Floor, Loan = Loan }, pods);
    }
}
