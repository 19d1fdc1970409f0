using System.Collections.Concurrent;
using System.Diagnostics;
using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Reconciling;

/// <summary>Read, decide, commit once. Safe to call for different keys at the same time; the queue never hands out one key twice at once.</summary>
internal sealed partial class FailoverReconciler(
    IFailoverCluster cluster, IProber prober, FailoverMetrics metrics, TimeProvider clock, ILogger<FailoverReconciler> logger)
{
    /// <summary>A conflict means that somebody was faster; after this many in a row the key goes back to the queue and waits its turn.</summary>
    private const int MaxAttempts = 4;

    private readonly ConcurrentDictionary<BlueGreenKey, Memory> _memories = new();

    /// <summary>Makes one decision for <paramref name="key"/> and carries it out.</summary>
    /// <returns>How long until the key should be looked at again if nothing changes; null when only a change can matter.</returns>
    public async Task<TimeSpan?> ReconcileAsync(BlueGreenKey key, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var from = attempt == 1 ? ReadFrom.Cache : ReadFrom.Server;
                return await TryReconcileAsync(key, from, cancellationToken).ConfigureAwait(false);
            }
            catch (StaleSnapshotException stale) when (attempt < MaxAttempts)
            {
                metrics.Conflicted();
                LogConflict(logger, key, attempt, stale.Message);
            }
        }
    }

    private async Task<TimeSpan?> TryReconcileAsync(BlueGreenKey key, ReadFrom from, CancellationToken cancellationToken)
    {
        if (await cluster.ReadAsync(key, from, cancellationToken).ConfigureAwait(false) is not { } seen)
        {
            prober.Watch(key, null, []);
            _memories.TryRemove(key, out _);
            metrics.Forgot(key);
            return null;
        }
        var memory = _memories.GetOrAdd(key, _ => new());
        if (seen.InvalidSpec is { } objection)
        {
            prober.Watch(key, null, []);
            cluster.Publish(key, new() { Mode = seen.Limits.Mode, Active = seen.Active, Message = objection, InvalidSpec = objection }, []);
            return null;
        }
        prober.Watch(key, seen.Probe, Targets(seen));
        memory.ChangedAt = seen.ChangedAt ?? memory.ChangedAt;

        var view = View(seen);
        // In Observe and Paused nothing may be written, so the state of the machine lives here and is lost with the process.
        var acts = seen.Limits.Mode == FailoverMode.Auto;
        var state = acts ? seen.State : memory.Shadow ?? seen.State;
        var step = FailoverPolicy.Decide(state, view, seen.Limits);
        var decidedAt = clock.GetUtcNow();
        AnnouncePending(key, memory, seen);
        memory.Shadow = acts ? null : step.State;
        if (acts && step.State != seen.State)
        {
            await CommitAsync(seen, step, memory, decidedAt, cancellationToken).ConfigureAwait(false);
        }
        memory.ChangedAt = null;
        var (floors, others) = (step.Decisions.Where(IsAboutFloors).ToList(), step.Decisions.Where(decision => !IsAboutFloors(decision)).ToList());
        Publish(key, seen, view, step, memory, others);
        await KeepFloorsAsync(key, step, cancellationToken).ConfigureAwait(false);
        if (floors.Count > 0)
        {
            // Only now: a floor that could not be changed is tried again, and would be announced each time.
            Publish(key, seen, view, step, memory, floors);
        }
        return step.RecheckIn;
    }

    private async Task CommitAsync(FailoverSnapshot seen, FailoverStep step, Memory memory, DateTimeOffset decidedAt, CancellationToken cancellationToken)
    {
        using var activity = metrics.Source.StartActivity(step.RouteTo is null ? "save-state" : "move-traffic");
        Describe(activity, seen, step);
        // If the answer to the patch is lost it may still have been carried out: then the next read shows this state and it is announced late.
        memory.Pending = new(step, memory.ChangedAt ?? seen.ObservedAt, decidedAt);
        try
        {
            await cluster.CommitAsync(seen.Key, seen.ResourceVersion, step.State, step.RouteTo, cancellationToken).ConfigureAwait(false);
        }
        catch (StaleSnapshotException)
        {
            memory.Pending = null;
            throw;
        }
        var patchedAt = clock.GetUtcNow();
        var pending = memory.Pending;
        memory.Pending = null;
        RecordMove(seen.Key, memory, pending, patchedAt);
    }

    private void AnnouncePending(BlueGreenKey key, Memory memory, FailoverSnapshot seen)
    {
        if (memory.Pending is { } pending && pending.Step.State == seen.State)
        {
            memory.Pending = null;
            RecordMove(key, memory, pending, patchedAt: null);
            memory.Late.AddRange(pending.Step.Decisions.Where(decision => !IsAboutFloors(decision)));
            Announce(key, memory.Late);
        }
    }

    private void RecordMove(BlueGreenKey key, Memory memory, PendingCommit pending, DateTimeOffset? patchedAt)
    {
        if (pending.Step is not { RouteTo: { } to, State.LastSwitch: { } last })
        {
            return;
        }
        memory.Timing = new(last, pending.DetectedAt, pending.DecidedAt, patchedAt);
        metrics.Moved(memory.Timing);
        LogMoved(logger, key, last.From.Name(), to.Name(), last.Kind, memory.Timing.DetectMilliseconds, memory.Timing.DecideMilliseconds,
            memory.Timing.PatchMilliseconds, last.Reason);
    }

    private void Publish(BlueGreenKey key, FailoverSnapshot seen, FailoverView view, FailoverStep step, Memory memory, List<FailoverDecision> decisions)
    {
        Announce(key, decisions);
        decisions = [.. memory.Late, .. decisions];
        memory.Late.Clear();
        memory.Message = decisions.Count > 0 ? decisions[^1].Message : memory.Message;
        var active = step.RouteTo ?? seen.Active;
        var last = step.State.LastSwitch;
        var status = new FailoverStatus
        {
            Mode = seen.Limits.Mode,
            Active = active,
            Phase = step.State.Phase,
            Blue = Summarise(Slot.Blue, view, seen.Limits),
            Green = Summarise(Slot.Green, view, seen.Limits),
            SuppressedUntil = step.State.HoldDownUntil > seen.ObservedAt ? step.State.HoldDownUntil : null,
            LastSwitch = last is null ? null : memory.Timing is { } timing && timing.Switch == last ? timing : new(last, null, last.At, null),
            Switchover = step.State.Switchover,
            Message = memory.Message,
        };
        metrics.Observed(key, status);
        cluster.Publish(key, status, decisions);
    }

    private void Announce(BlueGreenKey key, IReadOnlyList<FailoverDecision> decisions)
    {
        foreach (var decision in decisions)
        {
            metrics.Decided(decision);
            LogDecision(logger, decision.IsWarning ? LogLevel.Warning : LogLevel.Information, key, decision.Reason, decision.Message);
        }
    }

    private async Task KeepFloorsAsync(BlueGreenKey key, FailoverStep step, CancellationToken cancellationToken)
    {
        if (step.Borrow is { } request)
        {
            await cluster.BorrowFloorAsync(key, request, cancellationToken).ConfigureAwait(false);
        }
        foreach (var slot in step.Return)
        {
            await cluster.ReturnFloorAsync(key, slot, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsAboutFloors(FailoverDecision decision) => decision.Reason == DecisionReason.FloorChanged;

    private FailoverView View(FailoverSnapshot seen) => new(seen.ObservedAt, seen.Active, Probed(seen.Key, seen.Blue), Probed(seen.Key, seen.Green))
    {
        Acknowledgement = seen.Acknowledgement, Switchovers = seen.Switchovers,
    };

    private SlotFacts Probed(BlueGreenKey key, SlotSnapshot slot) =>
        slot.Facts with { Pods = [.. slot.Pods.Select(pod => pod.Facts with { Probe = prober.Look(key, pod.Uid) })] };

    // Only pods that Kubernetes calls Ready are probed: the others are known not to serve, and probing a starting pod proves nothing.
    private static List<ProbeTarget> Targets(FailoverSnapshot seen) =>
        [.. seen.Blue.Pods.Concat(seen.Green.Pods)
            .Where(pod => pod is { Address: not null, Facts: { Ready: true, Terminating: false } })
            .Select(pod => new ProbeTarget(pod.Uid, pod.Facts.Name, pod.Address!))];

    private static SlotSummary Summarise(Slot slot, FailoverView view, FailoverLimits limits)
    {
        var health = SlotHealth.Assess(slot, view, limits);
        return new(health.Serving, health.Desired, health.Serving > 0 && !health.IsSick(limits.MinReady));
    }

    private static void Describe(Activity? activity, FailoverSnapshot seen, FailoverStep step)
    {
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag("resilience.bluegreen", seen.Key.ToString());
            activity.SetTag("resilience.phase", step.State.Phase.ToString());
            activity.SetTag("resilience.from", seen.Active?.Name());
            activity.SetTag("resilience.to", step.RouteTo?.Name());
            activity.SetTag("resilience.reason", string.Join(' ', step.Decisions.Select(decision => decision.Message)));
        }
    }

    [LoggerMessage(EventId = 1001, EventName = "TrafficMoved", Level = LogLevel.Warning,
        Message = "{BlueGreen}: moved traffic from {From} to {To} ({Kind}); detect {DetectMilliseconds} ms, decide {DecideMilliseconds} ms, patch {PatchMilliseconds} ms. {Reason}")]
    private static partial void LogMoved(ILogger logger, BlueGreenKey blueGreen, string from, string to, SwitchKind kind,
        double? detectMilliseconds, double? decideMilliseconds, double? patchMilliseconds, string reason);

    [LoggerMessage(EventId = 1002, EventName = "Decision", Message = "{BlueGreen}: {Reason}: {Sentence}")]
    private static partial void LogDecision(ILogger logger, LogLevel level, BlueGreenKey blueGreen, DecisionReason reason, string sentence);

    [LoggerMessage(EventId = 1003, EventName = "Conflict", Level = LogLevel.Information,
        Message = "{BlueGreen}: decided on an old snapshot (attempt {Attempt}), reading afresh: {Detail}")]
    private static partial void LogConflict(ILogger logger, BlueGreenKey blueGreen, int attempt, string detail);

    private sealed record PendingCommit(FailoverStep Step, DateTimeOffset DetectedAt, DateTimeOffset DecidedAt);

    /// <summary>What this process remembers about one key. Losing it costs a late announcement or a timing, never a wrong move.</summary>
    private sealed class Memory
    {
        public FailoverState? Shadow { get; set; }

        public PendingCommit? Pending { get; set; }

        public SwitchTiming? Timing { get; set; }

        public DateTimeOffset? ChangedAt { get; set; }

        public string? Message { get; set; }

        public List<FailoverDecision> Late { get; } = [];
    }
}
