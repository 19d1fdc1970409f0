using System.Text;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Admission;

/// <summary>What a real server fills in for the built-in kinds; applied to new and to changed objects alike.</summary>
internal static class Defaults
{
    private const string RbacGroup = "rbac.authorization.k8s.io";

    public static void Set(JsonObject target, string field, JsonNode? value)
    {
        if (!target.ContainsKey(field))
        {
            target[field] = value;
        }
    }

    /// <summary>Fields of a spec that is there already; <see cref="New"/> adds what only new objects get.</summary>
    public static void Apply(ResourceType type, JsonObject body)
    {
        var spec = body["spec"] as JsonObject;
        switch (type.StorageKey)
        {
            case "pods":
                PodDefaults.Spec(spec);
                break;
            case "deployments.apps" when spec is not null:
                Deployment(spec);
                break;
            case "replicasets.apps" when spec is not null:
                Set(spec, "replicas", 1);
                PodDefaults.Spec(spec.Object("template", "spec"));
                break;
            case "jobs.batch" when spec is not null:
                Set(spec, "parallelism", 1);
                Set(spec, "completions", 1);
                Set(spec, "backoffLimit", 6);
                Set(spec, "completionMode", "NonIndexed");
                Set(spec, "suspend", false);
                Set(spec, "manualSelector", false);
                Set(spec, "podReplacementPolicy", "TerminatingOrFailed");
                PodDefaults.Spec(spec.Object("template", "spec"));
                break;
            case "horizontalpodautoscalers.autoscaling" when spec is not null:
                Autoscaler(spec);
                break;
            case "persistentvolumeclaims" when spec is not null:
                Set(spec, "volumeMode", "Filesystem");
                break;
            case "secrets":
                Secret(body);
                break;
            case "priorityclasses.scheduling.k8s.io":
                Set(body, "preemptionPolicy", "PreemptLowerPriority");
                break;
            case "events":
                Set(body, "eventTime", null);
                Set(body, "reportingComponent", "");
                Set(body, "reportingInstance", "");
                break;
            case "customresourcedefinitions.apiextensions.k8s.io" when spec is not null:
                Definition(spec);
                break;
            case "rolebindings.rbac.authorization.k8s.io" or "clusterrolebindings.rbac.authorization.k8s.io":
                foreach (var subject in (body.Array("subjects") ?? []).OfType<JsonObject>().Where(static s => s.String("kind") is "User" or "Group"))
                {
                    Set(subject, "apiGroup", RbacGroup);
                }

                if (body.Object("roleRef") is { } role)
                {
                    Set(role, "apiGroup", RbacGroup);
                }

                break;
            case "networkpolicies.networking.k8s.io" when spec is not null:
                Set(spec, "policyTypes", spec.Array("egress") is { Count: > 0 } ? new JsonArray("Ingress", "Egress") : new JsonArray("Ingress"));
                break;
        }
    }

    /// <summary>Status and labels that a new object starts with.</summary>
    public static void New(ResourceType type, JsonObject body)
    {
        switch (type.StorageKey)
        {
            case "pods":
                PodDefaults.Pod(body);
                break;
            case "namespaces":
                body["metadata"]!.AsObject().Ensure("labels")["kubernetes.io/metadata.name"] = body.String("metadata", "name");
                body["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
                body["status"] = new JsonObject { ["phase"] = "Active" };
                break;
            case "persistentvolumeclaims":
                body["status"] = new JsonObject { ["phase"] = "Pending" };
                break;
            case "services":
                body["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };
                break;
            case "deployments.apps" or "jobs.batch":
                body["status"] = new JsonObject();
                break;
            case "replicasets.apps":
                body["status"] = new JsonObject { ["replicas"] = 0 };
                break;
            case "horizontalpodautoscalers.autoscaling":
                body["status"] = new JsonObject { ["desiredReplicas"] = 0, ["currentMetrics"] = null };
                break;
            case "poddisruptionbudgets.policy":
                body["status"] = new JsonObject { ["disruptionsAllowed"] = 0, ["currentHealthy"] = 0, ["desiredHealthy"] = 0, ["expectedPods"] = 0 };
                break;
            case "customresourcedefinitions.apiextensions.k8s.io":
                body["status"] = new JsonObject
                {
                    ["conditions"] = null,
                    ["acceptedNames"] = new JsonObject { ["plural"] = "", ["kind"] = "" },
                    ["storedVersions"] = new JsonArray([.. (body.Array("spec", "versions") ?? [])
                        .Where(static v => v.Bool("storage") == true).Select(static v => v.At("name")?.DeepClone())]),
                };
                break;
        }

        if (type == ResourceTypes.Jobs)
        {
            JobSelector(body);
        }
    }

    private static void Deployment(JsonObject spec)
    {
        Set(spec, "replicas", 1);
        PodDefaults.Spec(spec.Object("template", "spec"));
        var strategy = spec.Ensure("strategy");
        Set(strategy, "type", "RollingUpdate");
        if (strategy.String("type") == "RollingUpdate")
        {
            var rolling = strategy.Ensure("rollingUpdate");
            Set(rolling, "maxUnavailable", "25%");
            Set(rolling, "maxSurge", "25%");
        }

        Set(spec, "revisionHistoryLimit", 10);
        Set(spec, "progressDeadlineSeconds", 600);
    }

    /// <summary>A Job selects its pods by its own uid.</summary>
    private static void JobSelector(JsonObject body)
    {
        if (body["spec"] is not JsonObject spec || spec.Bool("manualSelector") == true || body.String("metadata", "uid") is not { } uid)
        {
            return;
        }

        var name = body.String("metadata", "name");
        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
        foreach (var labels in (JsonObject[])[spec.Ensure("template").Ensure("metadata").Ensure("labels"), body["metadata"]!.AsObject().Ensure("labels")])
        {
            labels["batch.kubernetes.io/controller-uid"] = uid;
            labels["batch.kubernetes.io/job-name"] = name;
            labels["controller-uid"] = uid;
            labels["job-name"] = name;
        }
    }

    private static void Autoscaler(JsonObject spec)
    {
        Set(spec, "minReplicas", 1);
        if (spec.Array("metrics") is null or { Count: 0 })
        {
            spec["metrics"] = new JsonArray(new JsonObject
            {
                ["type"] = "Resource",
                ["resource"] = new JsonObject { ["name"] = "cpu", ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = 80 } },
            });
        }

        if (spec.Object("behavior") is not { } behavior)
        {
            return;
        }

        var up = behavior.Ensure("scaleUp");
        Set(up, "stabilizationWindowSeconds", 0);
        Set(up, "selectPolicy", "Max");
        Set(up, "policies", new JsonArray(Policy("Pods", 4), Policy("Percent", 100)));
        var down = behavior.Ensure("scaleDown");
        Set(down, "selectPolicy", "Max");
        Set(down, "policies", new JsonArray(Policy("Percent", 100)));
    }

    private static JsonObject Policy(string type, int value) => new() { ["type"] = type, ["value"] = value, ["periodSeconds"] = 15 };

    private static void Secret(JsonObject body)
    {
        Set(body, "type", "Opaque");
        MergeTexts(body);
    }

    /// <summary>A Secret's <c>stringData</c> is a way of writing <c>data</c>; nobody ever reads it back.</summary>
    public static void MergeTexts(JsonObject body)
    {
        if (body.Object("stringData") is { } texts)
        {
            var data = body.Ensure("data");
            foreach (var (key, text) in texts)
            {
                data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(text.String() ?? ""));
            }

            _ = body.Remove("stringData");
        }
    }

    private static void Definition(JsonObject spec)
    {
        if (spec.Object("names") is { } names && names.String("kind") is { } kind)
        {
            Set(names, "singular", kind.ToLowerInvariant());
            Set(names, "listKind", kind + "List");
        }

        Set(spec, "conversion", new JsonObject { ["strategy"] = "None" });
    }
}
