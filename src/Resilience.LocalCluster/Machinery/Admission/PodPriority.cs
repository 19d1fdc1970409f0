using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Admission;

/// <summary>
/// Turns a new pod's priority class into its number, as the admission plug-in of a real server does. The number is recorded and
/// nothing acts on it: with one node there is nobody to make room for.
/// </summary>
internal static class PodPriority
{
    public static void Resolve(ObjectStore store, JsonObject pod)
    {
        if (pod["spec"] is not JsonObject spec)
        {
            return;
        }

        var name = spec.String("priorityClassName");
        var found = string.IsNullOrEmpty(name)
            ? store.List(ResourceTypes.PriorityClasses).FirstOrDefault(static c => c.Body.Bool("globalDefault") == true)
            : store.Get(ResourceTypes.PriorityClasses, null, name)
                ?? throw StatusException.Forbidden(ResourceTypes.Pods, pod.String("metadata", "name") ?? "", $"no PriorityClass with name {name} was found");
        if (found is null)
        {
            return;
        }

        spec["priorityClassName"] = found.Name;
        spec["priority"] = found.Body.Long("value") ?? 0;
        spec["preemptionPolicy"] = found.Body.String("preemptionPolicy") ?? "PreemptLowerPriority";
    }
}
