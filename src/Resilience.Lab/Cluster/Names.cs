namespace Resilience.Lab.Cluster;

/// <summary>Names in the cluster that manifests, watcher and lab share.</summary>
internal static class Names
{
    public const string Namespace = "distributed-resilience";
    public const string Service = "web";
    public const string BlueGreen = "web";
    public const string Watcher = "failover-watcher";
    public const string Agent = "scaling-agent";
    public const string AgentResetSecret = "scaling-agent-reset";
    public const string PredictiveAutoscaler = "web";
    public const string LoadGenerator = "load-generator";
    public const string FaultSecret = "web-faults";
    public const int NodePort = 30080;

    public static readonly string[] Slots = ["blue", "green"];

    public static string Deployment(string slot) => $"web-{slot}";

    /// <param name="selection">Options that choose the cluster.</param>
    /// <returns>What brings watchers back that somebody scaled to 0.</returns>
    public static string WakeWatcher(string selection) => $"kubectl{selection} -n {Namespace} scale deployment {Watcher} --replicas=2";

    public static string Other(string slot) => slot == "blue" ? "green" : "blue";
}

/// <summary>API paths outside the typed kinds.</summary>
internal static class ApiPath
{
    private const string Drill = $"apis/drills.resilience.dev/v1alpha1/namespaces/{Names.Namespace}";

    public static string Faults(string pod) => Management(pod, "faults");

    /// <param name="path">Path and query on the management port, without the first slash.</param>
    public static string Management(string pod, string path) => $"api/v1/namespaces/{Names.Namespace}/pods/{pod}:9090/proxy/{path}";

    public static string Signal(string pod) => $"{Drill}/pods/{pod}/signal";

    public static string Network(string service) => $"{Drill}/services/{service}/network";
}
