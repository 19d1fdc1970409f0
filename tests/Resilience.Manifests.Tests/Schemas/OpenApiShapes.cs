using System.Text.Json.Nodes;

namespace Resilience.Manifests.Tests.Schemas;

/// <summary>Shapes from OpenAPI v3 documents as an API server serves them.</summary>
internal sealed class OpenApiShapes : IShapes
{
    private const string Prefix = "#/components/schemas/";

    private readonly Dictionary<string, JsonObject> _schemas = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Shape> _read = new(StringComparer.Ordinal);
    private readonly Dictionary<(string ApiVersion, string Kind), string> _kinds = [];

    private OpenApiShapes(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            foreach (var (name, schema) in JsonNode.Parse(File.ReadAllText(file))!["components"]?["schemas"]?.AsObject() ?? [])
            {
                _schemas[name] = schema!.AsObject();
                foreach (var kind in schema["x-kubernetes-group-version-kind"]?.AsArray() ?? [])
                {
                    var (group, version) = ((string)kind!["group"]!, (string)kind["version"]!);
                    _kinds[(group.Length == 0 ? version : $"{group}/{version}", (string)kind["kind"]!)] = name;
                }
            }
        }
    }

    /// <summary>Every schema by its name, for comparing with other descriptions of the same types.</summary>
    public IReadOnlyDictionary<string, JsonObject> Schemas => _schemas;

    /// <summary>
    /// The documents are not part of the repository; they are used when the folder <c>shared/kubernetes/openapi</c> stands beside it.
    /// </summary>
    /// <returns>Null when there are none.</returns>
    public static OpenApiShapes? FromRealServer()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "kubernetes", "openapi");
            if (Directory.Exists(candidate))
            {
                return new(Directory.GetFiles(candidate, "v3_*.json").Where(f => !f.Contains("example.dev", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            }
        }

        return null;
    }

    public Shape? Find(string apiVersion, string kind) => _kinds.TryGetValue((apiVersion, kind), out var name) ? Named(name) : null;

    /// <summary>One schema without references into a document: that of a custom resource.</summary>
    public static Shape Standalone(JsonObject schema) => new OpenApiShapes([]).Read(JsonNode.Parse(schema.ToJsonString()));   // numbers from YAML have one type only

    private Shape Named(string name)
    {
        if (_read.TryGetValue(name, out var known))
        {
            return known;
        }

        var schema = _schemas[name];
        var shape = new Shape { Kind = KindOf(name, schema) };
        _read[name] = shape;   // before its fields: types may contain themselves
        Fill(shape, schema);
        return shape;
    }

    private Shape Read(JsonNode? node)
    {
        if (node is not JsonObject schema)
        {
            return Shape.Anything;
        }

        var reference = (string?)schema["$ref"] ?? (string?)(schema["allOf"] as JsonArray)?[0]?["$ref"];
        if (reference is not null)
        {
            return Named(reference[Prefix.Length..]);
        }

        var shape = new Shape { Kind = KindOf("", schema) };
        Fill(shape, schema);
        return shape;
    }

    private void Fill(Shape shape, JsonObject schema)
    {
        foreach (var (field, child) in schema["properties"]?.AsObject() ?? [])
        {
            shape.Properties[field] = Read(child);
        }

        shape.Values = schema["additionalProperties"] is JsonObject values ? Read(values) : null;
        shape.Items = schema["items"] is JsonObject items ? Read(items) : null;
        shape.Open = (bool?)schema["x-kubernetes-preserve-unknown-fields"] == true
            || (shape.Kind == ShapeKind.Object && shape.Properties.Count == 0 && shape.Values is null);
        shape.Required = [.. (schema["required"]?.AsArray() ?? []).Select(r => (string)r!)];
        shape.Enum = [.. (schema["enum"]?.AsArray() ?? []).Select(v => v?.ToString() ?? "")];
        shape.Nullable = (bool?)schema["nullable"] == true;
        shape.Format = (string?)schema["format"];
        shape.Pattern = (string?)schema["pattern"];
        shape.Minimum = (double?)schema["minimum"];
        shape.Maximum = (double?)schema["maximum"];
        shape.MinLength = (int?)schema["minLength"];
        shape.MaxLength = (int?)schema["maxLength"];
    }

    private static ShapeKind KindOf(string name, JsonObject schema)
    {
        if (name.EndsWith(".Quantity", StringComparison.Ordinal))
        {
            return ShapeKind.Quantity;
        }

        if ((string?)schema["format"] == "int-or-string" || (bool?)schema["x-kubernetes-int-or-string"] == true)
        {
            return ShapeKind.IntegerOrString;
        }

        return (string?)schema["type"] switch
        {
            "object" => ShapeKind.Object,
            "array" => ShapeKind.List,
            "string" => ShapeKind.String,
            "integer" => ShapeKind.Integer,
            "number" => ShapeKind.Number,
            "boolean" => ShapeKind.Boolean,
            _ => ShapeKind.Any,
        };
    }
}
