using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Keeps the status of PodDisruptionBudgets: how many healthy pods there are, and how many may be evicted now.</summary>
internal sealed class DisruptionController(ObjectStore store, TimeProvider clock, ILogger<DisruptionController> logger)
    : ReconcileLoop(store, clock, logger)
{
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
        var healthy = pods.Count(p => Objects.IsReady(p) && !p.IsDeleting);
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
        });
        return null;
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
