using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Status and conditions of a Deployment, as <c>kubectl rollout status</c> reads them.</summary>
internal static class DeploymentReport
{
    public static bool IsComplete(StoredObject deployment)
    {
        var wanted = DeploymentController.ReplicasOf(deployment);
        return (deployment.Status.Int("updatedReplicas") ?? 0) == wanted
            && (deployment.Status.Int("replicas") ?? 0) == wanted
            && (deployment.Status.Int("availableReplicas") ?? 0) == wanted
            && deployment.Status.Long("observedGeneration") >= deployment.Metadata.Long("generation");
    }

    /// <summary>Returns when the progress deadline has to be looked at.</summary>
    public static TimeSpan? Write(ComponentStore store, StoredObject deployment, List<StoredObject> sets, DateTimeOffset now)
    {
        var current = sets.FirstOrDefault(s => Matches(s, deployment));
        int Sum(string field) => sets.Sum(s => s.Status.Int(field) ?? 0);
        var counts = new Dictionary<string, int>(StringComparer.Ordinal)
        {
            ["availableReplicas"] = Sum("availableReplicas"),
            ["readyReplicas"] = Sum("readyReplicas"),
            ["replicas"] = Sum("replicas"),
            ["terminatingReplicas"] = Sum("terminatingReplicas"),
            ["unavailableReplicas"] = Math.Max(0, sets.Sum(DeploymentController.ReplicasOf) - Sum("availableReplicas")),
            ["updatedReplicas"] = current?.Status.Int("replicas") ?? 0,
        };
        TimeSpan? again = null;
        _ = store.UpdateStatus(ResourceTypes.Deployments, deployment.Namespace, deployment.Name, body =>
        {
            var status = body.Ensure("status");
            var progressed = HasProgressed(status, counts);
            foreach (var (field, value) in counts)
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

            status["observedGeneration"] = deployment.Metadata.Long("generation") ?? 1;
            SetAvailable(deployment, status, counts["availableReplicas"], now);
            again = SetProgressing(deployment, status, current?.Name, counts, progressed, now);
        });
        return again;
    }

    private static bool Matches(StoredObject set, StoredObject deployment)
    {
        var template = set.Spec.Object("template")!.DeepClone().AsObject();
        _ = template.Object("metadata", "labels")?.Remove("pod-template-hash");
        return JsonNode.DeepEquals(template, deployment.Spec!["template"]);
    }

    private static bool HasProgressed(JsonObject before, Dictionary<string, int> after)
    {
        int Was(string field) => before.Int(field) ?? 0;
        return after["updatedReplicas"] > Was("updatedReplicas")
            || after["replicas"] - after["updatedReplicas"] < Was("replicas") - Was("updatedReplicas")
            || after["readyReplicas"] > Was("readyReplicas")
            || after["availableReplicas"] > Was("availableReplicas");
    }

    private static void SetAvailable(StoredObject deployment, JsonObject status, int available, DateTimeOffset now)
    {
        var least = DeploymentController.ReplicasOf(deployment);
        if (deployment.Spec.String("strategy", "type") != "Recreate")
        {
            least -= DeploymentController.Limits(deployment).Unavailable;
        }

        _ = available >= least
            ? Objects.SetCondition(status, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now, "lastUpdateTime")
            : Objects.SetCondition(status, "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", now, "lastUpdateTime");
    }

    private static TimeSpan? SetProgressing(
        StoredObject deployment, JsonObject status, string? current, Dictionary<string, int> counts, bool progressed, DateTimeOffset now)
    {
        var found = status.Array("conditions")?.OfType<JsonObject>().FirstOrDefault(c => c.String("type") == "Progressing");
        if (deployment.Spec.Bool("paused") == true)
        {
            _ = Objects.SetCondition(status, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now, "lastUpdateTime");
            return null;
        }

        var wanted = DeploymentController.ReplicasOf(deployment);
        if (counts["updatedReplicas"] == wanted && counts["replicas"] == wanted && counts["availableReplicas"] == wanted)
        {
            _ = Objects.SetCondition(status, "Progressing", "True", "NewReplicaSetAvailable",
                $"ReplicaSet \"{current}\" has successfully progressed.", now, "lastUpdateTime");
            return null;
        }

        if (progressed || found is null || found.String("reason") == "DeploymentPaused")
        {
            _ = Objects.SetCondition(status, "Progressing", "True", "ReplicaSetUpdated", $"ReplicaSet \"{current}\" is progressing.", now, "lastUpdateTime");
            found = status.Array("conditions")!.OfType<JsonObject>().First(c => c.String("type") == "Progressing");
            found["lastUpdateTime"] = now.ToKubernetesTime();
        }

        if (found.String("reason") is "NewReplicaSetAvailable" or "ProgressDeadlineExceeded")
        {
            return null;   // complete once; losing a pod later is not a failing rollout
        }

        var left = (found.Time("lastUpdateTime") ?? now) + TimeSpan.FromSeconds(deployment.Spec.Int("progressDeadlineSeconds") ?? 600) - now;
        if (left <= TimeSpan.Zero)
        {
            _ = Objects.SetCondition(status, "Progressing", "False", "ProgressDeadlineExceeded",
                $"ReplicaSet \"{current}\" has timed out progressing.", now, "lastUpdateTime");
            return null;
        }

        return left;
    }
}
