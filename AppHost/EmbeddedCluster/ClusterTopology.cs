namespace Resilience.AppHost.EmbeddedCluster;

/// <summary>Names that the manifests and the AppHost share.</summary>
internal static class ClusterTopology
{
    public const string Namespace = "distributed-resilience";
    public const string Service = "web";
    public const string BlueGreen = "web";
    public const string FaultSecret = "web-faults";
    public const int NodePort = 30080;

    /// <summary>Deployments that run beside the cluster as resources of the AppHost, where a debugger reaches them.</summary>
    public static readonly string[] Outside = ["failover-watcher", "scaling-agent"];

    public const string Core = $"api/v1/namespaces/{Namespace}";
    public const string Apps = $"apis/apps/v1/namespaces/{Namespace}";
    public const string Resilience = $"apis/resilience.dev/v1alpha1/namespaces/{Namespace}";
    public const string Drills = $"apis/drills.resilience.dev/v1alpha1/namespaces/{Namespace}";
}
