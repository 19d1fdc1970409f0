using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>Tells the pods that a Deployment wants from those that a rollout is about to take away.</summary>
internal static class Rollout
{
    private const string Revision = "deployment.kubernetes.io/revision";

    /// <returns>Names of the ReplicaSets whose Deployment has gone on to another.</returns>
    public static async Task<HashSet<string>> ReplacedAsync(ClusterApi api, CancellationToken stop)
    {
        try
        {
            var deployments = await api.ListAsync(ResourceTypes.Deployments, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
            var revisions = deployments.Items.ToDictionary(item => item.Metadata.Uid, item => RevisionOf(item.Metadata));
            var sets = await api.ListAsync(ResourceTypes.ReplicaSets, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
            return [.. sets.Items.Where(IsReplaced).Select(set => set.Metadata.Name)];

            bool IsReplaced(V1ReplicaSet set) =>
                ControllerOf(set.Metadata) is { } owner && revisions.GetValueOrDefault(owner.Uid) is { } wanted && RevisionOf(set.Metadata) is { } own && own != wanted;
        }
        catch (ClusterException refused) when (refused.IsForbidden)
        {
            // Who may not see ReplicaSets takes every pod for a wanted one.
            return [];
        }
    }

    public static V1OwnerReference? ControllerOf(V1ObjectMeta metadata) => metadata.OwnerReferences?.FirstOrDefault(owner => owner.Controller == true);

    private static string? RevisionOf(V1ObjectMeta metadata) => metadata.Annotations?.TryGetValue(Revision, out var revision) == true ? revision : null;
}
