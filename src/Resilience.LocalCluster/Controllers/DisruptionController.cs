using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Keeps the status of PodDisruptionBudgets: how many healthy pods there are, and how many may be evicted now.</summary>
internal sealed class DisruptionController(ObjectStore store, TimeProvider clock, ILogger<DisruptionController> logger)
    : ReconcileLoop(store, clock, logger)
{
    /// <summary>An evicted pod that is still there after this long was not deleted after all.</summary>
    private static readonly TimeSpan DisruptionTimeout = TimeSpan.FromMinutes(2);

    public override string Name => "disruption-controller";

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.PodDisruptionBudgets, ResourceTypes.Pods];

    protected override void Map(StoreEvent change)
    {
        if (change.Object.Type == ResourceTypes.PodDisruptionBudgets)
        {
            Queue.Add(new(change.Object.Namespace, change.Object.Name));
            return;
        }

        foreach (var budget in Store.List(ResourceTypes.PodDisruptionBudgets, change.Object.Namespace))
        {
            if (Objects.Matches(budget.Spec.Object("selector"), change.Object.Metadata.Object("labels")))
            {
                Queue.Add(new(budget.Namespace, budget.Name));
            }
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        if (Store.Get(ResourceTypes.PodDisruptionBudgets, key.Namespace, key.Name) is not { } budget)
        {
            return null;
        }

        var pods = Store.List(ResourceTypes.Pods, key.Namespace)
            .Where(p => !Objects.IsTerminal(p) && Objects.Matches(budget.Spec.Object("selector"), p.Metadata.Object("labels"))).ToList();
        var expected = ExpectedPods(pods);
        var disrupted = Disrupted(budget, pods);
        var healthy = pods.Count(p => Objects.IsReady(p) && !p.IsDeleting && !disrupted.ContainsKey(p.Name));
        var desired = budget.Spec!.ContainsKey("maxUnavailable")
            ? Math.Max(0, expected - Objects.Scaled(budget.Spec["maxUnavailable"], expected, roundUp: true))
            : Objects.Scaled(budget.Spec["minAvailable"], expected, roundUp: true, fallback: 1);
        var allowed = expected > 0 ? Math.Max(0, healthy - desired) : 0;
        _ = Store.UpdateStatus(ResourceTypes.PodDisruptionBudgets, key.Namespace, key.Name, body =>
        {
            var status = body.Ensure("status");
            _ = Objects.SetCondition(status, "DisruptionAllowed", allowed > 0 ? "True" : "False",
                allowed > 0 ? "SufficientPods" : "InsufficientPods", "", Clock.GetUtcNow());
            status["currentHealthy"] = healthy;
            status["desiredHealthy"] = desired;
            status["disruptionsAllowed"] = allowed;
            status["expectedPods"] = expected;
            status["observedGeneration"] = budget.Metadata.Long("generation") ?? 1;
            _ = status.Remove("disruptedPods");
            if (disrupted.Count > 0)
            {
                status["disruptedPods"] = disrupted;
            }
        }, new Precondition(ResourceVersion: budget.ResourceVersion));   // an eviction meanwhile must not be counted away
        return disrupted.Count > 0 ? DisruptionTimeout : null;
    }

    /// <summary>Pods that were evicted and whose deletion has not been seen, with the time of the eviction.</summary>
    private JsonObject Disrupted(StoredObject budget, List<StoredObject> pods)
    {
        var open = new JsonObject();
        var noted = budget.Status.Object("disruptedPods");
        foreach (var (name, at) in noted ?? [])
        {
            if (noted.Time(name) is { } since && Clock.GetUtcNow() - since < DisruptionTimeout && pods.Any(p => p.Name == name && !p.IsDeleting))
            {
                open[name] = at!.DeepClone();
            }
        }

        return open;
    }

    /// <summary>What the pods' owners ask for: a budget in percent must not shrink with the pods that are missing.</summary>
    private int ExpectedPods(List<StoredObject> pods)
    {
        var total = 0;
        var owners = new HashSet<string>(StringComparer.Ordinal);
        foreach (var pod in pods)
        {
            if (Objects.ControllerOf(pod) is { } owner && owner.String("kind") == "ReplicaSet"
                && Store.Get(ResourceTypes.ReplicaSets, pod.Namespace, owner.String("name") ?? "") is { } set)
            {
                var top = Objects.ControllerOf(set) is { } above && above.String("kind") == "Deployment"
                    ? Store.Get(ResourceTypes.Deployments, set.Namespace, above.String("name") ?? "") ?? set : set;
                total += owners.Add(top.Uid) ? DeploymentController.ReplicasOf(top) : 0;
            }
            else
            {
                total++;
            }
        }

        return total;
    }
}
