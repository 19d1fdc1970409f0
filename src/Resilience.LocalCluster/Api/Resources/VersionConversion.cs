using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>
/// Other versions of a stored kind. Custom resources convert by name only; autoscaling/v1, which <c>kubectl autoscale</c> writes,
/// knows one metric.
/// </summary>
internal static class VersionConversion
{
    /// <summary>Turns <paramref name="body"/> into the stored version in place and returns the request in its terms.</summary>
    public static ResourceRequest ToStored(ResourceRequest request, JsonObject body)
    {
        if (request.Type.StoredAs is not { } stored)
        {
            return request;
        }

        if (request.Type == ResourceTypes.EventsV1)
        {
            EventConversion.ToCore(body);
            return request with { Type = stored };
        }

        body["apiVersion"] = stored.ApiVersion;
        if (body["spec"] is JsonObject spec && spec.Remove("targetCPUUtilizationPercentage", out var target) && target.Long() is > 0)
        {
            spec["metrics"] = new JsonArray(new JsonObject
            {
                ["type"] = "Resource",
                ["resource"] = new JsonObject
                {
                    ["name"] = "cpu",
                    ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = target?.DeepClone() },
                },
            });
        }

        return request with { Type = stored };
    }

    /// <param name="body">A copy, changed in place.</param>
    public static JsonObject FromStored(ResourceType type, JsonObject body)
    {
        if (type == ResourceTypes.EventsV1)
        {
            EventConversion.FromCore(body);
            return body;
        }

        body["apiVersion"] = type.ApiVersion;
        if (type != ResourceTypes.HorizontalPodAutoscalersV1)
        {
            return body;
        }

        if (body["spec"] is JsonObject spec)
        {
            if (Cpu(spec.Array("metrics")).At("resource", "target", "averageUtilization") is { } target)
            {
                spec["targetCPUUtilizationPercentage"] = target.DeepClone();
            }

            _ = spec.Remove("metrics");
            _ = spec.Remove("behavior");
        }

        if (body["status"] is JsonObject status)
        {
            if (Cpu(status.Array("currentMetrics")).At("resource", "current", "averageUtilization") is { } current)
            {
                status["currentCPUUtilizationPercentage"] = current.DeepClone();
            }

            _ = status.Remove("currentMetrics");
            _ = status.Remove("conditions");
        }

        return body;
    }

    /// <summary>A patch of the narrow version must not lose what only the stored one can say.</summary>
    public static void KeepUnseen(JsonObject before, JsonObject after)
    {
        if (before["spec"] is not JsonObject old || after["spec"] is not JsonObject spec)
        {
            return;
        }

        if (old["behavior"] is { } behavior)
        {
            spec["behavior"] = behavior.DeepClone();
        }

        var target = Cpu(spec.Array("metrics"));
        var kept = old.Array("metrics")?.DeepClone().AsArray() ?? [];
        if (Cpu(kept) is JsonObject cpu && target is not null)
        {
            cpu["resource"]!["target"] = target["resource"]!["target"]!.DeepClone();
        }
        else if (target is not null)
        {
            kept.Add(target.DeepClone());
        }

        spec["metrics"] = kept;
        after["status"] = before["status"]?.DeepClone();
    }

    private static JsonNode? Cpu(JsonArray? metrics) => metrics?.FirstOrDefault(static m => m.String("resource", "name") == "cpu");
}
