using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.LoadGenerator;
using Resilience.LoadGenerator.Streaming;

namespace Resilience.Lab.Running;

/// <summary>
/// A load that runs in a pod, as its log tells it. A connection that breaks is opened again and the known lines are skipped; a run that is
/// stopped, or whose pod is killed after <see cref="StopSending"/>, has all that was told until then.
/// </summary>
internal sealed class JobLoadRun : ILoadRun
{
    /// <summary>The generator speaks four times a second.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(30);

    /// <summary>Its grace period and some way.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(250);

    private readonly ClusterApi _api;
    private readonly TimeProvider _time;
    private readonly V1Pod _pod;
    private readonly LoadLogReader _reader;
    private readonly CancellationTokenSource _end;
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<Task> _deleted;

    /// <param name="api">The API server, through which alone the pod is reached.</param>
    /// <param name="time">The lab's clock.</param>
    /// <param name="pod">Where the load generator runs or ran.</param>
    /// <param name="plan">What it was told to send.</param>
    /// <param name="delete">Deletes the pod and what made it, within a limit; never throws.</param>
    public JobLoadRun(ClusterApi api, TimeProvider time, V1Pod pod, LoadPlan plan, Func<Task> delete)
    {
        (_api, _time, _pod) = (api, time, pod);
        _reader = new LoadLogReader(plan);
        _end = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _deleted = new(delete);
        Completion = FollowAsync(_end.Token);
    }

    public DateTimeOffset StartedAt => _reader.StartedAt ?? throw new InvalidOperationException("The load has not begun.");

    /// <inheritdoc cref="LoadLogReader.ClockDifference"/>
    public TimeSpan ClockDifference => _reader.ClockDifference ?? TimeSpan.Zero;

    public Task<LoadResult> Completion { get; }

    public LoadSnapshot Snapshot() => _reader.Snapshot();

    /// <summary>Until the load has begun and its beginning is known on this machine's clock.</summary>
    /// <exception cref="LabException">It will not begin.</exception>
    public async Task WaitForStartAsync(CancellationToken stop)
    {
        if (await Task.WhenAny(_begun.Task, Completion).WaitAsync(stop).ConfigureAwait(false) == Completion)
        {
            _ = await Completion.ConfigureAwait(false);
        }
    }

    public void StopSending()
    {
        // Deleting ends the pod with SIGTERM, at which the generator tells the rest; the log is followed until it does.
        if (!Completion.IsCompleted)
        {
            _end.CancelAfter(StopLimit);
        }

        _ = _deleted.Value;
    }

    public async ValueTask DisposeAsync()
    {
        StopSending();
        await _deleted.Value.ConfigureAwait(false);
        await ((Task)Completion).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private async Task<LoadResult> FollowAsync(CancellationToken end)
    {
        using var silence = new CancellationTokenSource(SilenceLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, end);
        try
        {
            for (var last = false; !_reader.HasEnded && _reader.Problem is null && !last;)
            {
                // Asked before the log is read: what was written until the pod ended is then in it.
                last = !await IsAliveAsync(either.Token).ConfigureAwait(false);
                await ReadAsync(silence, either.Token).ConfigureAwait(false);
                if (!_reader.HasEnded && _reader.Problem is null && !last)
                {
                    await Task.Delay(Again, _time, either.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (!end.IsCancellationRequested)
        {
            throw new LabException(
                $"the log of pod {_pod.Metadata.Name} has been silent for {SilenceLimit.TotalSeconds:0} s, although its load generator speaks four times a second",
                "The way to the API server, or the pod's node, may be cut; --load-from lab needs no log.");
        }
        catch (OperationCanceledException)
        {
            // Stopped, and the pod went without a last word: what it told until then is the result.
        }
        catch (FormatException damaged)
        {
            throw new LabException(damaged.Message.TrimEnd('.'), "Run it again; with --load-from lab no log takes part.");
        }

        return Result();
    }

    private LoadResult Result()
    {
        if (_reader.Problem is { } problem)
        {
            throw new LabException($"the load generator in pod {_pod.Metadata.Name} refuses its plan: {problem.TrimEnd('.')}", "--url names another address for the load.");
        }

        return _reader.HasEnded || (_deleted.IsValueCreated && _reader.StartedAt is not null)
            ? _reader.Result()
            : throw new LabException(
                $"the load generator in pod {_pod.Metadata.Name} ended before its load was over{(_reader.LastWords is { } words ? $": {words.TrimEnd('.')}" : string.Empty)}",
                "Evicted, out of memory, or a node that went; \"kubectl get events\" says more. --load-from lab needs no pod.");
    }

    private async Task ReadAsync(CancellationTokenSource silence, CancellationToken stop)
    {
        try
        {
            await foreach (var line in _api.FollowLogAsync(_pod.Metadata.NamespaceProperty, _pod.Metadata.Name, _pod.Spec.Containers[0].Name, stop).ConfigureAwait(false))
            {
                _reader.Take(line, _time.GetUtcNow());
                silence.CancelAfter(SilenceLimit);
                if (_reader.StartedAt is not null)
                {
                    _ = _begun.TrySetResult();
                }
            }
        }
        catch (ClusterException broken) when (!broken.IsForbidden && !broken.IsUnauthorized)
        {
            // The connection broke, or the pod is gone: the next look tells which.
        }
    }

    private async Task<bool> IsAliveAsync(CancellationToken stop)
    {
        try
        {
            var pod = await _api.FindAsync(ResourceTypes.Pods, _pod.Metadata.NamespaceProperty, _pod.Metadata.Name, stop).ConfigureAwait(false);
            return pod?.Status?.Phase is "Pending" or "Running";
        }
        catch (ClusterException away) when (away.IsUnreachable)
        {
            return true;
        }
    }
}
