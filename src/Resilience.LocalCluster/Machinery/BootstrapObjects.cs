using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>
/// What every cluster has before anybody applies anything: the roles that people bind, and the two system priorities. Rules are
/// those of a real cluster for the kinds served here; other kinds' roles aggregate into none of them (nothing reads the labels).
/// </summary>
internal static class BootstrapObjects
{
    private const string Read = """["get","list","watch"]""";
    private const string Write = """["create","delete","deletecollection","patch","update"]""";

    private const string Viewable = $$"""
        {"apiGroups":[""],"resources":["configmaps","endpoints","events","namespaces","pods","pods/log","serviceaccounts","services"],"verbs":{{Read}}},
        {"apiGroups":["apps"],"resources":["deployments","deployments/scale","replicasets","replicasets/scale"],"verbs":{{Read}}},
        {"apiGroups":["autoscaling"],"resources":["horizontalpodautoscalers"],"verbs":{{Read}}},
        {"apiGroups":["batch"],"resources":["jobs"],"verbs":{{Read}}},
        {"apiGroups":["discovery.k8s.io"],"resources":["endpointslices"],"verbs":{{Read}}},
        {"apiGroups":["networking.k8s.io"],"resources":["networkpolicies"],"verbs":{{Read}}},
        {"apiGroups":["policy"],"resources":["poddisruptionbudgets"],"verbs":{{Read}}},
        {"apiGroups":["metrics.k8s.io"],"resources":["pods","nodes"],"verbs":["get","list","watch"]}
        """;

    private const string Editable = $$"""
        {"apiGroups":[""],"resources":["secrets"],"verbs":{{Read}}},
        {"apiGroups":[""],"resources":["configmaps","events","pods","pods/proxy","secrets","serviceaccounts","services"],"verbs":{{Write}}},
        {"apiGroups":[""],"resources":["pods/eviction","serviceaccounts/token"],"verbs":["create"]},
        {"apiGroups":["apps"],"resources":["deployments","deployments/scale","replicasets","replicasets/scale"],"verbs":{{Write}}},
        {"apiGroups":["autoscaling"],"resources":["horizontalpodautoscalers"],"verbs":{{Write}}},
        {"apiGroups":["batch"],"resources":["jobs"],"verbs":{{Write}}},
        {"apiGroups":["networking.k8s.io"],"resources":["networkpolicies"],"verbs":{{Write}}},
        {"apiGroups":["policy"],"resources":["poddisruptionbudgets"],"verbs":{{Write}}},
        {"apiGroups":["coordination.k8s.io"],"resources":["leases"],"verbs":["get","list","watch","create","delete","deletecollection","patch","update"]}
        """;

    private const string Administrable = $$"""
        {"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles","rolebindings"],"verbs":["get","list","watch","create","delete","deletecollection","patch","update"]}
        """;

    public static void Create(ObjectStore store)
    {
        Role(store, "cluster-admin", """{"apiGroups":["*"],"resources":["*"],"verbs":["*"]},{"nonResourceURLs":["*"],"verbs":["*"]}""");
        Role(store, "view", Viewable);
        Role(store, "edit", $"{Viewable},{Editable}");
        Role(store, "admin", $"{Viewable},{Editable},{Administrable}");
        Priority(store, "system-cluster-critical", 2_000_000_000, "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.");
        Priority(store, "system-node-critical", 2_000_001_000, "Used for system critical pods that must not be moved from their current node.");
    }

    private static void Role(ObjectStore store, string name, string rules) => store.Create(ResourceTypes.ClusterRoles, null, new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["kubernetes.io/bootstrapping"] = "rbac-defaults" } },
        ["rules"] = JsonNode.Parse($"[{rules}]"),
    });

    private static void Priority(ObjectStore store, string name, long value, string description) => store.Create(ResourceTypes.PriorityClasses, null, new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name },
        ["value"] = value,
        ["description"] = description,
    });
}
