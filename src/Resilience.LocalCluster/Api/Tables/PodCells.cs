using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Tables;

/// <summary>The pod row, with the one word that sums up its containers.</summary>
internal static class PodCells
{
    public static JsonArray Render(StoredObject pod, DateTimeOffset now)
    {
        var statuses = pod.Status.Array("containerStatuses") ?? [];
        var ready = statuses.Count(static s => s.Bool("ready") == true && s.At("state", "running") is not null);
        var total = pod.Spec.Array("containers")?.Count ?? 0;
        var gates = pod.Spec.Array("readinessGates");
        return
        [
            pod.Name, $"{ready}/{total}", Status(pod), Restarts(pod, now), BuiltInTables.Age(pod, now),
            pod.Status.String("podIP") is { Length: > 0 } ip ? ip : "<none>", pod.Spec.String("nodeName") is { Length: > 0 } node ? node : "<none>",
            pod.Status.String("nominatedNodeName") is { Length: > 0 } nominated ? nominated : "<none>",
            gates is null ? "<none>" : $"{gates.Count(g => IsTrue(pod, g.String("conditionType")))}/{gates.Count}",
        ];
    }

    private static string Status(StoredObject pod)
    {
        var reason = pod.Status.String("reason") is { Length: > 0 } given ? given : pod.Status.String("phase") ?? "Unknown";
        var scheduling = (pod.Status.Array("conditions") ?? []).FirstOrDefault(static c => c.String("type") == "PodScheduled");
        if (scheduling.String("reason") == "SchedulingGated")
        {
            reason = "SchedulingGated";
        }

        if (Initialising(pod) is { } initialising)
        {
            reason = initialising;
        }
        else
        {
            var running = false;
            foreach (var status in (pod.Status.Array("containerStatuses") ?? []).Reverse())
            {
                if (OfContainer(status) is { } own)
                {
                    reason = own;
                }
                else if (status.Bool("ready") == true && status.At("state", "running") is not null)
                {
                    running = true;
                }
            }

            if (reason == "Completed" && running)
            {
                reason = IsTrue(pod, "Ready") ? "Running" : "NotReady";
            }
        }

        return pod.IsDeleting && pod.Status.String("phase") is not ("Succeeded" or "Failed")
            ? pod.Status.String("reason") == "NodeLost" ? "Unknown" : "Terminating"
            : reason;
    }

    private static string? Initialising(StoredObject pod)
    {
        var statuses = pod.Status.Array("initContainerStatuses") ?? [];
        for (var i = 0; i < statuses.Count; i++)
        {
            var terminated = statuses[i].Object("state", "terminated");
            if (terminated is not null && terminated.Long("exitCode") == 0)
            {
                continue;
            }

            var own = OfContainer(statuses[i]);
            return own is not null and not "PodInitializing" ? $"Init:{own}" : $"Init:{i}/{pod.Spec.Array("initContainers")?.Count ?? 0}";
        }

        return null;
    }

    private static string? OfContainer(JsonNode? status)
    {
        if (status.String("state", "waiting", "reason") is { Length: > 0 } waiting)
        {
            return waiting;
        }

        if (status.Object("state", "terminated") is not { } terminated)
        {
            return null;
        }

        return terminated.String("reason") is { Length: > 0 } reason ? reason
            : terminated.Long("signal") is { } signal and not 0 ? $"Signal:{signal}" : $"ExitCode:{terminated.Long("exitCode") ?? 0}";
    }

    private static string Restarts(StoredObject pod, DateTimeOffset now)
    {
        var statuses = pod.Status.Array("containerStatuses") ?? [];
        var count = statuses.Sum(static s => s.Long("restartCount") ?? 0);
        var last = statuses.Select(static s => s.Time("lastState", "terminated", "finishedAt")).Max();
        return count > 0 && last is not null ? $"{count} ({HumanDuration.Since(last, now)} ago)" : $"{count}";
    }

    private static bool IsTrue(StoredObject pod, string? condition) =>
        (pod.Status.Array("conditions") ?? []).Any(c => c.String("type") == condition && c.String("status") == "True");
}
