using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>Writes what the node knows of a pod the way a kubelet reports it.</summary>
internal static class PodStatus
{
    public static string PhaseOf(string restartPolicy, IReadOnlyList<ContainerState> inits, IReadOnlyList<ContainerState> containers)
    {
        if (inits.Any(i => !i.IsSidecar && i.Terminated is { } end && end.Int("exitCode") != 0))
        {
            return "Failed";
        }

        if (containers.All(c => c.Terminated is not null))
        {
            return containers.All(c => c.Terminated.Int("exitCode") == 0) ? "Succeeded" : "Failed";
        }

        return containers.Any(c => c.Running is null && c.Terminated is null && c.LastTerminated is null) ? "Pending"
            : restartPolicy.Length == 0 ? "Unknown" : "Running";
    }

    public static void Compose(JsonObject body, PodView view, DateTimeOffset now)
    {
        var before = body.Object("status");
        var status = new JsonObject();
        var generation = body.Long("metadata", "generation");
        status["conditions"] = Conditions(before, view, generation, now);
        status["containerStatuses"] = new JsonArray([.. view.Containers.Select(Container)]);
        status["hostIP"] = view.HostAddress;
        status["hostIPs"] = new JsonArray(new JsonObject { ["ip"] = view.HostAddress });
        if (view.Inits.Count > 0)
        {
            status["initContainerStatuses"] = new JsonArray([.. view.Inits.Select(Container)]);
        }

        if (generation is not null)
        {
            status["observedGeneration"] = generation;
        }

        status["phase"] = view.Phase;
        if (view.Address is { } address)
        {
            status["podIP"] = address;
            status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = address });
        }

        status["qosClass"] = QosClass(view);
        status["startTime"] = before.String("startTime") ?? now.ToKubernetesTime();
        body["status"] = status;
    }

    private static JsonArray Conditions(JsonObject? before, PodView view, long? generation, DateTimeOffset now)
    {
        var names = view.Containers.Where(c => !c.IsReady).Select(c => c.Name).ToList();
        var done = view.Phase is "Succeeded" or "Failed";
        var reason = done ? view.Phase == "Succeeded" ? "PodCompleted" : "PodFailed" : names.Count > 0 ? "ContainersNotReady" : null;
        var message = reason == "ContainersNotReady" ? $"containers with unready status: [{string.Join(' ', names)}]" : null;
        var ready = reason is null;
        var waiting = view.Inits.Where(i => !InitDone(i)).Select(i => i.Name).ToList();
        var conditions = new JsonArray();
        Add("PodReadyToStartContainers", view.Address is not null && !done, null, null);
        Add("Initialized", waiting.Count == 0, waiting.Count == 0 ? null : "ContainersNotInitialized",
            waiting.Count == 0 ? null : $"containers with incomplete status: [{string.Join(' ', waiting)}]");
        Add("Ready", ready, reason, message);
        Add("ContainersReady", ready, reason, message);
        Add("PodScheduled", true, null, null);
        return conditions;

        void Add(string type, bool value, string? why, string? words)
        {
            var found = before.Array("conditions")?.OfType<JsonObject>().FirstOrDefault(c => c.String("type") == type);
            var text = value ? "True" : "False";
            var condition = new JsonObject
            {
                ["lastProbeTime"] = null,
                ["lastTransitionTime"] = found.String("status") == text ? found.String("lastTransitionTime") : now.ToKubernetesTime(),
            };
            if (words is not null)
            {
                condition["message"] = words;
            }

            if (generation is not null)
            {
                condition["observedGeneration"] = generation;
            }

            if (why is not null)
            {
                condition["reason"] = why;
            }

            condition["status"] = text;
            condition["type"] = type;
            conditions.Add(condition);
        }
    }

    private static bool InitDone(ContainerState init) =>
        init.IsSidecar ? init.Started && init.Running is not null : init.Terminated is { } end && end.Int("exitCode") == 0;

    private static JsonObject Container(ContainerState container)
    {
        var status = new JsonObject();
        if ((container.Running?.Id ?? container.LastId) is { } id)
        {
            status["containerID"] = id;
        }

        status["image"] = container.Image;
        status["imageID"] = container.Attempts > 0 ? container.Image : "";
        status["lastState"] = container.LastTerminated is { } last ? new JsonObject { ["terminated"] = last.DeepClone() } : new JsonObject();
        status["name"] = container.Name;
        status["ready"] = container.IsInit ? InitDone(container) : container.IsReady;
        if (container.Spec.Object("resources") is { Count: > 0 } resources && container.Running is not null)
        {
            status["resources"] = resources.DeepClone();
        }

        status["restartCount"] = container.RestartCount;
        status["started"] = container.Running is not null && container.Started;
        status["state"] = container switch
        {
            { Running: { } running } => new JsonObject { ["running"] = new JsonObject { ["startedAt"] = running.StartedAt.ToKubernetesTime() } },
            { Terminated: { } end } => new JsonObject { ["terminated"] = end.DeepClone() },
            _ => new JsonObject { ["waiting"] = Waiting(container) },
        };
        return status;
    }

    private static JsonObject Waiting(ContainerState container)
    {
        var waiting = new JsonObject();
        if (container.WaitingMessage is not null)
        {
            waiting["message"] = container.WaitingMessage;
        }

        waiting["reason"] = container.WaitingReason ?? "ContainerCreating";
        return waiting;
    }

    private static string QosClass(PodView view)
    {
        var all = view.Inits.Concat(view.Containers).Select(c => c.Spec.Object("resources")).ToList();
        if (all.All(r => r.Object("requests") is null or { Count: 0 } && r.Object("limits") is null or { Count: 0 }))
        {
            return "BestEffort";
        }

        return all.All(r => Same(r, "cpu") && Same(r, "memory")) ? "Guaranteed" : "Burstable";

        static bool Same(JsonObject? resources, string name) =>
            Quantity.Milli(resources.String("limits", name)) is { } limit
            && (Quantity.Milli(resources.String("requests", name)) ?? limit) == limit;
    }
}

/// <summary>A pod's state at the moment of reporting.</summary>
internal sealed record PodView(
    string Phase,
    string? Address,
    string HostAddress,
    IReadOnlyList<ContainerState> Inits,
    IReadOnlyList<ContainerState> Containers);
