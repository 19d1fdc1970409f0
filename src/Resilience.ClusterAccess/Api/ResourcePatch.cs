using System.Text.Json.Nodes;

namespace Resilience.ClusterAccess.Api;

/// <summary>A patch body with the media type that says how the server reads it.</summary>
public sealed class ResourcePatch
{
    private ResourcePatch(string mediaType, JsonNode body)
    {
        MediaType = mediaType;
        Body = body;
    }

    public string MediaType { get; }

    public JsonNode Body { get; }

    /// <summary>JSON merge patch (RFC 7386): null removes a field, lists are replaced whole.</summary>
    public static ResourcePatch Merge(JsonObject body) => new("application/merge-patch+json", body);

    /// <summary>
    /// JSON merge patch that applies only while the object still has <paramref name="resourceVersion"/>; otherwise
    /// the server answers 409 (<see cref="ClusterException.IsConflict"/>) and nothing changed.
    /// </summary>
    public static ResourcePatch MergeIf(string resourceVersion, JsonObject body)
    {
        ArgumentException.ThrowIfNullOrEmpty(resourceVersion);
        var conditional = (JsonObject)body.DeepClone();
        if (conditional["metadata"] is not JsonObject metadata)
        {
            metadata = [];
            conditional["metadata"] = metadata;
        }

        metadata["resourceVersion"] = resourceVersion;
        return Merge(conditional);
    }

    /// <summary>Strategic merge patch; built-in kinds only, custom resources answer 415.</summary>
    public static ResourcePatch Strategic(JsonObject body) => new("application/strategic-merge-patch+json", body);

    /// <summary>JSON patch (RFC 6902), a list of operations that apply all or none.</summary>
    public static ResourcePatch Json(JsonArray operations) => new("application/json-patch+json", operations);

    /// <summary>Server-side apply. The body must carry apiVersion, kind and metadata.name; JSON is valid YAML.</summary>
    public static ResourcePatch Apply(JsonObject body) => new("application/apply-patch+yaml", body);
}
