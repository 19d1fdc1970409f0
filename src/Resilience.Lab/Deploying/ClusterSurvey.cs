using k8s;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>Reads what <see cref="ProductionSigns"/> judges, and refuses to write where it judges badly.</summary>
internal static class ClusterSurvey
{
    public static async Task<ClusterFacts> ReadAsync(ClusterApi api, string? context, CancellationToken stop)
    {
        var nodes = await TryListAsync(api, ResourceTypes.Nodes, stop).ConfigureAwait(false);
        var workloads = new List<string>();
        var complete = await AddForeignAsync(api, ResourceTypes.Deployments, workloads, stop).ConfigureAwait(false)
            && await AddForeignAsync(api, ResourceTypes.StatefulSets, workloads, stop).ConfigureAwait(false)
            && await AddForeignAsync(api, ResourceTypes.DaemonSets, workloads, stop).ConfigureAwait(false);
        string[] names = context is null ? [api.Server.Host] : [context, api.Server.Host];
        return new ClusterFacts(names, nodes?.Count, complete ? workloads : null);
    }

    /// <param name="verb">What is about to be done, for the message: "deploy".</param>
    public static async Task RefuseProductionAsync(LabCluster cluster, string verb, bool yes, Action<string> say, CancellationToken stop)
    {
        var signs = ProductionSigns.Find(await ReadAsync(cluster.Api, cluster.Context, stop).ConfigureAwait(false));
        if (signs.Count == 0)
        {
            return;
        }

        var found = $"{cluster.Title} may be in production: {string.Join("; ", signs)}";
        if (!yes)
        {
            throw new LabException(found, $"If you are sure, {verb} with --yes; nothing was changed.");
        }

        say($"{found}; going on because of --yes.");
    }

    private static async Task<bool> AddForeignAsync<T>(ClusterApi api, ResourceType<T> type, List<string> found, CancellationToken stop)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        if (await TryListAsync(api, type, stop).ConfigureAwait(false) is not { } items)
        {
            return false;
        }

        found.AddRange(items.Where(IsForeign).Select(item => $"{item.Metadata.NamespaceProperty}/{type.Kind} {item.Metadata.Name}").Order(StringComparer.Ordinal));
        return true;
    }

    private static bool IsForeign(IKubernetesObject<V1ObjectMeta> item) =>
        item.Metadata.NamespaceProperty != Names.Namespace
        && !ProductionSigns.IsSystemNamespace(item.Metadata.NamespaceProperty ?? string.Empty)
        && item.Metadata.Labels?.ContainsKey(ResilienceApi.InstallLabel) != true;

    /// <returns>Null when this account may not list them; empty when the cluster has no such kind.</returns>
    private static async Task<IReadOnlyList<T>?> TryListAsync<T>(ClusterApi api, ResourceType<T> type, CancellationToken stop)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            return (await api.ListAsync(type, new ResourceScope(null), stop).ConfigureAwait(false)).Items;
        }
        catch (ClusterException refused) when (refused.IsForbidden)
        {
            return null;
        }
        catch (ClusterException unknown) when (unknown.IsNotFound)
        {
            return [];
        }
    }
}
