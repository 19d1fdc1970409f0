using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>Events are one store with two faces: core v1 is what is kept, events.k8s.io/v1 renames half of the fields.</summary>
internal static class EventConversion
{
    /// <summary>In the order the newer version is written in; fields without a second name are called the same in both.</summary>
    private static readonly (string Newer, string Core)[] Fields =
    [
        ("metadata", "metadata"), ("eventTime", "eventTime"), ("series", "series"), ("reportingController", "reportingComponent"),
        ("reportingInstance", "reportingInstance"), ("action", "action"), ("reason", "reason"), ("regarding", "involvedObject"),
        ("related", "related"), ("note", "message"), ("type", "type"), ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"), ("deprecatedCount", "count"),
    ];

    /// <summary>Turns an events.k8s.io/v1 Event into a core one, in place.</summary>
    public static void ToCore(JsonObject body)
    {
        var sent = Take(body);
        body["kind"] = ResourceTypes.Events.Kind;
        body["apiVersion"] = ResourceTypes.Events.ApiVersion;
        foreach (var (newer, core) in Fields)
        {
            if (sent.TryGetValue(newer, out var value))
            {
                body[core] = value;
            }
        }
    }

    /// <summary>Turns a core Event into an events.k8s.io/v1 one, in place.</summary>
    public static void FromCore(JsonObject body)
    {
        var kept = Take(body);
        body["kind"] = ResourceTypes.EventsV1.Kind;
        body["apiVersion"] = ResourceTypes.EventsV1.ApiVersion;
        foreach (var (newer, core) in Fields)
        {
            if (kept.TryGetValue(core, out var value))
            {
                body[newer] = value;
            }
            else if (newer is "deprecatedFirstTimestamp" or "deprecatedLastTimestamp")
            {
                body[newer] = null;
            }
            else if (newer is "deprecatedSource" or "regarding")
            {
                body[newer] = new JsonObject();
            }
        }
    }

    private static Dictionary<string, JsonNode?> Take(JsonObject body)
    {
        var fields = body.ToDictionary(StringComparer.Ordinal);
        body.Clear();
        return fields;
    }
}
