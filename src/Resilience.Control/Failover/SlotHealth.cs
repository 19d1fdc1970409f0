namespace Resilience.Control.Failover;

/// <summary>What the pods of one slot amount to at one instant.</summary>
/// <param name="Slot">Which.</param>
/// <param name="Desired">Replicas asked for.</param>
/// <param name="Ready">Pods that Kubernetes calls Ready and that are not being deleted.</param>
/// <param name="Serving">Of these, the pods that the prober does not know to be hung.</param>
/// <param name="Settled">Of these, the pods that have been Ready for <see cref="FailoverLimits.ReadyFor"/>.</param>
/// <param name="Lost">Pods that were Ready and are not, are hung, or have only just come back; never starting or leaving ones.</param>
public sealed record SlotHealth(Slot Slot, int Desired, int Ready, int Serving, int Settled, int Lost)
{
    /// <summary>Pods that neither are lost nor missing.</summary>
    public int Solid { get; private init; }

    /// <summary>Pods that are being deleted.</summary>
    public int Terminating { get; private init; }

    /// <summary>Pods called Ready by Kubernetes that do not answer the prober.</summary>
    public int Hung { get; private init; }

    /// <summary>Probe failures that are not believed, because nothing has answered the prober for <see cref="FailoverLimits.DoubtAfter"/> since they began.</summary>
    public int Doubted { get; private init; }

    /// <summary>Time until the next failing pod counts as <see cref="Doubted"/>; null when none is on its way.</summary>
    public TimeSpan? NextDoubtIn { get; private init; }

    /// <summary>Time until the next serving pod counts as settled; null when none is on its way.</summary>
    public TimeSpan? NextSettlesIn { get; private init; }

    /// <summary>When the youngest of the present losses began: the one that tipped the scales. Null without losses.</summary>
    public DateTimeOffset? LastLossAt { get; private init; }

    /// <summary>Whether pods that were Ready are missing, and so many that the slot is below <paramref name="minReady"/>.</summary>
    public bool IsSick(ReadyThreshold minReady)
    {
        // A rollout or a scale-up leaves pods missing that were never Ready: only losses weigh, and only as far as
        // other pods do not make up for them.
        var missed = Math.Min(Lost, Math.Max(0, Desired - Solid));
        return missed > 0 && minReady.IsMissedBy(Desired - missed, Desired);
    }

    /// <summary>Assesses one slot of <paramref name="view"/>.</summary>
    public static SlotHealth Assess(Slot slot, FailoverView view, FailoverLimits limits)
    {
        var facts = view[slot];
        int ready = 0, serving = 0, settled = 0, lost = 0, solid = 0, terminating = 0, hung = 0, doubted = 0;
        TimeSpan? nextSettlesIn = null, nextDoubtIn = null;
        DateTimeOffset? lastLossAt = null;
        foreach (var pod in facts.Pods)
        {
            if (pod.Terminating)
            {
                terminating++;
                continue;
            }
            var believed = IsBelieved(pod, view);
            if (pod.Probe?.FailingSince is { } failing && !believed)
            {
                var rest = failing + limits.DoubtAfter - view.ObservedAt;
                doubted += rest <= TimeSpan.Zero ? 1 : 0;
                nextDoubtIn = rest > TimeSpan.Zero ? Earlier(nextDoubtIn, rest) : nextDoubtIn;
            }
            var age = view.ObservedAt - pod.Since;
            var isHung = pod.Ready && believed;
            var isServing = pod.Ready && !believed;
            var isYoung = isServing && age < limits.ReadyFor;
            var isLost = isHung || (pod.LostReadiness && (!pod.Ready || isYoung));
            ready += pod.Ready ? 1 : 0;
            hung += isHung ? 1 : 0;
            serving += isServing ? 1 : 0;
            settled += isServing && !isYoung ? 1 : 0;
            lost += isLost ? 1 : 0;
            solid += isServing && !isLost ? 1 : 0;
            if (isYoung)
            {
                nextSettlesIn = Earlier(nextSettlesIn, limits.ReadyFor - age);
            }
            if (isLost)
            {
                var since = isHung ? pod.Probe!.FailingSince!.Value : pod.Since;
                lastLossAt = lastLossAt is { } last && last > since ? last : since;
            }
        }
        return new(slot, facts.Desired, ready, serving, settled, lost)
        {
            Solid = solid, Terminating = terminating, Hung = hung, Doubted = doubted, NextDoubtIn = nextDoubtIn, NextSettlesIn = nextSettlesIn, LastLossAt = lastLossAt,
        };
    }

    /// <summary>How many pods can serve, in words.</summary>
    public string Describe()
    {
        var words = $"{Slot.Name()} has {Serving} serving of {Desired} wanted";
        words += Hung > 0 ? $", {Hung} Ready but not answering" : "";
        words += Lost - Hung > 0 ? $", {Lost - Hung} lost" : "";
        return words + (Terminating > 0 ? $", {Terminating} leaving" : "");
    }

    // A failing probe proves a sick pod only if the prober could reach some pod after the failures began. When both
    // slots go silent together there is no such pod, and the prober or its network is the likelier culprit.
    private static bool IsBelieved(PodFacts pod, FailoverView view) =>
        pod.Probe?.FailingSince is { } since
        && (view.Blue.Pods.Any(other => other.Probe?.LastSuccess > since) || view.Green.Pods.Any(other => other.Probe?.LastSuccess > since));

    internal static TimeSpan? Earlier(TimeSpan? left, TimeSpan? right) =>
        left is not { } a ? right : right is not { } b ? left : a < b ? a : b;
}
