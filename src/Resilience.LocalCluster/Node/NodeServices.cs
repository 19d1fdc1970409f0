using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node.Probing;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>What every pod of the node uses.</summary>
internal sealed record NodeServices(
    ObjectStore Store,
    TimeProvider Clock,
    IPodRuntime Runtime,
    NodeNetwork Network,
    NetworkProber Prober,
    EventRecorder Events,
    PodLogs Logs,
    NodeVolumes Volumes,
    IServiceAccountKubeconfigs? Kubeconfigs,
    ILogger Logger)
{
    /// <summary>The store for what the node reports.</summary>
    public ComponentStore Writes { get; } = new(Store, Clock, ComponentStore.Kubelet);
}
