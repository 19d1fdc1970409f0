using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Admission;
using Resilience.LocalCluster.Machinery.CustomResources;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Resources;

/// <summary>What happens to an object between the wire and admission: kind check, types, unknown fields by <c>fieldValidation</c>.</summary>
internal sealed class ObjectDecoder(CustomResourceRegistry customResources)
{
    public FieldSchema SchemaOf(ResourceType type) => type.Custom
        ? customResources.Find(type)?.Fields ?? FieldSchema.Any
        : BuiltInSchemas.For(type)?.AsField() ?? FieldSchema.Any;

    /// <summary>
    /// Checks that the body is of the kind the path serves. A built-in kind goes without saying, and typed clients do not say it.
    /// </summary>
    public static void CheckKind(ResourceType type, JsonObject body)
    {
        if (!type.Custom)
        {
            body["kind"] ??= type.Kind;
            body["apiVersion"] ??= type.ApiVersion;
        }

        var kind = body.String("kind") ?? "";
        var apiVersion = body.String("apiVersion") ?? "";
        if (kind.Length == 0)
        {
            throw StatusException.BadRequest("Object 'Kind' is missing in the request body");
        }

        if (kind == type.Kind && apiVersion == type.ApiVersion)
        {
            return;
        }

        var version = apiVersion.Contains('/', StringComparison.Ordinal) ? apiVersion.Split('/')[1] : apiVersion;
        throw StatusException.BadRequest(kind != type.Kind
            ? $"{kind} in version \"{version}\" cannot be handled as a {type.Kind}: converting ({version}.{kind}) to ({(type.Group.Length == 0 ? "core" : type.Group.Split('.')[0])}.{type.Kind}): unknown conversion"
            : $"{kind} in version \"{version}\" cannot be handled as a {type.Kind}: no kind \"{kind}\" is registered for version \"{apiVersion}\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"");
    }

    /// <summary>A patch may not turn an object into one of another kind.</summary>
    public static void CheckKind(JsonObject before, JsonObject after)
    {
        if (before.String("kind") != after.String("kind") || before.String("apiVersion") != after.String("apiVersion"))
        {
            throw StatusException.BadRequest(
                $"{after.String("kind")} in version \"{after.String("apiVersion")}\" cannot be handled as a {before.String("kind")}: the kind of an object cannot be changed");
        }
    }

    /// <summary>Drops null and unknown fields of <paramref name="body"/> in place and refuses or warns about the unknown ones.</summary>
    public void Decode(ResourceRequest request, JsonObject body)
    {
        var unknown = new List<string>();
        try
        {
            if (!request.Type.Custom && BuiltInSchemas.For(request.Type) is { } schema)
            {
                unknown.AddRange(Decoder.Decode(body, schema));
            }
            else if (body["metadata"] is JsonObject metadata)
            {
                unknown.AddRange(Decoder.Decode(metadata, BuiltInSchemas.Named("ObjectMeta")).Select(static f => $"metadata.{f}"));
            }
        }
        catch (FormatException ex)
        {
            throw StatusException.BadRequest(
                $"{request.Type.Kind} in version \"{request.Type.Version}\" cannot be handled as a {request.Type.Kind}: {ex.Message}");
        }

        if (customResources.Find(request.Type)?.OpenApi is { } openApi)
        {
            unknown.AddRange(StructuralSchema.Prune(body, openApi));
        }

        Report(request, unknown);
    }

    /// <summary>
    /// What conversion to the stored form does before ownership of fields is recorded. Server-side apply is different: its
    /// manager owns the fields as it wrote them.
    /// </summary>
    public static void Complete(ResourceRequest request, JsonObject body)
    {
        if (request.Type == ResourceTypes.Secrets)
        {
            Defaults.MergeTexts(body);
        }
    }

    private static void Report(ResourceRequest request, List<string> unknown)
    {
        if (unknown.Count == 0)
        {
            return;
        }

        switch (request.Query("fieldValidation"))
        {
            case "Strict":
                throw StatusException.BadRequest(
                    $"{request.Type.Kind} in version \"{request.Type.Version}\" cannot be handled as a {request.Type.Kind}: strict decoding error: "
                    + string.Join(", ", unknown.Select(static f => $"unknown field \"{f}\"")));
            case "Ignore":
                break;
            default:
                foreach (var field in unknown)
                {
                    Responses.Warn(request.Http, $"unknown field \"{field}\"");
                }

                break;
        }
    }
}
