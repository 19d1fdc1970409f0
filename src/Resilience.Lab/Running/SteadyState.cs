using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Running;

/// <summary>
/// What an earlier run, or the changes for this one, still have to bring about before anything is measured: pods that an autoscaler, which
/// looks every 15 s, is going to take away or add for a new limit (one whose Deployment is at 0 does nothing), and a floor that the last
/// move raised, for while the watcher holds it no drill can scale that slot away.
/// </summary>
internal static class SteadyState
{
    /// <returns>What is still to happen, or null.</returns>
    public static async Task<string?> UnsettledAsync(ClusterApi api, CancellationToken stop)
    {
        var autoscalers = await api.ListAsync(ResourceTypes.HorizontalPodAutoscalers, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        var deployments = await api.ListAsync(ResourceTypes.Deployments, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        foreach (var autoscaler in autoscalers.Items)
        {
            var (min, max) = (autoscaler.Spec.MinReplicas ?? 1, autoscaler.Spec.MaxReplicas);
            if (deployments.Items.FirstOrDefault(each => each.Metadata.Name == autoscaler.Spec.ScaleTargetRef.Name) is { } scaled
                && (scaled.Spec.Replicas ?? 1) is > 0 and var wanted
                && (wanted < min || wanted > max || (scaled.Status?.Replicas ?? 0) != wanted))
            {
                return $"{scaled.Metadata.Name} to be scaled to {min}{(max == min ? string.Empty : $" to {max}")} pods (it has {scaled.Status?.Replicas ?? 0})";
            }
        }

        var lent = autoscalers.Items.Select(each => each.Metadata).Concat(deployments.Items.Select(each => each.Metadata))
            .FirstOrDefault(each => each.Annotations?.TryGetValue(ResilienceApi.FloorOwnerAnnotation, out var owner) == true && owner == FieldManagers.FailoverWatcher);
        return lent is null ? null : $"the watcher to give back the floor of {lent.Name}, which the last move raised (up to 2 minutes)";
    }
}
