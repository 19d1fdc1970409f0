using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Subresources;

/// <summary><c>pods/eviction</c>: a delete that asks the PodDisruptionBudgets first.</summary>
internal sealed class EvictionHandler(ObjectStore store, TimeProvider clock)
{
    public async Task HandleAsync(ResourceRequest request)
    {
        if (request.Http.Request.Method != "POST")
        {
            throw StatusException.MethodNotAllowed();
        }

        var body = await RequestBody.OptionalObjectAsync(request.Http, "Eviction").ConfigureAwait(false);
        var options = ResourceHandler.Read(body.Object("deleteOptions"), request);
        var pod = store.Get(ResourceTypes.Pods, request.Namespace, request.Name) ?? throw StatusException.NotFound(ResourceTypes.Pods, request.Name);
        if (pod.Status.String("phase") is "Running" && !pod.IsDeleting)
        {
            Spend(pod, options.DryRun);
        }

        _ = store.Delete(ResourceTypes.Pods, request.Namespace, request.Name, options);
        await Responses.JsonAsync(request.Http, new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Success",
            ["code"] = 201,
        }, 201).ConfigureAwait(false);
    }

    /// <summary>
    /// Takes one disruption from the pod's budget, so that two evictions cannot both have the last one, and notes the pod there: until its
    /// deletion is seen, whoever counts healthy pods must leave it out.
    /// </summary>
    private void Spend(StoredObject pod, bool dryRun)
    {
        var budgets = store.List(ResourceTypes.PodDisruptionBudgets, pod.Namespace)
            .Where(b => LabelSelector.From(b.Spec.Object("selector"))?.Matches(pod) == true).ToList();
        if (budgets.Count > 1)
        {
            throw StatusException.Internal("This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
        }

        foreach (var budget in budgets)
        {
            _ = store.UpdateStatus(ResourceTypes.PodDisruptionBudgets, budget.Namespace, budget.Name, current =>
            {
                var allowed = current.Long("status", "disruptionsAllowed") ?? 0;
                if (allowed <= 0)
                {
                    throw Refused(budget, current);
                }

                var status = current.Ensure("status");
                status["disruptionsAllowed"] = allowed - 1;
                status.Ensure("disruptedPods")[pod.Name] = clock.GetUtcNow().ToKubernetesTime();
            }, dryRun: dryRun);
        }
    }

    private static StatusException Refused(StoredObject budget, JsonObject current) => new(429, "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.", new JsonObject
        {
            ["causes"] = new JsonArray(new JsonObject
            {
                ["reason"] = "DisruptionBudget",
                ["message"] = $"The disruption budget {budget.Name} needs {current.Long("status", "desiredHealthy") ?? 0} healthy pods and has {current.Long("status", "currentHealthy") ?? 0} currently",
            }),
        });
}
