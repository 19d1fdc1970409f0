using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;

namespace Resilience.Lab.Deploying;

/// <summary>Fields that controllers or people write after an installation. Applying a manifest again must not take them back: a
/// second <c>deploy</c> would else move traffic to blue and undo what autoscalers did.</summary>
internal static class KeptFields
{
    /// <remarks>A mode is always somebody's decision, also when the lab wrote it for them.</remarks>
    private static readonly (string Kind, string[] Path, bool Always)[] Fields =
    [
        ("Service", ["spec", "selector"], false),
        ("Deployment", ["spec", "replicas"], false),
        ("HorizontalPodAutoscaler", ["spec", "minReplicas"], false),
        ("BlueGreen", ["spec", "mode"], true),
        ("PredictiveAutoscaler", ["spec", "mode"], true),
    ];

    /// <returns>The manifest with the live value of every such field that is always kept or that somebody other than the lab wrote last.</returns>
    public static Manifest Keep(Manifest manifest, JsonObject live)
    {
        var body = (JsonObject)manifest.Body.DeepClone();
        foreach (var (_, path, always) in Fields.Where(field => field.Kind == manifest.Kind))
        {
            if ((always || IsWrittenByAnother(live, path)) && Parent(live, path)?[path[^1]] is { } value && Parent(body, path) is { } place)
            {
                place[path[^1]] = value.DeepClone();
            }
        }

        return manifest with { Body = body };
    }

    /// <remarks>managedFields: a list of {manager, fieldsV1: {"f:spec": {"f:selector": {…}}}}.</remarks>
    private static bool IsWrittenByAnother(JsonObject live, string[] path)
    {
        foreach (var entry in (live["metadata"]?["managedFields"] as JsonArray ?? []).OfType<JsonObject>())
        {
            JsonNode? at = (string?)entry["manager"] == FieldManagers.Lab ? null : entry["fieldsV1"];
            foreach (var step in path)
            {
                at = (at as JsonObject)?["f:" + step];
            }

            if (at is not null)
            {
                return true;
            }
        }

        return false;
    }

    private static JsonObject? Parent(JsonObject body, string[] path)
    {
        JsonNode? at = body;
        foreach (var step in path[..^1])
        {
            at = (at as JsonObject)?[step];
        }

        return at as JsonObject;
    }
}
