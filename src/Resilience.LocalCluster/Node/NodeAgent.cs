using System.Collections.Concurrent;
using System.Net;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>The kubelet: one worker per pod that is bound to this node.</summary>
internal sealed class NodeAgent(NodeServices node) : IController, IClusterNode, IPodSignals
{
    private readonly ConcurrentDictionary<string, PodWorker> _workers = new(StringComparer.Ordinal);

    string IController.Name => "kubelet";

    public string Name => NodeOptions.NodeName;

    public IPAddress Address => node.Network.NodeAddress;

    /// <summary>Ends every process at once when cancelled: a cluster that stops leaves nothing behind.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Informer.RunAsync(node.Store, ResourceTypes.Pods, change => Handle(change, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (var worker in _workers.Values)
            {
                worker.Dispose();
            }

            await node.Runtime.DisposeAsync().ConfigureAwait(false);
        }
    }

    public Task SignalAsync(StoredObject pod, string signal, CancellationToken cancellationToken)
    {
        var wanted = signal switch
        {
            "STOP" => ContainerSignal.Stop,
            "CONT" => ContainerSignal.Continue,
            "KILL" => ContainerSignal.Kill,
            "TERM" => ContainerSignal.Terminate,
            _ => throw StatusException.BadRequest($"signal must be STOP, CONT, KILL or TERM, not \"{signal}\""),
        };
        if (_workers.GetValueOrDefault(pod.Uid)?.Running(null) is not { } running)
        {
            throw StatusException.BadRequest($"pod \"{pod.Name}\" has no running process");
        }

        running.Signal(wanted);
        return Task.CompletedTask;
    }

    /// <summary>Running containers of a pod with their names.</summary>
    public IEnumerable<(string Name, IRunningContainer Run)> Runs(StoredObject pod) => _workers.GetValueOrDefault(pod.Uid)?.Runs() ?? [];

    private void Handle(StoreEvent change, CancellationToken cancellationToken)
    {
        var pod = change.Object;
        if (_workers.TryGetValue(pod.Uid, out var known))
        {
            known.Wake();
        }
        else if (change.Type != StoreEventType.Deleted && pod.Spec.String("nodeName") == NodeOptions.NodeName)
        {
            var worker = new PodWorker(node, pod);
            if (_workers.TryAdd(pod.Uid, worker))
            {
                _ = Task.Run(() => LookAfterAsync(pod.Uid, worker, cancellationToken), CancellationToken.None);
            }
        }
    }

    private async Task LookAfterAsync(string uid, PodWorker worker, CancellationToken cancellationToken)
    {
        try
        {
            await worker.RunAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The cluster stops.
        }
        finally
        {
            _ = _workers.TryRemove(uid, out _);
            worker.Dispose();
        }
    }
}
