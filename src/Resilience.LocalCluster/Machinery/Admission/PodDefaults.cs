using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Admission;

/// <summary>Defaults of pods and of pod templates.</summary>
internal static class PodDefaults
{
    public static void Pod(JsonObject body)
    {
        var spec = body.Ensure("spec");
        Spec(spec);
        Set(spec, "enableServiceLinks", true);
        if (spec.String("serviceAccountName") is null)
        {
            spec["serviceAccountName"] = spec.String("serviceAccount") ?? "default";
        }

        spec["serviceAccount"] = spec.String("serviceAccountName");
        Set(spec, "preemptionPolicy", "PreemptLowerPriority");
        Set(spec, "priority", 0);
        Tolerate(spec, "node.kubernetes.io/not-ready");
        Tolerate(spec, "node.kubernetes.io/unreachable");
        body["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QosClass(spec) };
    }

    /// <param name="spec">Of a pod or of a template; null is left to validation.</param>
    public static void Spec(JsonObject? spec)
    {
        if (spec is null)
        {
            return;
        }

        foreach (var container in (spec.Array("containers") ?? []).Concat(spec.Array("initContainers") ?? []).OfType<JsonObject>())
        {
            Container(container);
        }

        Set(spec, "restartPolicy", "Always");
        Set(spec, "terminationGracePeriodSeconds", 30);
        Set(spec, "dnsPolicy", "ClusterFirst");
        Set(spec, "securityContext", new JsonObject());
        Set(spec, "schedulerName", "default-scheduler");
        foreach (var volume in spec.Array("volumes") ?? [])
        {
            foreach (var source in (ReadOnlySpan<string>)["configMap", "secret", "projected", "downwardAPI"])
            {
                if (volume.Object(source) is { } files)
                {
                    Set(files, "defaultMode", 420);
                }
            }
        }
    }

    private static void Container(JsonObject container)
    {
        foreach (var port in (container.Array("ports") ?? []).OfType<JsonObject>())
        {
            Set(port, "protocol", "TCP");
        }

        foreach (var variable in container.Array("env") ?? [])
        {
            if (variable.Object("valueFrom", "fieldRef") is { } reference)
            {
                Set(reference, "apiVersion", "v1");
            }

            if (variable.Object("valueFrom", "resourceFieldRef") is { } resource)
            {
                Set(resource, "divisor", "0");
            }
        }

        var resources = container.Ensure("resources");
        if (resources.Object("limits") is { } limits)
        {
            var requests = resources.Ensure("requests");
            foreach (var (name, limit) in limits)
            {
                Set(requests, name, limit?.DeepClone());
            }
        }

        foreach (var probe in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            Probe(container.Object(probe));
        }

        Set(container, "terminationMessagePath", "/dev/termination-log");
        Set(container, "terminationMessagePolicy", "File");
        var image = container.String("image") ?? "";
        var tagged = image.LastIndexOf(':') > image.LastIndexOf('/');
        Set(container, "imagePullPolicy", (!tagged && !image.Contains('@', StringComparison.Ordinal)) || image.EndsWith(":latest", StringComparison.Ordinal)
            ? "Always" : "IfNotPresent");
    }

    private static void Probe(JsonObject? probe)
    {
        if (probe is null)
        {
            return;
        }

        if (probe.Object("httpGet") is { } get)
        {
            Set(get, "path", "/");
            Set(get, "scheme", "HTTP");
        }

        if (probe.Object("grpc") is { } grpc)
        {
            Set(grpc, "service", "");
        }

        Set(probe, "timeoutSeconds", 1);
        Set(probe, "periodSeconds", 10);
        Set(probe, "successThreshold", 1);
        Set(probe, "failureThreshold", 3);
    }

    private static void Tolerate(JsonObject spec, string key)
    {
        var tolerations = spec["tolerations"] as JsonArray;
        if (tolerations is null)
        {
            tolerations = [];
            spec["tolerations"] = tolerations;
        }

        if (!tolerations.Any(t => t.String("key") is null || (t.String("key") == key && t.String("effect") is null or "NoExecute")))
        {
            tolerations.Add(new JsonObject { ["key"] = key, ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = 300 });
        }
    }

    private static string QosClass(JsonObject spec)
    {
        var containers = (spec.Array("containers") ?? []).OfType<JsonObject>().ToList();
        var any = containers.Any(static c => c.Object("resources", "requests") is { Count: > 0 } || c.Object("resources", "limits") is { Count: > 0 });
        var all = containers.All(static c => c.At("resources", "limits", "cpu") is { } cpu && c.At("resources", "limits", "memory") is { } memory
            && JsonNode.DeepEquals(cpu, c.At("resources", "requests", "cpu")) && JsonNode.DeepEquals(memory, c.At("resources", "requests", "memory")));
        return !any ? "BestEffort" : all ? "Guaranteed" : "Burstable";
    }

    private static void Set(JsonObject target, string field, JsonNode? value) => Defaults.Set(target, field, value);
}
