using k8s.Models;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ClusterAccess.Api;

/// <summary>The kinds this suite reads and writes.</summary>
public static class ResourceTypes
{
    public static ResourceType<V1Pod> Pods { get; } = new("", "v1", "pods", "Pod");

    public static ResourceType<V1Service> Services { get; } = new("", "v1", "services", "Service");

    public static ResourceType<V1Namespace> Namespaces { get; } = new("", "v1", "namespaces", "Namespace", Namespaced: false);

    public static ResourceType<V1Node> Nodes { get; } = new("", "v1", "nodes", "Node", Namespaced: false);

    public static ResourceType<V1Secret> Secrets { get; } = new("", "v1", "secrets", "Secret");

    public static ResourceType<V1ConfigMap> ConfigMaps { get; } = new("", "v1", "configmaps", "ConfigMap");

    public static ResourceType<Corev1Event> Events { get; } = new("", "v1", "events", "Event");

    public static ResourceType<V1Deployment> Deployments { get; } = new("apps", "v1", "deployments", "Deployment");

    public static ResourceType<V1StatefulSet> StatefulSets { get; } = new("apps", "v1", "statefulsets", "StatefulSet");

    public static ResourceType<V1DaemonSet> DaemonSets { get; } = new("apps", "v1", "daemonsets", "DaemonSet");

    public static ResourceType<V1ReplicaSet> ReplicaSets { get; } = new("apps", "v1", "replicasets", "ReplicaSet");

    public static ResourceType<V1Job> Jobs { get; } = new("batch", "v1", "jobs", "Job");

    public static ResourceType<V2HorizontalPodAutoscaler> HorizontalPodAutoscalers { get; } =
        new("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler");

    public static ResourceType<V1PodDisruptionBudget> PodDisruptionBudgets { get; } =
        new("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");

    public static ResourceType<V1EndpointSlice> EndpointSlices { get; } =
        new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");

    public static ResourceType<V1Lease> Leases { get; } = new("coordination.k8s.io", "v1", "leases", "Lease");

    public static ResourceType<V1CustomResourceDefinition> CustomResourceDefinitions { get; } =
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", Namespaced: false);

    public static ResourceType<BlueGreen> BlueGreens { get; } =
        new(ResilienceApi.Group, ResilienceApi.Version, "bluegreens", BlueGreen.KubeKind);

    public static ResourceType<Switchover> Switchovers { get; } =
        new(ResilienceApi.Group, ResilienceApi.Version, "switchovers", Switchover.KubeKind);

    public static ResourceType<SwitchoverApproval> SwitchoverApprovals { get; } =
        new(ResilienceApi.Group, ResilienceApi.Version, "switchoverapprovals", SwitchoverApproval.KubeKind);

    public static ResourceType<PredictiveAutoscaler> PredictiveAutoscalers { get; } =
        new(ResilienceApi.Group, ResilienceApi.Version, "predictiveautoscalers", PredictiveAutoscaler.KubeKind);
}
