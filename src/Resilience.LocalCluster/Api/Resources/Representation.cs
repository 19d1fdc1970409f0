using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Tables;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>Objects on the wire: whole, as metadata only, or as table rows; bytes are those cached with the revision.</summary>
internal sealed class Representation(TableRenderer tables)
{
    public Task WriteAsync(ResourceRequest request, StoredObject item, int status = 200) =>
        Responses.BytesAsync(request.Http, Single(request, item), status);

    public ReadOnlyMemory<byte> Single(ResourceRequest request, StoredObject item, bool withColumns = true) => request.Negotiation.Form switch
    {
        ResponseForm.Table => tables.Render(request.Type, [item], request.Negotiation.MetaVersion, request.Query("includeObject"), null, withColumns),
        ResponseForm.PartialMetadata => Encoding.UTF8.GetBytes(
            Partial(item, request.Negotiation.MetaVersion).ToJsonString(JsonExtensions.Compact)),
        _ => Bytes(request.Type, item),
    };

    public Task WriteListAsync(ResourceRequest request, IReadOnlyList<StoredObject> items, JsonObject metadata)
    {
        switch (request.Negotiation.Form)
        {
            case ResponseForm.Table:
                return Responses.BytesAsync(request.Http,
                    tables.Render(request.Type, items, request.Negotiation.MetaVersion, request.Query("includeObject"), metadata));
            case ResponseForm.PartialMetadata:
                return Responses.JsonAsync(request.Http, new JsonObject
                {
                    ["kind"] = "PartialObjectMetadataList",
                    ["apiVersion"] = $"meta.k8s.io/{request.Negotiation.MetaVersion}",
                    ["metadata"] = metadata,
                    ["items"] = new JsonArray([.. items.Select(i => Partial(i, request.Negotiation.MetaVersion))]),
                });
            default:
                return Responses.BytesAsync(request.Http, List(request.Type, items, metadata));
        }
    }

    /// <summary>The object in the requested version; versions of a custom resource differ in nothing but their name.</summary>
    public static ReadOnlyMemory<byte> Bytes(ResourceType type, StoredObject item)
    {
        if (item.Type.Version == type.Version && item.Type.Group == type.Group)
        {
            return item.Utf8;
        }

        var body = VersionConversion.FromStored(type, item.Clone());
        return Encoding.UTF8.GetBytes(body.ToJsonString(JsonExtensions.Compact));
    }

    private static ReadOnlyMemory<byte> List(ResourceType type, IReadOnlyList<StoredObject> items, JsonObject metadata)
    {
        var buffer = new ArrayBufferWriter<byte>(256 + items.Sum(static i => i.Utf8.Length + 1));
        buffer.Write(Encoding.UTF8.GetBytes(
            $$"""{"kind":"{{type.ListKind}}","apiVersion":"{{type.ApiVersion}}","metadata":{{metadata.ToJsonString(JsonExtensions.Compact)}},"items":["""));
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
            {
                buffer.Write(","u8);
            }

            var bytes = Bytes(type, items[i]).Span;
            if (!type.Custom)
            {
                // Items of a built-in list carry no kind and apiVersion; those always come first in the stored form.
                buffer.Write("{"u8);
                bytes = bytes[HeaderLength(type)..];
            }

            buffer.Write(bytes);
        }

        buffer.Write("]}"u8);
        return buffer.WrittenMemory;
    }

    private static int HeaderLength(ResourceType type) => $$"""{"kind":"{{type.Kind}}","apiVersion":"{{type.ApiVersion}}",""".Length;

    private static JsonObject Partial(StoredObject item, string metaVersion) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = $"meta.k8s.io/{metaVersion}",
        ["metadata"] = item.Metadata.DeepClone(),
    };
}
