using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Options;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Probing;

/// <summary>
/// Probes every Ready pod of both slots, one loop per pod, so that a slow pod delays no other. When one begins to fail, the others are asked
/// ahead of their turn: what has befallen it may have befallen them, and only an answer of somebody's shows that the failure is its own. A
/// failure counts only if the prober itself was on time.
/// </summary>
internal sealed partial class ActiveProber(IOptions<WatcherOptions> options, FailoverMetrics metrics, TimeProvider clock, ILogger<ActiveProber> logger)
    : IProber, IDisposable
{
    /// <summary>No pod is probed more often than once in this part of the interval; so soon whoever refused is asked again, because nothing can still come of waiting.</summary>
    private const int SoonestShare = 5;

    private readonly SemaphoreSlim _slots = new(options.Value.MaxConcurrentProbes);
    private readonly ConcurrentDictionary<BlueGreenKey, Group> _groups = new();
    private readonly Lock _gate = new();
    private bool _disposed;

    /// <summary>What is known about a pod has changed in a way that a decision may depend on.</summary>
    public event Action<BlueGreenKey>? Changed;

    public void Watch(BlueGreenKey key, ProbeSettings? settings, IReadOnlyList<ProbeTarget> targets)
    {
        lock (_gate)
        {
            if (settings is null || _disposed)
            {
                Stop(key);
                return;
            }
            if (_groups.TryGetValue(key, out var group) && group.Settings != settings)
            {
                Stop(key);
                group = null;
            }
            group ??= _groups[key] = new(key, settings);
            group.Keep([.. targets.Select(target => target.Uid)]);
            foreach (var target in targets)
            {
                if (!group.Pods.ContainsKey(target.Uid) && IPAddress.TryParse(target.Address, out var address))
                {
                    var pod = new Pod(target.Name, new(address, settings.Port), new(settings.Failures));
                    group.Pods[target.Uid] = pod;
                    _ = LoopAsync(group, pod);
                }
            }
        }
    }

    public ProbeFacts? Look(BlueGreenKey key, string uid) =>
        _groups.TryGetValue(key, out var group) && group.Pods.TryGetValue(uid, out var pod) ? pod.Record.Facts : null;

    /// <summary>Stops all probing and forgets its results; <see cref="Watch"/> starts it again.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            foreach (var key in _groups.Keys)
            {
                Stop(key);
            }
        }
    }

    public void Dispose()
    {
        // Registered under two types, so the container disposes it twice.
        lock (_gate)
        {
            _disposed = true;
        }
        Clear();
        _slots.Dispose();
    }

    private void Stop(BlueGreenKey key)
    {
        if (_groups.TryRemove(key, out var group))
        {
            group.Keep([]);
        }
    }

    private async Task LoopAsync(Group group, Pod pod)
    {
        var token = pod.Stop.Token;
        // Opening sockets is not for the decision that has just called Watch to wait for.
        await Task.Yield();
        try
        {
            while (!token.IsCancellationRequested)
            {
                var started = clock.GetTimestamp();
                pod.Hurried = new(TaskCreationOptions.RunContinuationsAsynchronously);
                var outcome = await ProbeOnceAsync(group, pod, token).ConfigureAwait(false);
                var soonest = group.Settings.Interval / SoonestShare;
                var isAskedAgain = outcome == ProbeOutcome.Refused && pod.Record.Facts.FailingSince is null;
                if (await RestAsync(pod, started, isAskedAgain ? soonest : group.Settings.Interval, pod.Record.IsFailing ? null : pod.Hurried.Task, token).ConfigureAwait(false))
                {
                    await RestAsync(pod, started, soonest, null, token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The pod is not watched any more.
        }
        catch (ObjectDisposedException) when (_disposed)
        {
            // The process is ending.
        }
        catch (Exception failure)
        {
            LogLoopFailed(logger, failure, group.Key, pod.Name);
        }
    }

    /// <summary>Waits until so long after the last probe began, or until <paramref name="hurried"/>.</summary>
    /// <returns>True when it was hurried.</returns>
    private async Task<bool> RestAsync(Pod pod, long started, TimeSpan interval, Task? hurried, CancellationToken token)
    {
        var rest = interval - clock.GetElapsedTime(started);
        rest = rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
        var wake = rest > TimeSpan.Zero ? Task.Delay(rest, clock, token) : Task.CompletedTask;
        // Read once the alarm is set: a stall before that is not the next probe's lateness.
        pod.Due = clock.GetTimestamp() + (long)(rest.TotalSeconds * clock.TimestampFrequency);
        var first = hurried is null ? wake : await Task.WhenAny(wake, hurried).ConfigureAwait(false);
        await first.ConfigureAwait(false);
        return first == hurried;
    }

    /// <returns>Null when the prober was late and the outcome says nothing.</returns>
    private async Task<ProbeOutcome?> ProbeOnceAsync(Group group, Pod pod, CancellationToken token)
    {
        var settings = group.Settings;
        await _slots.WaitAsync(token).ConfigureAwait(false);
        try
        {
            var startedLate = pod.Due is { } due ? clock.GetElapsedTime(due) : TimeSpan.Zero;
            var startedAt = clock.GetUtcNow();
            var start = clock.GetTimestamp();
            var outcome = await HttpProbe.SendAsync(pod.Endpoint, settings.Path, settings.Timeout, clock, token).ConfigureAwait(false);
            var finishedLate = clock.GetElapsedTime(start) - settings.Timeout;
            var tolerance = options.Value.LatenessTolerance;
            if (outcome != ProbeOutcome.Success && (startedLate > tolerance || finishedLate > tolerance))
            {
                metrics.Probed("discarded");
                LogDiscarded(logger, group.Key, pod.Name, outcome, (startedLate > finishedLate ? startedLate : finishedLate).TotalMilliseconds);
                return null;
            }
            metrics.Probed(outcome.ToString());
            Note(group, pod, outcome, startedAt);
            return outcome;
        }
        finally
        {
            _slots.Release();
        }
    }

    private void Note(Group group, Pod pod, ProbeOutcome outcome, DateTimeOffset startedAt)
    {
        var before = pod.Record.Facts.LastSuccess;
        var wasWell = !pod.Record.IsFailing;
        var changed = pod.Record.Add(outcome, startedAt);
        if (wasWell && pod.Record.IsFailing)
        {
            foreach (var other in group.Pods.Values.Where(other => other != pod && !other.Record.IsFailing))
            {
                other.Hurried.TrySetResult();
            }
        }
        if (changed)
        {
            LogChanged(logger, group.Key, pod.Name, pod.Record.Facts.FailingSince is null ? "answers probes again" : "does not answer probes", outcome);
        }
        // A success is also evidence about others: the prober can reach somebody, so their failures are their own.
        var isEvidence = outcome == ProbeOutcome.Success
            && group.Pods.Values.Any(other => other.Record.Facts.FailingSince is { } since && since < startedAt && !(before > since));
        if ((changed || isEvidence) && !pod.Stop.IsCancellationRequested)
        {
            Changed?.Invoke(group.Key);
        }
    }

    [LoggerMessage(EventId = 1101, EventName = "ProbeChanged", Level = LogLevel.Information, Message = "{BlueGreen}: pod {Pod} {What} (last outcome {Outcome})")]
    private static partial void LogChanged(ILogger logger, BlueGreenKey blueGreen, string pod, string what, ProbeOutcome outcome);

    [LoggerMessage(EventId = 1102, EventName = "ProbeDiscarded", Level = LogLevel.Debug, Message = "{BlueGreen}: {Outcome} of pod {Pod} discarded, the prober was {Milliseconds} ms late")]
    private static partial void LogDiscarded(ILogger logger, BlueGreenKey blueGreen, string pod, ProbeOutcome outcome, double milliseconds);

    [LoggerMessage(EventId = 1103, EventName = "ProbeLoopFailed", Level = LogLevel.Error, Message = "{BlueGreen}: probing pod {Pod} ended")]
    private static partial void LogLoopFailed(ILogger logger, Exception exception, BlueGreenKey blueGreen, string pod);

    private sealed class Group(BlueGreenKey key, ProbeSettings settings)
    {
        public BlueGreenKey Key { get; } = key;

        public ProbeSettings Settings { get; } = settings;

        public ConcurrentDictionary<string, Pod> Pods { get; } = new();

        public void Keep(HashSet<string> uids)
        {
            foreach (var (uid, pod) in Pods)
            {
                if (!uids.Contains(uid) && Pods.TryRemove(uid, out _))
                {
                    pod.Stop.Cancel();
                }
            }
        }
    }

    private sealed class Pod(string name, IPEndPoint endpoint, ProbeRecord record)
    {
        public string Name { get; } = name;

        public IPEndPoint Endpoint { get; } = endpoint;

        public ProbeRecord Record { get; } = record;

        // Not disposed: it holds no timer and no wait handle, and its loop may still look at it.
        public CancellationTokenSource Stop { get; } = new();

        /// <summary>Set: the next probe should not wait for its turn. A new one for each round.</summary>
        public TaskCompletionSource Hurried { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>When the next probe should start; null before the first.</summary>
        public long? Due { get; set; }
    }
}
