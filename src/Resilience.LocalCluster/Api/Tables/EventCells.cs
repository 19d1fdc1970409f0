using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Tables;

/// <summary>The event row.</summary>
internal static class EventCells
{
    public static JsonArray Render(StoredObject o, DateTimeOffset now)
    {
        var body = o.Body;
        var first = body.Time("firstTimestamp") ?? body.Time("eventTime");
        var last = body.Time("lastTimestamp") ?? body.Time("series", "lastObservedTime") ?? first;
        var source = body.String("source", "component") ?? body.String("reportingComponent") ?? "";
        if (body.String("source", "host") is { Length: > 0 } host)
        {
            source = $"{source}, {host}";
        }

        var kind = body.String("involvedObject", "kind")?.ToLowerInvariant();
        return
        [
            HumanDuration.Since(last, now), body.String("type") ?? "", body.String("reason") ?? "", $"{kind}/{body.String("involvedObject", "name")}",
            body.String("involvedObject", "fieldPath") ?? "", source, (body.String("message") ?? "").Trim(),
            HumanDuration.Since(first, now), body.Long("series", "count") ?? body.Long("count") ?? 1, o.Name,
        ];
    }
}
