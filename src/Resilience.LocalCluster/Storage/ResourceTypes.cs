namespace Resilience.LocalCluster.Storage;

/// <summary>The kinds every cluster serves.</summary>
internal static class ResourceTypes
{
    public static readonly ResourceType Namespaces = new("", "v1", "namespaces", "namespace", "Namespace", false) { ShortNames = ["ns"], HasStatus = true, Verbs = ["create", "delete", "get", "list", "patch", "update", "watch"] };
    public static readonly ResourceType Nodes = new("", "v1", "nodes", "node", "Node", false) { ShortNames = ["no"], HasStatus = true };
    public static readonly ResourceType PersistentVolumeClaims = new("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", true) { ShortNames = ["pvc"], HasStatus = true };
    public static readonly ResourceType Pods = new("", "v1", "pods", "pod", "Pod", true) { ShortNames = ["po"], Categories = ["all"], HasStatus = true, HasGeneration = true, GracefulDeletion = true };
    public static readonly ResourceType Services = new("", "v1", "services", "service", "Service", true) { ShortNames = ["svc"], Categories = ["all"], HasStatus = true };
    public static readonly ResourceType Endpoints = new("", "v1", "endpoints", "endpoints", "Endpoints", true) { ShortNames = ["ep"] };
    public static readonly ResourceType ConfigMaps = new("", "v1", "configmaps", "configmap", "ConfigMap", true) { ShortNames = ["cm"] };
    public static readonly ResourceType Secrets = new("", "v1", "secrets", "secret", "Secret", true);
    public static readonly ResourceType ServiceAccounts = new("", "v1", "serviceaccounts", "serviceaccount", "ServiceAccount", true) { ShortNames = ["sa"] };
    public static readonly ResourceType Events = new("", "v1", "events", "event", "Event", true) { ShortNames = ["ev"] };
    public static readonly ResourceType EventsV1 = new("events.k8s.io", "v1", "events", "event", "Event", true) { ShortNames = ["ev"], StoredAs = Events };
    public static readonly ResourceType Deployments = new("apps", "v1", "deployments", "deployment", "Deployment", true) { ShortNames = ["deploy"], Categories = ["all"], HasStatus = true, HasScale = true, HasGeneration = true };
    public static readonly ResourceType ReplicaSets = new("apps", "v1", "replicasets", "replicaset", "ReplicaSet", true) { ShortNames = ["rs"], Categories = ["all"], HasStatus = true, HasScale = true, HasGeneration = true };
    public static readonly ResourceType Jobs = new("batch", "v1", "jobs", "job", "Job", true) { Categories = ["all"], HasStatus = true, HasGeneration = true };
    public static readonly ResourceType HorizontalPodAutoscalers = new("autoscaling", "v2", "horizontalpodautoscalers", "horizontalpodautoscaler", "HorizontalPodAutoscaler", true) { ShortNames = ["hpa"], Categories = ["all"], HasStatus = true };
    public static readonly ResourceType HorizontalPodAutoscalersV1 = HorizontalPodAutoscalers with { Version = "v1", StoredAs = HorizontalPodAutoscalers };
    public static readonly ResourceType PodDisruptionBudgets = new("policy", "v1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", true) { ShortNames = ["pdb"], HasStatus = true, HasGeneration = true };
    public static readonly ResourceType EndpointSlices = new("discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice", true) { HasGeneration = true };
    public static readonly ResourceType Leases = new("coordination.k8s.io", "v1", "leases", "lease", "Lease", true);
    public static readonly ResourceType NetworkPolicies = new("networking.k8s.io", "v1", "networkpolicies", "networkpolicy", "NetworkPolicy", true) { ShortNames = ["netpol"], HasGeneration = true };
    public static readonly ResourceType Roles = new("rbac.authorization.k8s.io", "v1", "roles", "role", "Role", true);
    public static readonly ResourceType RoleBindings = new("rbac.authorization.k8s.io", "v1", "rolebindings", "rolebinding", "RoleBinding", true);
    public static readonly ResourceType ClusterRoles = new("rbac.authorization.k8s.io", "v1", "clusterroles", "clusterrole", "ClusterRole", false);
    public static readonly ResourceType ClusterRoleBindings = new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "clusterrolebinding", "ClusterRoleBinding", false);
    public static readonly ResourceType CustomResourceDefinitions = new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "customresourcedefinition", "CustomResourceDefinition", false) { ShortNames = ["crd", "crds"], Categories = ["api-extensions"], HasStatus = true, HasGeneration = true };

    public static readonly ResourceType PriorityClasses = new("scheduling.k8s.io", "v1", "priorityclasses", "priorityclass", "PriorityClass", false) { ShortNames = ["pc"] };

    public static readonly ResourceType NodeMetrics = new("metrics.k8s.io", "v1beta1", "nodes", "", "NodeMetrics", false) { Virtual = true, Verbs = ["get", "list"] };
    public static readonly ResourceType PodMetrics = new("metrics.k8s.io", "v1beta1", "pods", "", "PodMetrics", true) { Virtual = true, Verbs = ["get", "list"] };
    public static readonly ResourceType SelfSubjectReviews = new("authentication.k8s.io", "v1", "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview", false) { Virtual = true, Verbs = ["create"] };
    public static readonly ResourceType TokenReviews = new("authentication.k8s.io", "v1", "tokenreviews", "tokenreview", "TokenReview", false) { Virtual = true, Verbs = ["create"] };
    public static readonly ResourceType SelfSubjectAccessReviews = new("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "selfsubjectaccessreview", "SelfSubjectAccessReview", false) { Virtual = true, Verbs = ["create"] };
    public static readonly ResourceType SelfSubjectRulesReviews = new("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "selfsubjectrulesreview", "SelfSubjectRulesReview", false) { Virtual = true, Verbs = ["create"] };
    public static readonly ResourceType SubjectAccessReviews = new("authorization.k8s.io", "v1", "subjectaccessreviews", "subjectaccessreview", "SubjectAccessReview", false) { Virtual = true, Verbs = ["create"] };

    /// <summary>In the order discovery lists them.</summary>
    public static readonly IReadOnlyList<ResourceType> All =
    [
        ConfigMaps, Endpoints, Events, Namespaces, Nodes, PersistentVolumeClaims, Pods, Secrets, ServiceAccounts, Services,
        Deployments, ReplicaSets, EventsV1, SelfSubjectReviews, TokenReviews, SelfSubjectAccessReviews, SelfSubjectRulesReviews,
        SubjectAccessReviews, HorizontalPodAutoscalers, HorizontalPodAutoscalersV1, Jobs, NetworkPolicies, PodDisruptionBudgets, ClusterRoleBindings, ClusterRoles,
        RoleBindings, Roles, CustomResourceDefinitions, PriorityClasses, Leases, EndpointSlices, NodeMetrics, PodMetrics,
    ];
}
