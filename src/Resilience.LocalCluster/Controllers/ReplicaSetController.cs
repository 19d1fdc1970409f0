using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Keeps as many pods as a ReplicaSet asks for.</summary>
internal sealed class ReplicaSetController(ObjectStore store, TimeProvider clock, EventRecorder events, ILogger<ReplicaSetController> logger)
    : ReconcileLoop(store, clock, logger)
{
    private const string Component = "replicaset-controller";
    private const string DeletionCost = "controller.kubernetes.io/pod-deletion-cost";

    public override string Name => Component;

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.ReplicaSets, ResourceTypes.Pods];

    protected override void Map(StoreEvent change)
    {
        if (change.Object.Type == ResourceTypes.ReplicaSets)
        {
            Queue.Add(new(change.Object.Namespace, change.Object.Name));
            return;
        }

        foreach (var pod in change.Previous is { } previous ? (ReadOnlySpan<StoredObject>)[change.Object, previous] : [change.Object])
        {
            if (Objects.ControllerOf(pod) is { } owner)
            {
                if (owner.String("kind") == "ReplicaSet")
                {
                    Queue.Add(new(pod.Namespace, owner.String("name")!));
                }
            }
            else
            {
                foreach (var set in Store.List(ResourceTypes.ReplicaSets, pod.Namespace))
                {
                    if (Objects.Matches(set.Spec.Object("selector"), pod.Metadata.Object("labels")))
                    {
                        Queue.Add(new(set.Namespace, set.Name));   // an orphan it may adopt
                    }
                }
            }
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        if (Store.Get(ResourceTypes.ReplicaSets, key.Namespace, key.Name) is not { } set)
        {
            return null;
        }

        var pods = Claim(set);
        var active = pods.Where(p => !p.IsDeleting && !Objects.IsTerminal(p)).ToList();
        if (!set.IsDeleting)
        {
            var surplus = active.Count - (set.Spec.Int("replicas") ?? 1);
            for (; surplus < 0; surplus++)
            {
                active.Add(Create(set));
            }

            if (surplus > 0)
            {
                foreach (var pod in active.OrderBy(p => p, PodsToDeleteFirst.Instance).Take(surplus).ToList())
                {
                    _ = Store.Delete(ResourceTypes.Pods, pod.Namespace, pod.Name, new DeleteOptions(Precondition: new(Uid: pod.Uid)));
                    events.Normal(set, Component, "SuccessfulDelete", $"Deleted pod: {pod.Name}");
                    _ = active.Remove(pod);
                }
            }
        }

        return Report(set, active, pods.Count(p => p.IsDeleting));
    }

    /// <summary>Pods of this set; those without an owner that match its selector become its own.</summary>
    private List<StoredObject> Claim(StoredObject set)
    {
        var claimed = new List<StoredObject>();
        foreach (var pod in Store.List(ResourceTypes.Pods, set.Namespace))
        {
            var owner = Objects.ControllerOf(pod);
            if (owner is not null)
            {
                if (owner.String("uid") == set.Uid)
                {
                    claimed.Add(pod);
                }
            }
            else if (!pod.IsDeleting && !set.IsDeleting && Objects.Matches(set.Spec.Object("selector"), pod.Metadata.Object("labels")))
            {
                claimed.Add(Store.Update(ResourceTypes.Pods, pod.Namespace, pod.Name, body =>
                {
                    var metadata = body.Ensure("metadata");
                    var owners = metadata["ownerReferences"] as JsonArray ?? [];
                    metadata["ownerReferences"] = new JsonArray([.. owners.Select(o => o?.DeepClone()), Objects.OwnerReference(set)]);
                }, new Precondition(Uid: pod.Uid, ResourceVersion: pod.ResourceVersion)));
            }
        }

        return claimed;
    }

    private StoredObject Create(StoredObject set)
    {
        var template = set.Spec.Object("template")!;
        var metadata = new JsonObject { ["generateName"] = set.Name + "-" };
        foreach (var field in (ReadOnlySpan<string>)["labels", "annotations", "finalizers"])
        {
            if (template.At("metadata", field) is { } value)
            {
                metadata[field] = value.DeepClone();
            }
        }

        metadata["ownerReferences"] = new JsonArray(Objects.OwnerReference(set));
        var pod = Store.Create(ResourceTypes.Pods, set.Namespace, new JsonObject
        {
            ["metadata"] = metadata,
            ["spec"] = template["spec"]?.DeepClone() ?? new JsonObject(),
        });
        events.Normal(set, Component, "SuccessfulCreate", $"Created pod: {pod.Name}");
        return pod;
    }

    private TimeSpan? Report(StoredObject set, List<StoredObject> active, int terminating)
    {
        var minReady = TimeSpan.FromSeconds(set.Spec.Int("minReadySeconds") ?? 0);
        var now = Clock.GetUtcNow();
        var ready = active.Count(Objects.IsReady);
        var waits = active.Where(Objects.IsReady)
            .Select(p => (Objects.Condition(p, "Ready").Time("lastTransitionTime") ?? now) + minReady - now).ToList();
        var available = waits.Count(w => w <= TimeSpan.Zero);
        var labels = set.Spec.Object("template", "metadata", "labels");
        _ = Store.UpdateStatus(ResourceTypes.ReplicaSets, set.Namespace, set.Name, body =>
        {
            var status = body.Ensure("status");
            Put(status, "availableReplicas", available);
            Put(status, "fullyLabeledReplicas", active.Count(p => Objects.MatchesAll(labels, p.Metadata.Object("labels"))));
            status["observedGeneration"] = set.Metadata.Long("generation") ?? 1;
            Put(status, "readyReplicas", ready);
            status["replicas"] = active.Count;
            Put(status, "terminatingReplicas", terminating);
        });
        var later = waits.Where(w => w > TimeSpan.Zero).ToList();
        return later.Count == 0 ? null : later.Min();
    }

    private static void Put(JsonObject status, string field, int value)
    {
        if (value > 0)
        {
            status[field] = value;
        }
        else
        {
            _ = status.Remove(field);
        }
    }

    /// <summary>The order in which Kubernetes gives pods up: not running, not ready, cheap, young, often restarted.</summary>
    internal sealed class PodsToDeleteFirst : IComparer<StoredObject>
    {
        public static readonly PodsToDeleteFirst Instance = new();

        public int Compare(StoredObject? x, StoredObject? y)
        {
            var (a, b) = (Rank(x!), Rank(y!));
            for (var index = 0; index < a.Length; index++)
            {
                if (a[index] != b[index])
                {
                    return a[index].CompareTo(b[index]);
                }
            }

            return string.CompareOrdinal(x!.Name, y!.Name);
        }

        private static long[] Rank(StoredObject pod) =>
        [
            pod.Spec.String("nodeName") is { Length: > 0 } ? 1 : 0,
            pod.Status.String("phase") switch { "Running" => 2, "Unknown" => 1, _ => 0 },
            Objects.IsReady(pod) ? 1 : 0,
            long.TryParse(pod.Annotation(DeletionCost), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var cost) ? cost : 0,
            Objects.IsReady(pod) ? -(Objects.Condition(pod, "Ready").Time("lastTransitionTime")?.UtcTicks ?? 0) : 0,
            -(pod.Status.Array("containerStatuses")?.Max(c => c.Int("restartCount") ?? 0) ?? 0),
            -(pod.Metadata.Time("creationTimestamp")?.UtcTicks ?? 0),
        ];
    }
}
