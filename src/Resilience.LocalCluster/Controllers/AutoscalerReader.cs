using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.Control.Scaling;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Translates between a HorizontalPodAutoscaler's JSON and the algorithm's vocabulary.</summary>
internal static class AutoscalerReader
{
    private const int DefaultCpuUtilization = 80;

    /// <summary>
    /// Times of the API are whole seconds, rounded down. A sample that began in the second in which the pod became ready may hold the
    /// end of its start-up, the most expensive part of it, so readiness counts from the end of that second.
    /// </summary>
    private static readonly TimeSpan TimeResolution = TimeSpan.FromSeconds(1);

    public static HorizontalPodAutoscalerSpec Spec(StoredObject scaler, double timeScale)
    {
        var metrics = scaler.Spec.Array("metrics")?.OfType<JsonObject>().Select(Metric).ToList() ?? [];
        if (metrics.Count == 0)
        {
            metrics.Add(new("cpu", null, DefaultCpuUtilization, null));
        }

        var behavior = scaler.Spec.Object("behavior");
        return new(scaler.Spec.Int("minReplicas") ?? 1, scaler.Spec.Int("maxReplicas") ?? 1, metrics)
        {
            Behavior = behavior is null ? null : new(
                Rules(behavior.Object("scaleUp"), HorizontalPodAutoscalerBehavior.DefaultUp, timeScale),
                Rules(behavior.Object("scaleDown"), HorizontalPodAutoscalerBehavior.DefaultDown, timeScale)),
        };
    }

    public static HorizontalPodAutoscalerPod Pod(StoredObject pod, PodUsage? usage)
    {
        var requests = new Dictionary<(string, string), long>();
        var containers = new List<string>();
        foreach (var container in pod.Spec.Array("containers")?.OfType<JsonObject>() ?? [])
        {
            var name = container.String("name") ?? "";
            containers.Add(name);
            foreach (var resource in (ReadOnlySpan<string>)["cpu", "memory"])
            {
                var text = container.String("resources", "requests", resource) ?? container.String("resources", "limits", resource);
                if (Quantity.Milli(text) is { } milli)
                {
                    requests[(name, resource)] = milli;
                }
            }
        }

        var ready = Objects.Condition(pod, "Ready");
        return new(
            pod.Name,
            pod.Status.String("phase") ?? "Pending",
            pod.IsDeleting,
            pod.Status.Time("startTime"),
            ready is null ? null : ready.String("status") == "True",
            ready.Time("lastTransitionTime") is { } changed ? changed + TimeResolution : DateTimeOffset.MinValue,
            requests,
            usage is null ? null : Sample(usage))
        {
            Containers = containers,
        };
    }

    public static JsonNode Status(ScalingMetricStatus? status)
    {
        if (status is null)
        {
            return new JsonObject { ["type"] = "" };   // what a real controller leaves for a metric it could not read
        }

        var current = new JsonObject
        {
            ["averageValue"] = status.Metric.Resource == "memory"
                ? (status.AverageMilli / 1000).ToString(CultureInfo.InvariantCulture) : Quantity.FromMilli(status.AverageMilli),
        };
        if (status.Utilization is { } utilization)
        {
            current.Insert(0, "averageUtilization", utilization);
        }

        var resource = new JsonObject { ["current"] = current, ["name"] = status.Metric.Resource };
        if (status.Metric.Container is null)
        {
            return new JsonObject { ["resource"] = resource, ["type"] = "Resource" };
        }

        resource.Insert(0, "container", status.Metric.Container);
        return new JsonObject { ["containerResource"] = resource, ["type"] = "ContainerResource" };
    }

    private static PodResourceSample Sample(PodUsage usage)
    {
        var values = new Dictionary<(string, string), long>();
        foreach (var container in usage.Containers)
        {
            values[(container.Name, "cpu")] = (container.CpuNanocores + 999_999) / 1_000_000;
            values[(container.Name, "memory")] = container.MemoryBytes * 1000;
        }

        return new(usage.Timestamp, usage.Window, values);
    }

    private static HorizontalPodAutoscalerMetric Metric(JsonObject metric)
    {
        var type = metric.String("type") ?? "";
        var source = type switch { "Resource" => metric.Object("resource"), "ContainerResource" => metric.Object("containerResource"), _ => null };
        if (source is null)
        {
            var (api, reason) = type == "External"
                ? ("external", "FailedGetExternalMetric") : ("custom", type == "Object" ? "FailedGetObjectMetric" : "FailedGetPodsMetric");
            return new(type, null, null, 1)
            {
                FailureReason = reason,
                Unavailable = $"unable to get metric: unable to fetch metrics from {api} metrics API: no {api} metrics API ({api}.metrics.k8s.io) registered",
            };
        }

        var target = source.Object("target");
        return new(
            source.String("name") ?? "cpu",
            source.String("container"),
            target.Int("averageUtilization"),
            target.Int("averageUtilization") is null ? Math.Max(1, Quantity.Milli(target.String("averageValue")) ?? 1) : null);
    }

    private static ScalingRules Rules(JsonObject? rules, ScalingRules fallback, double timeScale)
    {
        if (rules is null)
        {
            return Scaled(fallback, timeScale);
        }

        var policies = rules.Array("policies")?.OfType<JsonObject>().Select(p => new ScalingPolicy(
            p.String("type") == "Percent", p.Int("value") ?? 0, TimeSpan.FromSeconds(p.Int("periodSeconds") ?? 15))).ToList();
        var select = rules.String("selectPolicy") switch { "Min" => ScalingSelect.Min, "Disabled" => ScalingSelect.Disabled, _ => ScalingSelect.Max };
        var window = rules.Int("stabilizationWindowSeconds") is { } seconds ? TimeSpan.FromSeconds(seconds) : fallback.Stabilization;
        double? tolerance = Quantity.Milli(rules.String("tolerance")) is { } milli ? milli / 1000.0 : null;
        return Scaled(new(select, policies is { Count: > 0 } ? policies : fallback.Policies, window, tolerance), timeScale);
    }

    private static ScalingRules Scaled(ScalingRules rules, double timeScale) => rules with
    {
        Policies = [.. rules.Policies.Select(p => p with { Period = p.Period / timeScale })],
        Stabilization = rules.Stabilization / timeScale,
    };
}
