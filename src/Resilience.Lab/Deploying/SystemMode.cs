using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>The mode of the demo's BlueGreen: a person's decision, so it is read back rather than assumed.</summary>
internal static class SystemMode
{
    public static async Task<string> ReadAsync(ClusterApi api, CancellationToken stop)
    {
        var blueGreen = await api.GetAsync(ResourceTypes.BlueGreens, Names.Namespace, Names.BlueGreen, stop).ConfigureAwait(false);
        return blueGreen.Spec.Mode ?? "Auto";
    }

    public static Task SetAsync(ClusterApi api, string mode, CancellationToken stop) => api.PatchAsync(
        ResourceTypes.BlueGreens, Names.Namespace, Names.BlueGreen,
        ResourcePatch.Merge(new JsonObject { ["spec"] = new JsonObject { ["mode"] = mode } }), stop, FieldManagers.Lab);

    public static string PatchCommand(string selection, string ns, string name, string mode) =>
        $"kubectl{selection} -n {ns} patch bluegreen {name} --type merge -p '{{\"spec\":{{\"mode\":\"{mode}\"}}}}'";
}
