using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Tables;

/// <summary>The HorizontalPodAutoscaler row.</summary>
internal static class AutoscalerCells
{
    public static JsonArray Render(StoredObject o, DateTimeOffset now) =>
    [
        o.Name, $"{o.Spec.String("scaleTargetRef", "kind")}/{o.Spec.String("scaleTargetRef", "name")}", Targets(o),
        o.Spec.Long("minReplicas")?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "<unset>",
        o.Spec.Long("maxReplicas") ?? 0, o.Status.Long("currentReplicas") ?? 0, BuiltInTables.Age(o, now),
    ];

    private static string Targets(StoredObject o)
    {
        var metrics = o.Spec.Array("metrics") ?? [];
        if (metrics.Count == 0)
        {
            return "<none>";
        }

        var current = o.Status.Array("currentMetrics") ?? [];
        var shown = metrics.Take(2).Select((metric, i) => Target(metric, i < current.Count ? current[i] : null));
        return string.Join(", ", shown) + (metrics.Count > 2 ? $" + {metrics.Count - 2} more..." : "");
    }

    private static string Target(JsonNode? metric, JsonNode? status)
    {
        var kind = metric.String("type") ?? "";
        var field = kind is "ContainerResource" ? "containerResource" : kind.ToLowerInvariant();
        var target = metric.At(field, "target");
        var current = status.String("type") == kind ? status.At(field, "current") : null;
        var name = metric.String(field, "name") ?? metric.String(field, "metric", "name") ?? "";
        if (target.Long("averageUtilization") is { } utilization)
        {
            return $"{name}: {(current.Long("averageUtilization") is { } now ? $"{now}%" : "<unknown>")}/{utilization}%";
        }

        var wanted = target.At("averageValue")?.ToString() ?? target.At("value")?.ToString() ?? "<unknown>";
        var found = current.At("averageValue")?.ToString() ?? current.At("value")?.ToString() ?? "<unknown>";
        var average = target.At("averageValue") is not null && kind is "External" or "Object" ? " (avg)" : "";
        return kind is "Resource" or "ContainerResource" ? $"{name}: {found}/{wanted}" : $"{found}/{wanted}{average}";
    }
}
