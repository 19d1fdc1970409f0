using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Moves a Deployment's pods from one template to the next, within maxSurge and maxUnavailable.</summary>
internal sealed class DeploymentController(ObjectStore store, TimeProvider clock, EventRecorder events, ILogger<DeploymentController> logger)
    : ReconcileLoop(store, clock, logger)
{
    private const string Component = "deployment-controller";
    private readonly Revisions _revisions = new(new(store, clock, ComponentStore.ControllerManager), events, clock);

    public override string Name => Component;

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.Deployments, ResourceTypes.ReplicaSets, ResourceTypes.Pods];

    protected override void Map(StoreEvent change)
    {
        var item = change.Object;
        if (item.Type == ResourceTypes.Deployments)
        {
            Queue.Add(new(item.Namespace, item.Name));
        }
        else if (item.Type == ResourceTypes.ReplicaSets)
        {
            MapReplicaSet(item);
        }
        else if (change.Type == StoreEventType.Deleted && Objects.ControllerOf(item) is { } owner
            && Store.Get(ResourceTypes.ReplicaSets, item.Namespace, owner.String("name") ?? "") is { } set)
        {
            MapReplicaSet(set);   // Recreate waits for the last old pod to be gone
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        if (Store.Get(ResourceTypes.Deployments, key.Namespace, key.Name) is not { } deployment)
        {
            return null;
        }

        var sets = Claim(deployment);
        if (deployment.IsDeleting)
        {
            return DeploymentReport.Write(Store, deployment, sets, Clock.GetUtcNow());
        }

        var current = Revisions.FindCurrent(deployment, sets);
        var paused = deployment.Spec.Bool("paused") == true;
        if (!paused)
        {
            current = _revisions.Ensure(deployment, sets, current, out var created);
            if (created)
            {
                sets.Add(current);
            }
        }

        if (paused || WasResized(deployment, sets))
        {
            ResizeInProportion(deployment, sets, current);
        }
        else if (deployment.Spec.String("strategy", "type") == "Recreate")
        {
            Recreate(deployment, sets, current!);
        }
        else
        {
            Roll(deployment, sets, current!);
        }

        sets = Claim(deployment);
        var again = DeploymentReport.Write(Store, deployment, sets, Clock.GetUtcNow());
        _revisions.Prune(Store.Get(ResourceTypes.Deployments, key.Namespace, key.Name) ?? deployment, sets);
        return again;
    }

    internal static int ReplicasOf(StoredObject item) => item.Spec.Int("replicas") ?? 1;

    /// <summary>The limits of a rolling update; both zero would stand still, so one pod may then be missing.</summary>
    internal static (int Surge, int Unavailable) Limits(StoredObject deployment)
    {
        var replicas = ReplicasOf(deployment);
        var rolling = deployment.Spec.Object("strategy", "rollingUpdate");
        var surge = Objects.Scaled(rolling?["maxSurge"] ?? "25%", replicas, roundUp: true);
        var unavailable = Objects.Scaled(rolling?["maxUnavailable"] ?? "25%", replicas, roundUp: false);
        return (surge, surge == 0 && unavailable == 0 ? 1 : Math.Min(unavailable, replicas));
    }

    private void MapReplicaSet(StoredObject set)
    {
        if (Objects.ControllerOf(set) is { } owner)
        {
            if (owner.String("kind") == "Deployment")
            {
                Queue.Add(new(set.Namespace, owner.String("name")!));
            }

            return;
        }

        foreach (var deployment in Store.List(ResourceTypes.Deployments, set.Namespace))
        {
            if (Objects.Matches(deployment.Spec.Object("selector"), set.Metadata.Object("labels")))
            {
                Queue.Add(new(deployment.Namespace, deployment.Name));
            }
        }
    }

    private List<StoredObject> Claim(StoredObject deployment)
    {
        var claimed = new List<StoredObject>();
        foreach (var set in Store.List(ResourceTypes.ReplicaSets, deployment.Namespace))
        {
            if (Objects.IsControlledBy(set, deployment))
            {
                claimed.Add(set);
            }
            else if (Objects.ControllerOf(set) is null && !set.IsDeleting && !deployment.IsDeleting
                && Objects.Matches(deployment.Spec.Object("selector"), set.Metadata.Object("labels")))
            {
                claimed.Add(Store.Update(ResourceTypes.ReplicaSets, set.Namespace, set.Name,
                    body => body.Ensure("metadata")["ownerReferences"] = new JsonArray(Objects.OwnerReference(deployment)),
                    new Precondition(Uid: set.Uid)));
            }
        }

        return [.. claimed.Where(s => !s.IsDeleting).OrderBy(s => s.Metadata.Time("creationTimestamp")).ThenBy(s => Revisions.Of(s))];
    }

    /// <summary>The Deployment's size changed since its sets were last scaled.</summary>
    private static bool WasResized(StoredObject deployment, List<StoredObject> sets) =>
        sets.Any(s => ReplicasOf(s) > 0 && s.Annotation(Revisions.DesiredReplicas) is { } noted
            && noted != ReplicasOf(deployment).ToString(CultureInfo.InvariantCulture));

    private void Roll(StoredObject deployment, List<StoredObject> sets, StoredObject current)
    {
        var wanted = ReplicasOf(deployment);
        var (surge, unavailable) = Limits(deployment);
        var total = sets.Sum(ReplicasOf);
        var have = ReplicasOf(current);
        if (have > wanted)
        {
            Scale(deployment, current, wanted);
            return;
        }

        if (have < wanted && Math.Min(wanted + surge - sets.Sum(Occupied), wanted - have) is var more and > 0)
        {
            Scale(deployment, current, have + more);
            return;
        }

        var minAvailable = wanted - unavailable;
        var newUnavailable = have - Available(current);
        var budget = total - minAvailable - newUnavailable;
        var spare = sets.Sum(Available) - minAvailable;
        foreach (var old in sets.Where(s => s.Uid != current.Uid && ReplicasOf(s) > 0))
        {
            // Pods that serve nobody go first; of the others, only as many as can be spared.
            var useless = Math.Clamp(ReplicasOf(old) - Available(old), 0, Math.Max(0, budget));
            var useful = Math.Clamp(Math.Min(spare, budget - useless), 0, ReplicasOf(old) - useless);
            if (useless + useful > 0)
            {
                Scale(deployment, old, ReplicasOf(old) - useless - useful);
                budget -= useless + useful;
                spare -= useful;
            }
        }
    }

    /// <summary>What a set asks for, or still has: a pod told to go counts until its set has seen to it.</summary>
    internal static int Occupied(StoredObject set) => Math.Max(ReplicasOf(set), set.Status.Int("replicas") ?? 0);

    private static int Available(StoredObject set) => Math.Min(ReplicasOf(set), set.Status.Int("availableReplicas") ?? 0);

    private void Recreate(StoredObject deployment, List<StoredObject> sets, StoredObject current)
    {
        var old = sets.Where(s => s.Uid != current.Uid).ToList();
        foreach (var set in old.Where(s => ReplicasOf(s) > 0))
        {
            Scale(deployment, set, 0);
        }

        var uids = old.Select(s => s.Uid).ToHashSet(StringComparer.Ordinal);
        var stillThere = Store.List(ResourceTypes.Pods, deployment.Namespace)
            .Any(p => Objects.ControllerOf(p).String("uid") is { } owner && uids.Contains(owner) && !Objects.IsTerminal(p));
        if (!stillThere)
        {
            Scale(deployment, current, ReplicasOf(deployment));
        }
    }

    /// <summary>A new size in the middle of a rollout is shared out by the sizes the sets have.</summary>
    private void ResizeInProportion(StoredObject deployment, List<StoredObject> sets, StoredObject? current)
    {
        var wanted = ReplicasOf(deployment);
        var active = sets.Where(s => ReplicasOf(s) > 0).ToList();
        if (active.Count <= 1)
        {
            if ((active.Count == 1 ? active[0] : current) is { } only)
            {
                Scale(deployment, only, wanted);
            }

            return;
        }

        var rolling = deployment.Spec.String("strategy", "type") != "Recreate";
        var allowed = wanted == 0 ? 0 : wanted + (rolling ? Limits(deployment).Surge : 0);
        var total = active.Sum(ReplicasOf);
        var left = allowed - total;
        var direction = Math.Sign(left);
        foreach (var set in active.OrderByDescending(ReplicasOf).ThenByDescending(s => s.Uid == current?.Uid))
        {
            var share = (int)Math.Round((double)ReplicasOf(set) * allowed / total, MidpointRounding.AwayFromZero) - ReplicasOf(set);
            share = direction >= 0 ? Math.Clamp(share, 0, Math.Max(0, left)) : Math.Clamp(share, Math.Min(0, left), 0);
            left -= share;
            Scale(deployment, set, ReplicasOf(set) + share);
        }

        if (left != 0 && Store.Get(ResourceTypes.ReplicaSets, deployment.Namespace, active.MaxBy(ReplicasOf)!.Name) is { } largest)
        {
            Scale(deployment, largest, Math.Max(0, ReplicasOf(largest) + left));
        }
    }

    private void Scale(StoredObject deployment, StoredObject set, int replicas)
    {
        var before = ReplicasOf(set);
        var desired = ReplicasOf(deployment).ToString(CultureInfo.InvariantCulture);
        var most = (ReplicasOf(deployment) + Limits(deployment).Surge).ToString(CultureInfo.InvariantCulture);
        _ = Store.Update(ResourceTypes.ReplicaSets, set.Namespace, set.Name, body =>
        {
            body["spec"]!["replicas"] = replicas;
            var annotations = body.Ensure("metadata").Ensure("annotations");
            annotations[Revisions.DesiredReplicas] = desired;
            annotations[Revisions.MaxReplicas] = most;
        });
        if (before != replicas)
        {
            events.Normal(deployment, Component, "ScalingReplicaSet",
                $"Scaled {(replicas > before ? "up" : "down")} replica set {set.Name} from {before} to {replicas}");
        }
    }
}
