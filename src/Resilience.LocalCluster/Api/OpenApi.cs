using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Machinery.CustomResources;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api;

/// <summary>
/// <c>/openapi/v3</c>, written from our own schemas: what kubectl needs to merge and to leave field validation to the server, and
/// enough for <c>kubectl explain</c> (field names and types; descriptions only where a definition brings them).
/// </summary>
internal sealed class OpenApi
{
    private const string SchemaPrefix = "#/components/schemas/";

    /// <summary>
    /// A swagger 2.0 document (protobuf) without paths: kubectl falls back to it when a kind is in no v3 document, and then says
    /// that the kind does not exist instead of that the server is broken.
    /// </summary>
    private static readonly byte[] EmptyVersion2 = [0x0a, 3, .. "2.0"u8, 0x12, 5, 0x0a, 1, (byte)'K', 0x12, 0, 0x42, 0];

    private readonly ResourceRegistry _registry;
    private readonly CustomResourceRegistry _customResources;
    private readonly ConcurrentDictionary<string, byte[]> _documents = new(StringComparer.Ordinal);

    public OpenApi(ResourceRegistry registry, CustomResourceRegistry customResources)
    {
        _registry = registry;
        _customResources = customResources;
        registry.Changed += _documents.Clear;
    }

    public async Task<bool> TryHandleAsync(HttpContext context, string path)
    {
        if (path == "/openapi/v3")
        {
            await Responses.BytesAsync(context, Encoding.UTF8.GetBytes(Index().ToJsonString(JsonExtensions.Compact)), contentType: "text/plain; charset=utf-8").ConfigureAwait(false);
            return true;
        }

        if (path == "/openapi/v2")
        {
            await Responses.BytesAsync(context, EmptyVersion2, contentType: "application/com.github.proto-openapi.spec.v2.v1.0+protobuf").ConfigureAwait(false);
            return true;
        }

        const string prefix = "/openapi/v3/";
        if (!path.StartsWith(prefix, StringComparison.Ordinal) || Document(path[prefix.Length..]) is not { } document)
        {
            return false;
        }

        context.Response.Headers.ETag = $"\"{Hash(document)}\"";
        await Responses.BytesAsync(context, document).ConfigureAwait(false);
        return true;
    }

    private JsonObject Index()
    {
        var paths = new JsonObject();
        foreach (var path in _registry.Types.Select(PathOf).Distinct())
        {
            paths[path] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{path}?hash={Hash(Document(path)!)}" };
        }

        return new() { ["paths"] = paths };
    }

    private byte[]? Document(string path)
    {
        if (_documents.TryGetValue(path, out var cached))
        {
            return cached;
        }

        var types = _registry.Types.Where(t => PathOf(t) == path).ToList();
        if (types.Count == 0)
        {
            return null;
        }

        var document = Encoding.UTF8.GetBytes(Write(types).ToJsonString(JsonExtensions.Compact));
        _documents[path] = document;
        return document;
    }

    private JsonObject Write(List<ResourceType> types)
    {
        var paths = new JsonObject();
        var schemas = new JsonObject();
        foreach (var type in types.Where(static t => !t.Virtual && (t.StoredAs is null || BuiltInSchemas.For(t) is not null)))
        {
            Paths(type, paths);
            var schema = type.Custom ? Custom(type, schemas) : BuiltIn(type, schemas);
            schemas[NameOf(type)] = schema;
        }

        return new()
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = Discovery.KubernetesVersion },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
    }

    private static void Paths(ResourceType type, JsonObject paths)
    {
        var root = (type.Group.Length == 0 ? "/api/" : "/apis/") + type.ApiVersion;
        var collection = type.Namespaced ? $"{root}/namespaces/{{namespace}}/{type.Plural}" : $"{root}/{type.Plural}";
        paths[collection] = new JsonObject
        {
            ["get"] = Operation(type, "list", null),
            ["post"] = Operation(type, "post", ["application/json"]),
        };
        string[] patches = type.Custom ? [PatchHandler.Json, PatchHandler.Merge, PatchHandler.ApplyYaml]
            : [PatchHandler.Json, PatchHandler.Merge, PatchHandler.Strategic, PatchHandler.ApplyYaml];
        paths[$"{collection}/{{name}}"] = new JsonObject
        {
            ["get"] = Operation(type, "get", null),
            ["put"] = Operation(type, "put", ["application/json"]),
            ["patch"] = Operation(type, "patch", patches),
            ["delete"] = Operation(type, "delete", null),
        };
    }

    private static JsonObject Operation(ResourceType type, string action, string[]? bodies)
    {
        var operation = new JsonObject { ["x-kubernetes-action"] = action, ["x-kubernetes-group-version-kind"] = Gvk(type) };
        if (bodies is not null)
        {
            operation["parameters"] = new JsonArray([.. ((string[])["dryRun", "fieldManager", "fieldValidation", .. action == "patch" ? ["force"] : (string[])[]])
                .Select(static p => new JsonObject { ["name"] = p, ["in"] = "query", ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true } })]);
            operation["requestBody"] = new JsonObject
            {
                ["content"] = new JsonObject(bodies.Select(b => KeyValuePair.Create(b,
                    (JsonNode?)new JsonObject { ["schema"] = new JsonObject { ["$ref"] = SchemaPrefix + NameOf(type) } }))),
            };
        }

        operation["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } };
        return operation;
    }

    private static JsonObject BuiltIn(ResourceType type, JsonObject schemas)
    {
        var schema = Object(BuiltInSchemas.For(type)!, schemas);
        schema["x-kubernetes-group-version-kind"] = new JsonArray(Gvk(type));
        return schema;
    }

    private JsonObject Custom(ResourceType type, JsonObject schemas)
    {
        var schema = _customResources.Find(type)?.OpenApi?.DeepClone().AsObject() ?? new JsonObject { ["type"] = "object" };
        var properties = schema.Ensure("properties");
        properties["apiVersion"] = new JsonObject { ["type"] = "string" };
        properties["kind"] = new JsonObject { ["type"] = "string" };
        properties["metadata"] = Reference(BuiltInSchemas.Named("ObjectMeta"), schemas);
        schema["x-kubernetes-group-version-kind"] = new JsonArray(Gvk(type));
        return schema;
    }

    private static JsonObject Object(TypeSchema type, JsonObject schemas)
    {
        var properties = new JsonObject();
        foreach (var (name, field) in type.Fields)
        {
            properties[name] = Field(field, schemas);
        }

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties };
        var required = type.Fields.Where(static f => f.Value.Required).Select(static f => JsonValue.Create(f.Key)).ToArray();
        if (required.Length > 0)
        {
            schema["required"] = new JsonArray([.. required]);
        }

        if (type.Atomic)
        {
            schema["x-kubernetes-map-type"] = "atomic";
        }

        return schema;
    }

    private static JsonObject Field(FieldSchema field, JsonObject schemas)
    {
        switch (field.Kind)
        {
            case FieldKind.Object:
                var reference = Reference(field.Type!, schemas);
                if (field.RetainKeys)
                {
                    reference["x-kubernetes-patch-strategy"] = "retainKeys";
                }

                return reference;
            case FieldKind.Map:
                return new() { ["type"] = "object", ["additionalProperties"] = Field(field.Items!, schemas) };
            case FieldKind.List:
                return List(field, schemas);
            case FieldKind.IntOrString or FieldKind.Quantity:
                return new() { ["oneOf"] = new JsonArray(new JsonObject { ["type"] = "string" }, new JsonObject { ["type"] = field.Kind == FieldKind.Quantity ? "number" : "integer" }) };
            default:
                return Scalar(field.Kind);
        }
    }

    private static JsonObject List(FieldSchema field, JsonObject schemas)
    {
        var list = new JsonObject { ["type"] = "array", ["items"] = Field(field.Items!, schemas) };
        if (field.Apply != ListMerge.Atomic)
        {
            list["x-kubernetes-list-type"] = field.Apply == ListMerge.Set ? "set" : "map";
            if (field.Apply == ListMerge.Keyed)
            {
                list["x-kubernetes-list-map-keys"] = new JsonArray([.. field.Keys.Select(static k => JsonValue.Create(k))]);
            }
        }
        else
        {
            list["x-kubernetes-list-type"] = "atomic";
        }

        if (field.Strategic != ListMerge.Atomic)
        {
            list["x-kubernetes-patch-strategy"] = field.RetainKeys ? "merge,retainKeys" : "merge";
            if (field.Strategic == ListMerge.Keyed)
            {
                list["x-kubernetes-patch-merge-key"] = field.Keys[0];
            }
        }

        return list;
    }

    private static JsonObject Scalar(FieldKind kind) => kind switch
    {
        FieldKind.Int => new() { ["type"] = "integer", ["format"] = "int32" },
        FieldKind.Int64 => new() { ["type"] = "integer", ["format"] = "int64" },
        FieldKind.Number => new() { ["type"] = "number", ["format"] = "double" },
        FieldKind.Bool => new() { ["type"] = "boolean" },
        FieldKind.Bytes => new() { ["type"] = "string", ["format"] = "byte" },
        FieldKind.Time or FieldKind.MicroTime => new() { ["type"] = "string", ["format"] = "date-time" },
        FieldKind.String => new() { ["type"] = "string" },
        _ => new() { ["type"] = "object" },
    };

    /// <summary>A reference, after making sure that what it refers to is in the document.</summary>
    private static JsonObject Reference(TypeSchema type, JsonObject schemas)
    {
        var name = $"dev.resilience.kubernetes.{type.Name}";
        if (!schemas.ContainsKey(name))
        {
            schemas[name] = new JsonObject();   // breaks cycles
            schemas[name] = Object(type, schemas);
        }

        return new() { ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = SchemaPrefix + name }), ["default"] = new JsonObject() };
    }

    private static string PathOf(ResourceType type) => type.Group.Length == 0 ? $"api/{type.Version}" : $"apis/{type.ApiVersion}";

    private static string NameOf(ResourceType type) =>
        $"{(type.Group.Length == 0 ? "core" : type.Group)}.{type.Version}.{type.Kind}".ToString(CultureInfo.InvariantCulture);

    private static JsonObject Gvk(ResourceType type) => new() { ["group"] = type.Group, ["version"] = type.Version, ["kind"] = type.Kind };

    private static string Hash(byte[] document) => Convert.ToHexString(SHA256.HashData(document));
}
