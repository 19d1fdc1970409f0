using System.Text.Json;
using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Storage;

/// <summary>One revision of one object. Immutable by convention: readers share <see cref="Body"/>, so nobody may change it.</summary>
internal sealed class StoredObject
{
    private byte[]? _utf8;

    public StoredObject(ResourceType type, JsonObject body, long resourceVersion)
    {
        Type = type;
        Body = body;
        ResourceVersion = resourceVersion;
        var metadata = body["metadata"]!.AsObject();
        Name = metadata.String("name") ?? "";
        Namespace = metadata.String("namespace");
        Uid = metadata.String("uid") ?? "";
    }

    public ResourceType Type { get; }

    public string? Namespace { get; }

    public string Name { get; }

    public string Uid { get; }

    public long ResourceVersion { get; }

    /// <summary>The whole object; never mutate it, take <see cref="Clone"/>.</summary>
    public JsonObject Body { get; }

    public JsonObject Metadata => Body["metadata"]!.AsObject();

    public JsonObject? Spec => Body["spec"] as JsonObject;

    public JsonObject? Status => Body["status"] as JsonObject;

    public bool IsDeleting => Metadata.ContainsKey("deletionTimestamp");

    /// <summary>Serialised once per revision, however many watchers read it.</summary>
    public ReadOnlyMemory<byte> Utf8 => _utf8 ??= JsonSerializer.SerializeToUtf8Bytes(Body, JsonExtensions.Compact);

    public string? Label(string key) => (Metadata["labels"] as JsonObject)?.String(key);

    public string? Annotation(string key) => (Metadata["annotations"] as JsonObject)?.String(key);

    public JsonObject Clone() => Body.DeepClone().AsObject();

    public override string ToString() => $"{Type.Plural} {(Namespace is null ? Name : $"{Namespace}/{Name}")}@{ResourceVersion}";
}
