using System.Text.Json.Nodes;
using System.Threading.Channels;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>
/// Looks after one pod from its binding to its removal. Level-triggered: whatever happens (an event, an exit, a verdict of a probe,
/// a timer) wakes one loop, which reads the pod again and takes the next steps.
/// </summary>
internal sealed partial class PodWorker : IDisposable
{
    private readonly NodeServices _node;
    private readonly ObjectKey _key;
    private readonly string _uid;
    private readonly ContainerRunner _runner;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ITimer _timer;
    private readonly List<ContainerState> _inits;
    private readonly List<ContainerState> _containers;
    private readonly string _restartPolicy;
    private StoredObject _pod;
    private string? _address;
    private bool _addressReleased;
    private PodTermination? _termination;

    public PodWorker(NodeServices node, StoredObject pod)
    {
        _node = node;
        _pod = pod;
        _key = new(pod.Namespace, pod.Name);
        _uid = pod.Uid;
        _restartPolicy = pod.Spec.String("restartPolicy") ?? "Always";
        _inits = [.. (pod.Spec.Array("initContainers") ?? []).OfType<JsonObject>().Select(c => new ContainerState(c, init: true))];
        _containers = [.. (pod.Spec.Array("containers") ?? []).OfType<JsonObject>().Select(c => new ContainerState(c, init: false))];
        _runner = new ContainerRunner(node, Wake);
        _timer = node.Clock.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private IEnumerable<ContainerState> All => _inits.Concat(_containers);

    public void Wake() => _ = _wake.Writer.TryWrite(true);

    public IRunningContainer? Running(string? container) =>
        _containers.FirstOrDefault(c => container is null || c.Name == container)?.Running;

    public IEnumerable<(string Name, IRunningContainer Run)> Runs() =>
        _containers.Where(c => c.Running is not null).Select(c => (c.Name, c.Running!));

    /// <summary>Ends when the pod is gone from the store and its last process has ended.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Wake();
        await foreach (var _ in _wake.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                if (Step())
                {
                    return;
                }
            }
            catch (StatusException ex) when (ex.IsNotFound || ex.IsConflict)
            {
                Wake();   // deleted or replaced in between: read again
            }
#pragma warning disable CA1031 // One pod's trouble must not end the node.
            catch (Exception ex)
            {
                LogStepFailed(_node.Logger, ex, _key.ToString());
                Due(_node.Clock.GetUtcNow() + TimeSpan.FromSeconds(1));
            }
#pragma warning restore CA1031
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        foreach (var container in All)
        {
            container.EndProbes();
        }
    }

    /// <summary>True when there is nothing left to look after.</summary>
    private bool Step()
    {
        var current = _node.Store.Get(ResourceTypes.Pods, _key.Namespace, _key.Name);
        var gone = current is null || current.Uid != _uid;
        _pod = gone ? _pod : current!;
        var now = _node.Clock.GetUtcNow();
        foreach (var container in All)
        {
            _runner.CollectExit(_pod, container, MayRestart(container) && !gone && !_pod.IsDeleting);
        }

        if (gone || _pod.IsDeleting)
        {
            return Terminate(gone, now);
        }

        if (!Objects.IsTerminal(_pod))
        {
            Advance(now);
        }

        Report(now);
        return false;
    }

    private void Advance(DateTimeOffset now)
    {
        if (_address is null && (_address = _node.Network.Allocate()) is null)
        {
            _node.Events.Warning(_pod, "kubelet", "FailedCreatePodSandBox", "Failed to create pod sandbox: no free pod address");
            Due(now + TimeSpan.FromSeconds(1));
            return;
        }

        foreach (var init in _inits)
        {
            if (!init.IsSidecar && init.Terminated.Int("exitCode") == 0)
            {
                continue;
            }

            Advance(init, now);
            if (!init.IsSidecar || !init.Started)
            {
                foreach (var container in _containers)
                {
                    container.WaitingReason = "PodInitializing";
                }

                return;
            }
        }

        foreach (var container in _containers)
        {
            if (container.WaitingReason == "PodInitializing")
            {
                container.WaitingReason = null;
            }

            Advance(container, now);
        }
    }

    private void Advance(ContainerState container, DateTimeOffset now)
    {
        if (container.Running is not null)
        {
            if (container.Unhealthy is { } probe && !container.Stopping)
            {
                _node.Events.Normal(_pod, "kubelet", "Killing", $"Container {container.Name} failed {probe} probe, will be restarted", FieldPath(container));
                _runner.Stop(container, _address!, PodTermination.GraceOf(_pod), CancellationToken.None);
            }
        }
        else if (container.Terminated is null)
        {
            if (container.NotBefore <= now)
            {
                _runner.Start(_pod, container, _address!, now);
            }

            if (container.Running is null)
            {
                Due(container.NotBefore);
            }
        }
    }

    private bool Terminate(bool gone, DateTimeOffset now)
    {
        var begins = _termination is null;
        _termination ??= new PodTermination(_node.Clock);
        // The clock of the grace period runs before anybody is told, so that who hears of the end can count on it.
        _termination.Limit(PodTermination.GraceOf(_pod), now);
        if (begins)
        {
            foreach (var container in All.Where(c => c.Running is not null))
            {
                _node.Events.Normal(_pod, "kubelet", "Killing", $"Stopping container {container.Name}", FieldPath(container));
                container.HealthProbes?.Cancel();
                _runner.Stop(container, _address!, PodTermination.GraceOf(_pod), _termination.Impatient);
            }
        }

        if (All.Any(c => c.Running is not null))
        {
            if (!gone)
            {
                Report(now);
            }

            return false;
        }

        foreach (var container in All)
        {
            container.Terminated ??= container.LastTerminated;
        }

        if (!gone)
        {
            Report(now);
            _ = _node.Store.Delete(ResourceTypes.Pods, _key.Namespace, _key.Name,
                new DeleteOptions(GracePeriodSeconds: 0, Precondition: new Precondition(Uid: _uid)));
        }

        ReleaseAddress();
        _node.Volumes.Release(_uid);
        _node.Logs.Forget(_key.Namespace!, _key.Name, _uid);
        _termination.Dispose();
        return true;
    }

    private void Report(DateTimeOffset now)
    {
        var phase = Objects.IsTerminal(_pod) ? _pod.Status.String("phase")! : PodStatus.PhaseOf(_restartPolicy, _inits, _containers);
        var view = new PodView(phase, _address, _node.Network.NodeAddress.ToString(), _inits, _containers);
        _pod = _node.Writes.UpdateStatus(ResourceTypes.Pods, _key.Namespace, _key.Name,
            body => PodStatus.Compose(body, view, now), new Precondition(Uid: _uid));
        if (phase is "Succeeded" or "Failed")
        {
            ReleaseAddress();
        }
    }

    private bool MayRestart(ContainerState container) => container switch
    {
        { IsSidecar: true } => true,
        { IsInit: true } => _restartPolicy != "Never" && container.Running?.Exited is { IsCompletedSuccessfully: true, Result.Code: not 0 },
        _ => _restartPolicy switch
        {
            "Never" => false,
            "OnFailure" => container.Running?.Exited is { IsCompletedSuccessfully: true, Result.Code: not 0 },
            _ => true,
        },
    };

    private void ReleaseAddress()
    {
        if (_address is not null && !_addressReleased)
        {
            _node.Network.Release(_address);
            _addressReleased = true;
        }
    }

    private void Due(DateTimeOffset at)
    {
        var delay = at - _node.Clock.GetUtcNow();
        _ = _timer.Change(delay > TimeSpan.Zero ? delay : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    internal static string FieldPath(ContainerState container) =>
        $"spec.{(container.IsInit ? "initContainers" : "containers")}{{{container.Name}}}";

    [LoggerMessage(EventId = 3101, EventName = "PodStepFailed", Level = LogLevel.Error, Message = "Pod {Pod} could not be advanced; it will be tried again")]
    private static partial void LogStepFailed(ILogger logger, Exception exception, string pod);
}
