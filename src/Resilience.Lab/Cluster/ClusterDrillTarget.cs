using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Drills;

namespace Resilience.Lab.Cluster;

/// <summary>Drills through the API server: the standard API, the pods' fault endpoints, and on the embedded cluster its drill API.</summary>
/// <param name="standardOnly">Leave the drill API alone, so that a run does on the embedded cluster exactly what it does on a real one.</param>
internal sealed class ClusterDrillTarget(LabCluster cluster, bool standardOnly = false) : IDrillTarget
{
    public bool HasDrillApi => cluster.IsEmbedded && !standardOnly;

    public Task<string> ActiveSlotAsync(CancellationToken stop) => cluster.ActiveSlotAsync(stop);

    public async Task<IReadOnlyList<DrillPod>> PodsAsync(string slot, CancellationToken stop)
    {
        var pods = await cluster.PodsAsync(LabCluster.SlotSelector(slot), stop).ConfigureAwait(false);
        return [.. pods.Where(pod => pod.Metadata.DeletionTimestamp is null).Select(ToDrillPod)];
    }

    /// <remarks>A lease's holder is named after its pod; identities may carry a suffix.</remarks>
    public async Task<string?> LeaderAsync(CancellationToken stop)
    {
        var lease = await cluster.Api.FindAsync(ResourceTypes.Leases, Names.Namespace, Names.Watcher, stop).ConfigureAwait(false);
        if (lease?.Spec?.HolderIdentity is not { Length: > 0 } holder)
        {
            return null;
        }

        var pods = await cluster.PodsAsync(string.Empty, stop).ConfigureAwait(false);
        return pods.Select(pod => pod.Metadata.Name).FirstOrDefault(name => holder.StartsWith(name, StringComparison.Ordinal));
    }

    public async Task<(int Replicas, DrillRecord? Record)> ReadAsync(string slot, CancellationToken stop)
    {
        var deployment = await cluster.Api.GetAsync(ResourceTypes.Deployments, Names.Namespace, Names.Deployment(slot), stop).ConfigureAwait(false);
        string? text = null;
        _ = deployment.Metadata.Annotations?.TryGetValue(ResilienceApi.DrillAnnotation, out text);
        return (deployment.Spec.Replicas ?? 1, DrillRecord.Parse(text));
    }

    public Task WriteAsync(string slot, int? replicas, DrillRecord? record, CancellationToken stop)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [ResilienceApi.DrillAnnotation] = record?.ToJson() } },
        };
        if (replicas is not null)
        {
            patch["spec"] = new JsonObject { ["replicas"] = replicas };
        }

        return cluster.Api.PatchAsync(ResourceTypes.Deployments, Names.Namespace, Names.Deployment(slot), ResourcePatch.Merge(patch), stop, FieldManagers.Lab);
    }

    public Task RestartAsync(string slot, CancellationToken stop)
    {
        var patch = new JsonObject
        {
            ["spec"] = new JsonObject
            {
                ["template"] = new JsonObject
                {
                    ["metadata"] = new JsonObject
                    {
                        ["annotations"] = new JsonObject { ["kubectl.kubernetes.io/restartedAt"] = cluster.Time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture) },
                    },
                },
            },
        };
        return cluster.Api.PatchAsync(ResourceTypes.Deployments, Names.Namespace, Names.Deployment(slot), ResourcePatch.Merge(patch), stop, FieldManagers.Lab);
    }

    public Task DeleteAsync(string pod, CancellationToken stop) =>
        cluster.Api.DeleteAsync(ResourceTypes.Pods, Names.Namespace, pod, stop, grace: TimeSpan.Zero);

    public Task SignalAsync(string pod, string signal, CancellationToken stop) => cluster.SignalAsync(pod, signal, stop);

    public Task SetFaultsAsync(string pod, JsonObject? faults, CancellationToken stop) => cluster.SetFaultsAsync(pod, faults, stop);

    public Task SetNetworkAsync(JsonObject? fault, CancellationToken stop) => cluster.SetNetworkAsync(Names.Service, fault, stop);

    private static DrillPod ToDrillPod(V1Pod pod)
    {
        var container = pod.Status?.ContainerStatuses?.FirstOrDefault();
        return new DrillPod(pod.Metadata.Name, $"{pod.Metadata.Uid}/{container?.RestartCount ?? 0}", container?.State?.Running is not null);
    }
}
