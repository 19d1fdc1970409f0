using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Tables;

/// <summary>The columns of the built-in kinds, named and typed as the real server names and types them.</summary>
internal static class BuiltInTables
{
    private static readonly TableLayout Default = Layout("Name|Age", static (o, now) => [o.Name, Age(o, now)]);

    private static readonly FrozenDictionary<string, TableLayout> Layouts = new Dictionary<string, TableLayout>
    {
        ["pods"] = Layout("Name|Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates", PodCells.Render),
        ["deployments.apps"] = Layout("Name|Ready|Up-to-date|Available|Age|+Containers|+Images|+Selector", Deployment),
        ["replicasets.apps"] = Layout("Name|#Desired|#Current|#Ready|Age|+Containers|+Images|+Selector", ReplicaSet),
        ["services"] = Layout("Name|Type|Cluster-IP|External-IP|Port(s)|Age|+Selector", Service),
        ["endpoints"] = Layout("Name|Endpoints|Age", Endpoints),
        ["endpointslices.discovery.k8s.io"] = Layout("Name|AddressType|Ports|Endpoints|Age", EndpointSlice),
        ["nodes"] = Layout("Name|Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|+Container-Runtime", Node),
        ["namespaces"] = Layout("Name|Status|Age", static (o, now) => [o.Name, o.Status.String("phase") ?? "", Age(o, now)]),
        ["horizontalpodautoscalers.autoscaling"] = Layout("Name|Reference|Targets|MinPods|MaxPods|Replicas|Age", AutoscalerCells.Render),
        ["jobs.batch"] = Layout("Name|Status|Completions|Duration|Age|+Containers|+Images|+Selector", Job),
        ["events"] = Layout("Last Seen|Type|Reason|Object|+Subobject|+Source|Message|+First Seen|+Count|+Name", EventCells.Render),
        ["configmaps"] = Layout("Name|Data|Age", static (o, now) => [o.Name, Count(o, "data") + Count(o, "binaryData"), Age(o, now)]),
        ["secrets"] = Layout("Name|Type|Data|Age", static (o, now) => [o.Name, o.Body.String("type") ?? "", Count(o, "data"), Age(o, now)]),
        ["persistentvolumeclaims"] = Layout("Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|+VolumeMode", Claim),
        ["leases.coordination.k8s.io"] = Layout("Name|Holder|Age", static (o, now) => [o.Name, o.Spec.String("holderIdentity") ?? "", Age(o, now)]),
        ["poddisruptionbudgets.policy"] = Layout("Name|Min Available|Max Unavailable|#Allowed Disruptions|Age", static (o, now) =>
            [o.Name, o.Spec.At("minAvailable")?.ToString() ?? "N/A", o.Spec.At("maxUnavailable")?.ToString() ?? "N/A", o.Status.Long("disruptionsAllowed") ?? 0, Age(o, now)]),
        ["priorityclasses.scheduling.k8s.io"] = Layout("Name|#Value|Global-Default|Age|PreemptionPolicy", static (o, now) =>
            [o.Name, o.Body.Long("value") ?? 0, o.Body.Bool("globalDefault") ?? false, Age(o, now), o.Body.String("preemptionPolicy") ?? ""]),
        ["networkpolicies.networking.k8s.io"] = Layout("Name|Pod-Selector|Age", static (o, now) => [o.Name, Selector(o.Spec.Object("podSelector")), Age(o, now)]),
        ["roles.rbac.authorization.k8s.io"] = Layout("Name|@Created At", static (o, _) => [o.Name, o.Metadata.String("creationTimestamp")]),
        ["clusterroles.rbac.authorization.k8s.io"] = Layout("Name|@Created At", static (o, _) => [o.Name, o.Metadata.String("creationTimestamp")]),
        ["rolebindings.rbac.authorization.k8s.io"] = Layout("Name|Role|Age|+Users|+Groups|+ServiceAccounts", Binding),
        ["clusterrolebindings.rbac.authorization.k8s.io"] = Layout("Name|Role|Age|+Users|+Groups|+ServiceAccounts", Binding),
        ["customresourcedefinitions.apiextensions.k8s.io"] = Layout("Name|@Created At", static (o, _) => [o.Name, o.Metadata.String("creationTimestamp")]),
    }.ToFrozenDictionary();

    public static TableLayout For(ResourceType type) => Layouts.GetValueOrDefault(type.Stored.StorageKey) ?? Default;

    public static string Age(StoredObject item, DateTimeOffset now) => HumanDuration.Since(item.Metadata.Time("creationTimestamp"), now);

    public static string Join(IEnumerable<string?>? values) => values is null ? "<none>" : string.Join(',', values) is { Length: > 0 } text ? text : "<none>";

    /// <summary>A compact notation: + wide only, # integer, @ date.</summary>
    private static TableLayout Layout(string columns, Func<StoredObject, DateTimeOffset, JsonArray> cells) => new(
        [.. columns.Split('|').Select(static c => new TableColumn(
            c.TrimStart('+', '#', '@'),
            c[0] == '#' ? "integer" : c[0] == '@' ? "date" : "string",
            c.TrimStart('+') == "Name" ? "name" : "",
            c[0] == '+' ? 1 : 0))], cells);

    private static JsonArray Deployment(StoredObject o, DateTimeOffset now) =>
    [
        o.Name, $"{o.Status.Long("readyReplicas") ?? 0}/{o.Spec.Long("replicas") ?? 1}", o.Status.Long("updatedReplicas") ?? 0,
        o.Status.Long("availableReplicas") ?? 0, Age(o, now), .. Template(o),
    ];

    private static JsonArray ReplicaSet(StoredObject o, DateTimeOffset now) =>
        [o.Name, o.Spec.Long("replicas") ?? 1, o.Status.Long("replicas") ?? 0, o.Status.Long("readyReplicas") ?? 0, Age(o, now), .. Template(o)];

    private static JsonNode?[] Template(StoredObject o)
    {
        var containers = o.Spec.Array("template", "spec", "containers") ?? [];
        return [Join(containers.Select(static c => c.String("name"))), Join(containers.Select(static c => c.String("image"))), Selector(o.Spec.Object("selector"))];
    }

    private static string Selector(JsonObject? selector) => LabelSelector.From(selector)?.ToString() is { Length: > 0 } text ? text : "<none>";

    private static JsonArray Service(StoredObject o, DateTimeOffset now)
    {
        var type = o.Spec.String("type") ?? "ClusterIP";
        var external = type == "ExternalName" ? o.Spec.String("externalName")
            : type == "LoadBalancer" ? "<pending>" : Join(o.Spec.Array("externalIPs")?.Select(static i => i.String()));
        var ports = (o.Spec.Array("ports") ?? []).Select(static p => p.Long("nodePort") is { } node and > 0
            ? $"{p.Long("port")}:{node}/{p.String("protocol") ?? "TCP"}" : $"{p.Long("port")}/{p.String("protocol") ?? "TCP"}");
        var selector = LabelSelector.FromMap(o.Spec.Object("selector"))?.ToString() ?? "<none>";
        return [o.Name, type, o.Spec.String("clusterIP") is { Length: > 0 } ip ? ip : "<none>", external, Join(ports), Age(o, now), selector];
    }

    private static JsonArray Endpoints(StoredObject o, DateTimeOffset now)
    {
        var all = (o.Body.Array("subsets") ?? []).SelectMany(static s => (s.Array("addresses") ?? []).SelectMany(a =>
            s.Array("ports") is { Count: > 0 } ports ? ports.Select(p => $"{a.String("ip")}:{p.Long("port")}") : [a.String("ip") ?? ""])).ToList();
        return [o.Name, Shortened(all, "<none>"), Age(o, now)];
    }

    private static JsonArray EndpointSlice(StoredObject o, DateTimeOffset now)
    {
        var ports = (o.Body.Array("ports") ?? []).Select(static p => p.Long("port")?.ToString(CultureInfo.InvariantCulture) ?? "*").ToList();
        var addresses = (o.Body.Array("endpoints") ?? []).SelectMany(static e => e.Array("addresses") ?? []).Select(static a => a.String() ?? "").ToList();
        return [o.Name, o.Body.String("addressType") ?? "", Shortened(ports, "<unset>"), Shortened(addresses, "<unset>"), Age(o, now)];
    }

    private static string Shortened(List<string> values, string none) => values.Count == 0 ? none
        : string.Join(',', values.Take(3)) + (values.Count > 3 ? $" + {values.Count - 3} more..." : "");

    private static JsonArray Node(StoredObject o, DateTimeOffset now)
    {
        var ready = (o.Status.Array("conditions") ?? []).FirstOrDefault(static c => c.String("type") == "Ready").String("status");
        var status = ready switch { "True" => "Ready", null => "Unknown", _ => "NotReady" } + (o.Spec.Bool("unschedulable") == true ? ",SchedulingDisabled" : "");
        const string prefix = "node-role.kubernetes.io/";
        var roles = (o.Metadata.Object("labels") ?? []).Where(static l => l.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(static l => l.Key[prefix.Length..]);
        var info = o.Status.Object("nodeInfo");
        string Address(string type) =>
            (o.Status.Array("addresses") ?? []).FirstOrDefault(a => a.String("type") == type).String("address") ?? "<none>";
        return
        [
            o.Name, status, Join(roles), Age(o, now), info.String("kubeletVersion") ?? "", Address("InternalIP"), Address("ExternalIP"),
            info.String("osImage") ?? "<unknown>", info.String("kernelVersion") ?? "<unknown>", info.String("containerRuntimeVersion") ?? "<unknown>",
        ];
    }

    private static JsonArray Job(StoredObject o, DateTimeOffset now)
    {
        bool Has(string type) => (o.Status.Array("conditions") ?? []).Any(c => c.String("type") == type && c.String("status") == "True");
        var status = Has("Complete") ? "Complete" : Has("Failed") ? "Failed" : o.Metadata.ContainsKey("deletionTimestamp") ? "Terminating"
            : Has("Suspended") ? "Suspended" : Has("FailureTarget") ? "FailureTarget" : Has("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
        var started = o.Status.Time("startTime");
        var duration = started is null ? "" : HumanDuration.Format((o.Status.Time("completionTime") ?? now) - started.Value);
        var completions = o.Spec.Long("completions") is { } wanted
            ? $"{o.Status.Long("succeeded") ?? 0}/{wanted}"
            : $"{o.Status.Long("succeeded") ?? 0}/1 of {o.Spec.Long("parallelism") ?? 1}";
        return [o.Name, status, completions, duration, Age(o, now), .. Template(o)];
    }

    private static JsonArray Binding(StoredObject o, DateTimeOffset now)
    {
        string Subjects(string kind) => string.Join(", ", (o.Body.Array("subjects") ?? []).Where(s => s.String("kind") == kind)
            .Select(s => kind == "ServiceAccount" ? $"{s.String("namespace")}/{s.String("name")}" : s.String("name")));
        return
        [
            o.Name, $"{o.Body.String("roleRef", "kind")}/{o.Body.String("roleRef", "name")}", Age(o, now),
            Subjects("User"), Subjects("Group"), Subjects("ServiceAccount"),
        ];
    }

    private static JsonArray Claim(StoredObject o, DateTimeOffset now)
    {
        var modes = (o.Status.Array("accessModes") ?? []).Select(static mode => mode.String() switch
        {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            var other => other ?? "",
        });
        return
        [
            o.Name, o.Status.String("phase") ?? "", o.Spec.String("volumeName") ?? "", o.Status.String("capacity", "storage") ?? "", string.Join(',', modes),
            o.Spec.String("storageClassName") ?? "", o.Spec.String("volumeAttributesClassName") ?? "<unset>", Age(o, now), o.Spec.String("volumeMode") ?? "<unset>",
        ];
    }

    private static int Count(StoredObject o, string field) => o.Body.Object(field)?.Count ?? 0;
}
