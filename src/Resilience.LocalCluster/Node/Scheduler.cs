using System.Text.Json.Nodes;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>Binds pods to the one node while their requests fit; the others wait until something ends.</summary>
internal sealed class Scheduler(ObjectStore store, TimeProvider clock, NodeOptions options, EventRecorder events, ILogger<Scheduler> logger)
    : ReconcileLoop(store, clock, logger, ComponentStore.Scheduler)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long CpuMilli, long MemoryBytes)> _bound = new(StringComparer.Ordinal);
    private readonly HashSet<ObjectKey> _unschedulable = [];
    private long _cpuMilli;
    private long _memoryBytes;

    public override string Name => "scheduler";

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.Pods, ResourceTypes.Nodes];

    protected override void Map(StoreEvent change)
    {
        if (change.Object.Type == ResourceTypes.Nodes)
        {
            RetryUnschedulable();
            return;
        }

        var pod = change.Object;
        if (change.Type == StoreEventType.Deleted || Objects.IsTerminal(pod))
        {
            Release(pod.Uid);
        }
        else if (pod.Spec.String("nodeName") is { Length: > 0 })
        {
            Hold(pod);
        }
        else
        {
            Queue.Add(new(pod.Namespace, pod.Name));
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        lock (_gate)
        {
            _ = _unschedulable.Remove(key);
        }

        if (Store.Get(ResourceTypes.Pods, key.Namespace, key.Name) is not { } pod || pod.Spec.String("nodeName") is { Length: > 0 })
        {
            return null;
        }

        if (pod.IsDeleting)
        {
            _ = Store.Delete(ResourceTypes.Pods, key.Namespace, key.Name, DeleteOptions.Now);
            return null;
        }

        if (pod.Spec.String("schedulerName") is { Length: > 0 } scheduler && scheduler != "default-scheduler")
        {
            return null;   // somebody else's to bind
        }

        if (Refusal(pod) is { } why)
        {
            Refuse(key, pod, why);
        }
        else
        {
            Bind(key, pod);
        }

        return null;
    }

    private string? Refusal(StoredObject pod)
    {
        if (Store.Get(ResourceTypes.Nodes, null, NodeOptions.NodeName) is not { } node)
        {
            return "no nodes available to schedule pods";
        }

        if (node.Spec.Bool("unschedulable") == true)
        {
            return "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        }

        if (pod.Spec.Object("nodeSelector") is { } selector && !Objects.MatchesAll(selector, node.Metadata.Object("labels")))
        {
            return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        }

        var (cpu, memory) = RequestsOf(pod);
        lock (_gate)
        {
            List<string> lacking = [];
            if (_bound.Count >= options.MaxPods)
            {
                lacking.Add("1 Too many pods");
            }

            if (_cpuMilli + cpu > options.Cpu * 1000L)
            {
                lacking.Add("1 Insufficient cpu");
            }

            if (_memoryBytes + memory > options.MemoryBytes)
            {
                lacking.Add("1 Insufficient memory");
            }

            return lacking.Count == 0 ? null
                : $"0/1 nodes are available: {string.Join(", ", lacking)}. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
        }
    }

    private void Refuse(ObjectKey key, StoredObject pod, string why)
    {
        lock (_gate)
        {
            _ = _unschedulable.Add(key);
        }

        events.Warning(pod, "default-scheduler", "FailedScheduling", why);
        _ = Store.UpdateStatus(ResourceTypes.Pods, key.Namespace, key.Name, body =>
        {
            var status = body.Ensure("status");
            status["phase"] = "Pending";
            _ = Objects.SetCondition(status, "PodScheduled", "False", "Unschedulable", why, Clock.GetUtcNow());
        });
    }

    /// <remarks>Binding is a subresource of its own on a real server, and leaves no trace in managedFields.</remarks>
    private void Bind(ObjectKey key, StoredObject pod)
    {
        Hold(pod);
        var precondition = new Precondition(Uid: pod.Uid);
        _ = Untracked.UpdateStatus(ResourceTypes.Pods, key.Namespace, key.Name, body =>
        {
            var status = body.Ensure("status");
            status["phase"] = "Pending";
            _ = Objects.SetCondition(status, "PodScheduled", "True", null, null, Clock.GetUtcNow());
        }, precondition);
        _ = Untracked.Update(ResourceTypes.Pods, key.Namespace, key.Name,
            body => body.Ensure("spec")["nodeName"] = NodeOptions.NodeName, precondition);
        events.Normal(pod, "default-scheduler", "Scheduled", $"Successfully assigned {pod.Namespace}/{pod.Name} to {NodeOptions.NodeName}");
    }

    private void Hold(StoredObject pod)
    {
        var (cpu, memory) = RequestsOf(pod);
        lock (_gate)
        {
            if (_bound.TryAdd(pod.Uid, (cpu, memory)))
            {
                _cpuMilli += cpu;
                _memoryBytes += memory;
            }
        }
    }

    private void Release(string uid)
    {
        lock (_gate)
        {
            if (!_bound.Remove(uid, out var held))
            {
                return;
            }

            _cpuMilli -= held.CpuMilli;
            _memoryBytes -= held.MemoryBytes;
        }

        RetryUnschedulable();
    }

    private void RetryUnschedulable()
    {
        List<ObjectKey> waiting;
        lock (_gate)
        {
            waiting = [.. _unschedulable];
        }

        foreach (var key in waiting)
        {
            Queue.Add(key);
        }
    }

    /// <summary>What a pod takes: the sum over its containers, or the largest init container where that is more.</summary>
    internal static (long CpuMilli, long MemoryBytes) RequestsOf(StoredObject pod)
    {
        static long Ask(JsonObject container, string name, bool milli)
        {
            var text = container.String("resources", "requests", name) ?? container.String("resources", "limits", name);
            return (milli ? Quantity.Milli(text) : Quantity.Whole(text)) ?? 0;
        }

        long cpu = 0, memory = 0, initCpu = 0, initMemory = 0;
        foreach (var container in (pod.Spec.Array("containers") ?? []).OfType<JsonObject>())
        {
            cpu += Ask(container, "cpu", milli: true);
            memory += Ask(container, "memory", milli: false);
        }

        foreach (var init in (pod.Spec.Array("initContainers") ?? []).OfType<JsonObject>())
        {
            initCpu = Math.Max(initCpu, Ask(init, "cpu", milli: true));
            initMemory = Math.Max(initMemory, Ask(init, "memory", milli: false));
        }

        return (Math.Max(cpu, initCpu), Math.Max(memory, initMemory));
    }
}
