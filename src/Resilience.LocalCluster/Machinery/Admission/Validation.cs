using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Admission;

/// <summary>The mistakes people make, refused in the words of the real server.</summary>
internal static class Validation
{
    public static void Check(ResourceType type, JsonObject? before, JsonObject body, List<StatusCause> causes)
    {
        var spec = body["spec"] as JsonObject ?? [];
        switch (type.StorageKey)
        {
            case "pods":
                Pod(spec, "spec", causes);
                if (before is not null)
                {
                    PodUpdate(before.Object("spec") ?? [], spec, causes);
                }

                break;
            case "deployments.apps" or "replicasets.apps":
                Workload(before, spec, causes);
                break;
            case "jobs.batch":
                Job(before, spec, causes);
                break;
            case "persistentvolumeclaims" when before is null:
                Claim(spec, causes);
                break;
            case "services":
                Service(before, spec, causes);
                break;
            case "horizontalpodautoscalers.autoscaling":
                Autoscaler(spec, causes);
                break;
            case "poddisruptionbudgets.policy" when spec.ContainsKey("minAvailable") && spec.ContainsKey("maxUnavailable"):
                causes.Add(new("spec", "FieldValueInvalid", $"Invalid value: {Shown(spec)}: minAvailable and maxUnavailable cannot be both set"));
                break;
            case "customresourcedefinitions.apiextensions.k8s.io":
                Definition(body, spec, causes);
                break;
            case "events" when (body.String("involvedObject", "namespace") ?? "") is var ns
                && ns != body.String("metadata", "namespace") && !(ns.Length == 0 && body.String("metadata", "namespace") == "default"):
                causes.Add(new("involvedObject.namespace", "FieldValueInvalid", $"Invalid value: \"{ns}\": does not match event.namespace"));
                break;
            case "priorityclasses.scheduling.k8s.io":
                PriorityClass(before, body, causes);
                break;
            case "leases.coordination.k8s.io" when spec.Long("leaseDurationSeconds") is <= 0:
                causes.Add(new("spec.leaseDurationSeconds", "FieldValueInvalid", $"Invalid value: {spec.Long("leaseDurationSeconds")}: must be greater than 0"));
                break;
            case "rolebindings.rbac.authorization.k8s.io" or "clusterrolebindings.rbac.authorization.k8s.io"
                when before is not null && !JsonNode.DeepEquals(before["roleRef"], body["roleRef"]):
                causes.Add(new("roleRef", "FieldValueInvalid", $"Invalid value: {Shown(body["roleRef"])}: cannot change roleRef"));
                break;
        }
    }

    private static void Claim(JsonObject spec, List<StatusCause> causes)
    {
        if (spec.Array("accessModes") is not { Count: > 0 })
        {
            causes.Add(new("spec.accessModes", "FieldValueRequired", "Required value: at least 1 access mode is required"));
        }

        if (spec.String("resources", "requests", "storage") is null)
        {
            causes.Add(new("spec.resources[storage]", "FieldValueRequired", "Required value"));
        }
    }

    /// <summary>The newer API (events.k8s.io/v1, as sent) is strict where the older one takes anything.</summary>
    public static void NewEvent(JsonObject body, List<StatusCause> causes)
    {
        foreach (var field in (ReadOnlySpan<string>)["reportingController", "reportingInstance", "action", "reason"])
        {
            if (string.IsNullOrEmpty(body.String(field)))
            {
                causes.Add(new(field, "FieldValueRequired", "Required value"));
            }
        }

        Names.GenerateName(body, causes);
    }

    /// <summary>Through the newer API only the series of an Event, its labels and its annotations may change. Both bodies as stored.</summary>
    public static void EventUpdate(JsonObject before, JsonObject body, List<StatusCause> causes)
    {
        foreach (var (stored, told) in (ReadOnlySpan<(string, string)>)[
            ("involvedObject", "involvedObject"), ("reason", "reason"), ("message", "message"), ("source", "source"), ("firstTimestamp", "firstTimestamp"),
            ("lastTimestamp", "lastTimestamp"), ("count", "count"), ("type", "type"), ("eventTime", "eventTime"), ("action", "action"),
            ("related", "related"), ("reportingComponent", "reportingController"), ("reportingInstance", "reportingInstance")])
        {
            if (!JsonNode.DeepEquals(Told(before[stored]), Told(body[stored])))
            {
                causes.Add(new(told, "FieldValueInvalid", $"Invalid value: {Shown(body[stored])}: field is immutable"));
            }
        }

        // The newer version shows empty what the stored Event lacks.
        static JsonNode? Told(JsonNode? value) => value is JsonObject { Count: 0 } ? null : value;
    }

    private static void PriorityClass(JsonObject? before, JsonObject body, List<StatusCause> causes)
    {
        const long highest = 1_000_000_000;
        if (body.Long("value") is > highest && body.String("metadata", "name")?.StartsWith("system-", StringComparison.Ordinal) != true)
        {
            causes.Add(new("value", "FieldValueForbidden", $"Forbidden: maximum allowed value of a user defined priority is {highest}"));
        }

        if (before is not null && before.Long("value") != body.Long("value"))
        {
            causes.Add(new("value", "FieldValueForbidden", "Forbidden: may not be changed in an update."));
        }
    }

    private static void Workload(JsonObject? before, JsonObject spec, List<StatusCause> causes)
    {
        NotNegative(spec, "replicas", causes);
        NotNegative(spec, "minReadySeconds", causes);
        var labels = spec.Object("template", "metadata", "labels");
        if (LabelSelector.From(spec.Object("selector")) is not { IsEverything: false } selector)
        {
            causes.Add(new("spec.selector", "FieldValueRequired", "Required value"));
        }
        else if (!selector.Matches(labels))
        {
            causes.Add(new("spec.template.metadata.labels", "FieldValueInvalid", $"Invalid value: {Shown(labels)}: `selector` does not match template `labels`"));
        }

        Names.Labels(labels, "spec.template.labels", causes);
        Pod(spec.Object("template", "spec") ?? [], "spec.template.spec", causes);
        if (spec.String("template", "spec", "restartPolicy") is { } policy and not "Always")
        {
            causes.Add(new("spec.template.spec.restartPolicy", "FieldValueNotSupported", $"Unsupported value: \"{policy}\": supported values: \"Always\""));
        }

        if (IsZero(spec.At("strategy", "rollingUpdate", "maxUnavailable")) && IsZero(spec.At("strategy", "rollingUpdate", "maxSurge")))
        {
            causes.Add(new("spec.strategy.rollingUpdate.maxUnavailable", "FieldValueInvalid", "Invalid value: 0: may not be 0 when `maxSurge` is 0"));
        }

        if (before is not null && !JsonNode.DeepEquals(before.At("spec", "selector"), spec["selector"]))
        {
            causes.Add(new("spec.selector", "FieldValueInvalid", $"Invalid value: {Shown(spec["selector"])}: field is immutable"));
        }
    }

    private static void Job(JsonObject? before, JsonObject spec, List<StatusCause> causes)
    {
        NotNegative(spec, "parallelism", causes);
        NotNegative(spec, "completions", causes);
        NotNegative(spec, "backoffLimit", causes);
        Pod(spec.Object("template", "spec") ?? [], "spec.template.spec", causes);
        if (spec.String("template", "spec", "restartPolicy") is "Always")
        {
            causes.Add(new("spec.template.spec.restartPolicy", "FieldValueRequired", "Required value: valid values: \"OnFailure\", \"Never\""));
        }

        if (before is not null && !JsonNode.DeepEquals(before.At("spec", "template"), spec["template"]))
        {
            causes.Add(new("spec.template", "FieldValueInvalid", $"Invalid value: {Shown(spec["template"])}: field is immutable"));
        }
    }

    private static void Pod(JsonObject spec, string path, List<StatusCause> causes)
    {
        var containers = spec.Array("containers");
        if (containers is null or { Count: 0 })
        {
            causes.Add(new($"{path}.containers", "FieldValueRequired", "Required value"));
            return;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < containers.Count; i++)
        {
            Container(containers[i], $"{path}.containers[{i.ToString(CultureInfo.InvariantCulture)}]", seen, causes);
        }

        if (spec.String("restartPolicy") is { } restart && restart is not ("Always" or "OnFailure" or "Never"))
        {
            causes.Add(new($"{path}.restartPolicy", "FieldValueNotSupported",
                $"Unsupported value: \"{restart}\": supported values: \"Always\", \"Never\", \"OnFailure\""));
        }

        if (spec.Long("terminationGracePeriodSeconds") is < 0 and var grace)
        {
            causes.Add(new($"{path}.terminationGracePeriodSeconds", "FieldValueInvalid", $"Invalid value: {grace}: must be greater than or equal to 0"));
        }
    }

    private static void Container(JsonNode? container, string path, HashSet<string> seen, List<StatusCause> causes)
    {
        var name = container.String("name") ?? "";
        if (name.Length == 0)
        {
            causes.Add(new($"{path}.name", "FieldValueRequired", "Required value"));
        }
        else if (!Names.IsLabel(name))
        {
            causes.Add(new($"{path}.name", "FieldValueInvalid", Names.LabelProblem(name)));
        }
        else if (!seen.Add(name))
        {
            causes.Add(new($"{path}.name", "FieldValueDuplicate", $"Duplicate value: \"{name}\""));
        }

        if (string.IsNullOrEmpty(container.String("image")))
        {
            causes.Add(new($"{path}.image", "FieldValueRequired", "Required value"));
        }

        var ports = container.Array("ports") ?? [];
        for (var i = 0; i < ports.Count; i++)
        {
            Port(ports[i].Long("containerPort"), $"{path}.ports[{i.ToString(CultureInfo.InvariantCulture)}].containerPort", causes);
        }

        foreach (var (resource, request) in container.Object("resources", "requests") ?? [])
        {
            if (container.At("resources", "limits", resource) is { } limit && Quantity.TryParse(request?.ToString(), out var wanted)
                && Quantity.TryParse(limit.ToString(), out var most) && wanted > most)
            {
                causes.Add(new($"{path}.resources.requests", "FieldValueInvalid",
                    $"Invalid value: \"{request}\": must be less than or equal to {resource} limit of {limit}"));
            }
        }

        foreach (var probe in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            Probe(container.Object(probe), $"{path}.{probe}", probe != "readinessProbe", causes);
        }
    }

    private static void Probe(JsonObject? probe, string path, bool successOnce, List<StatusCause> causes)
    {
        if (probe is null)
        {
            return;
        }

        var handlers = probe.Count(static f => f.Key is "httpGet" or "tcpSocket" or "exec" or "grpc");
        if (handlers != 1)
        {
            causes.Add(handlers == 0
                ? new(path, "FieldValueRequired", "Required value: must specify a handler type")
                : new(path, "FieldValueForbidden", "Forbidden: may not specify more than 1 handler type"));
        }

        foreach (var field in (ReadOnlySpan<string>)["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"])
        {
            if (probe.Long(field) is < 0 and var value)
            {
                causes.Add(new($"{path}.{field}", "FieldValueInvalid", $"Invalid value: {value}: must be greater than or equal to 0"));
            }
        }

        if (successOnce && probe.Long("successThreshold") is > 1 and var successes)
        {
            causes.Add(new($"{path}.successThreshold", "FieldValueInvalid", $"Invalid value: {successes}: must be 1"));
        }
    }

    private static void PodUpdate(JsonObject before, JsonObject after, List<StatusCause> causes)
    {
        if (JsonNode.DeepEquals(Fixed(before), Fixed(after)))
        {
            return;
        }

        causes.Add(new("spec", "FieldValueForbidden",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"));

        static JsonObject Fixed(JsonObject spec)
        {
            var copy = spec.DeepClone().AsObject();
            foreach (var container in (copy.Array("containers") ?? []).Concat(copy.Array("initContainers") ?? []).OfType<JsonObject>())
            {
                _ = container.Remove("image");
            }

            foreach (var field in (ReadOnlySpan<string>)["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"])
            {
                _ = copy.Remove(field);
            }

            return copy;
        }
    }

    private static void Service(JsonObject? before, JsonObject spec, List<StatusCause> causes)
    {
        var type = spec.String("type");
        if (type is not ("ClusterIP" or "NodePort" or "LoadBalancer" or "ExternalName"))
        {
            causes.Add(new("spec.type", "FieldValueNotSupported",
                $"Unsupported value: \"{type}\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""));
        }

        var ports = spec.Array("ports") ?? [];
        if (ports.Count == 0 && type != "ExternalName" && spec.String("clusterIP") != "None")
        {
            causes.Add(new("spec.ports", "FieldValueRequired", "Required value"));
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < ports.Count; i++)
        {
            var path = $"spec.ports[{i.ToString(CultureInfo.InvariantCulture)}]";
            var name = ports[i].String("name") ?? "";
            if (name.Length == 0 && ports.Count > 1)
            {
                causes.Add(new($"{path}.name", "FieldValueRequired", "Required value"));
            }
            else if (!names.Add(name))
            {
                causes.Add(new($"{path}.name", "FieldValueDuplicate", $"Duplicate value: \"{name}\""));
            }

            Port(ports[i].Long("port"), $"{path}.port", causes);
        }

        if (before is not null && before.String("spec", "clusterIP") is { Length: > 0 } ip && type != "ExternalName" && spec.String("clusterIP") != ip)
        {
            causes.Add(new("spec.clusterIPs[0]", "FieldValueInvalid", $"Invalid value: {Shown(spec["clusterIPs"])}: may not change once set"));
        }
    }

    private static void Autoscaler(JsonObject spec, List<StatusCause> causes)
    {
        foreach (var field in (ReadOnlySpan<string>)["kind", "name"])
        {
            if (string.IsNullOrEmpty(spec.String("scaleTargetRef", field)))
            {
                causes.Add(new($"spec.scaleTargetRef.{field}", "FieldValueRequired", "Required value"));
            }
        }

        var (least, most) = (spec.Long("minReplicas") ?? 1, spec.Long("maxReplicas") ?? 0);
        if (least < 1)
        {
            causes.Add(new("spec.minReplicas", "FieldValueInvalid", $"Invalid value: {least}: must be greater than or equal to 1"));
        }

        if (most < 1)
        {
            causes.Add(new("spec.maxReplicas", "FieldValueInvalid", $"Invalid value: {most}: must be greater than 0"));
        }

        if (most < least)
        {
            causes.Add(new("spec.maxReplicas", "FieldValueInvalid", $"Invalid value: {most}: must be greater than or equal to `minReplicas`"));
        }
    }

    private static void Definition(JsonObject body, JsonObject spec, List<StatusCause> causes)
    {
        var expected = $"{spec.String("names", "plural")}.{spec.String("group")}";
        if (body.String("metadata", "name") is { } name && name != expected)
        {
            causes.Add(new("metadata.name", "FieldValueInvalid", $"Invalid value: \"{name}\": must be spec.names.plural+\".\"+spec.group"));
        }

        if (spec.String("scope") is var scope && scope is not ("Namespaced" or "Cluster"))
        {
            causes.Add(new("spec.scope", "FieldValueNotSupported", $"Unsupported value: \"{scope}\": supported values: \"Cluster\", \"Namespaced\""));
        }

        var versions = spec.Array("versions") ?? [];
        if (versions.Count(static v => v.Bool("storage") == true) != 1)
        {
            causes.Add(new("spec.versions", "FieldValueInvalid", $"Invalid value: {Shown(versions)}: must have exactly one version marked as storage version"));
        }

        for (var i = 0; i < versions.Count; i++)
        {
            if (versions[i].Object("schema", "openAPIV3Schema") is null)
            {
                causes.Add(new($"spec.versions[{i.ToString(CultureInfo.InvariantCulture)}].schema.openAPIV3Schema", "FieldValueRequired", "Required value: schemas are required"));
            }
        }
    }

    private static void NotNegative(JsonObject spec, string field, List<StatusCause> causes)
    {
        if (spec.Long(field) is < 0 and var value)
        {
            causes.Add(new($"spec.{field}", "FieldValueInvalid", $"Invalid value: {value}: must be greater than or equal to 0"));
        }
    }

    private static void Port(long? port, string path, List<StatusCause> causes)
    {
        if (port is null)
        {
            causes.Add(new(path, "FieldValueRequired", "Required value"));
        }
        else if (port is < 1 or > 65535)
        {
            causes.Add(new(path, "FieldValueInvalid", $"Invalid value: {port}: must be between 1 and 65535, inclusive"));
        }
    }

    private static bool IsZero(JsonNode? value) => value?.ToString() is "0" or "0%";

    private static string Shown(JsonNode? value) => Sorted(value)?.ToJsonString(JsonExtensions.Compact) ?? "null";

    /// <summary>Messages show maps by key, so that they do not depend on who wrote the object.</summary>
    private static JsonNode? Sorted(JsonNode? value) => value switch
    {
        JsonObject map => new JsonObject(map.OrderBy(static f => f.Key, StringComparer.Ordinal).Select(static f => KeyValuePair.Create(f.Key, Sorted(f.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => value?.DeepClone(),
    };
}
