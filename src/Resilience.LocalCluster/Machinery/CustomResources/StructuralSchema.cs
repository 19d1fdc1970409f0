using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.CustomResources;

/// <summary>A CustomResourceDefinition's OpenAPI v3 schema at work: defaults, pruning, and the shape that patches merge by.</summary>
internal static class StructuralSchema
{
    public static bool Preserves(JsonNode? schema) => schema.Bool("x-kubernetes-preserve-unknown-fields") == true;

    /// <summary>Fills in defaults where a field is absent, or null without being nullable.</summary>
    public static void Default(JsonNode? value, JsonObject schema)
    {
        switch (value)
        {
            case JsonObject fields:
                foreach (var (name, property) in schema.Object("properties") ?? [])
                {
                    if (property is not JsonObject child)
                    {
                        continue;
                    }

                    var absent = !fields.TryGetPropertyValue(name, out var current);
                    if (child.TryGetPropertyValue("default", out var initial) && (absent || (current is null && child.Bool("nullable") != true)))
                    {
                        fields[name] = initial?.DeepClone();
                    }

                    Default(fields[name], child);
                }

                if (schema.Object("additionalProperties") is { } each)
                {
                    foreach (var (_, child) in fields)
                    {
                        Default(child, each);
                    }
                }

                break;
            case JsonArray list when schema.Object("items") is { } items:
                foreach (var item in list)
                {
                    Default(item, items);
                }

                break;
        }
    }

    /// <summary>Removes fields the schema does not have and returns their paths.</summary>
    public static IReadOnlyList<string> Prune(JsonObject body, JsonObject schema)
    {
        var pruned = new List<string>();
        Prune(body, schema, "", isRoot: true, pruned);
        return pruned;
    }

    /// <summary>The same knowledge in the form strategic merge and server-side apply work with.</summary>
    public static FieldSchema ToFieldSchema(JsonObject? schema)
    {
        if (schema is null || schema.Bool("x-kubernetes-int-or-string") == true)
        {
            return FieldSchema.Any;
        }

        switch (schema.String("type"))
        {
            case "array":
                var merge = schema.String("x-kubernetes-list-type") switch { "map" => ListMerge.Keyed, "set" => ListMerge.Set, _ => ListMerge.Atomic };
                return new()
                {
                    Kind = FieldKind.List,
                    Items = ToFieldSchema(schema.Object("items")),
                    Apply = merge,
                    Keys = [.. (schema.Array("x-kubernetes-list-map-keys") ?? []).Select(static k => k.String() ?? "")],
                };
            case "object" when schema.Object("properties") is { } properties:
                var type = new TypeSchema("");
                foreach (var (name, property) in properties)
                {
                    type.Fields[name] = ToFieldSchema(property as JsonObject);
                }

                return new() { Kind = FieldKind.Object, Type = type, AtomicMap = schema.String("x-kubernetes-map-type") == "atomic" };
            case "object":
                return new()
                {
                    Kind = FieldKind.Map,
                    Items = ToFieldSchema(schema.Object("additionalProperties")),
                    AtomicMap = schema.String("x-kubernetes-map-type") == "atomic",
                };
            default:
                return FieldSchema.Any;
        }
    }

    private static void Prune(JsonNode? value, JsonObject schema, string path, bool isRoot, List<string> pruned)
    {
        switch (value)
        {
            case JsonObject fields:
                var properties = schema.Object("properties");
                var rest = schema["additionalProperties"];
                foreach (var (name, child) in fields.ToList())
                {
                    if (isRoot && name is "apiVersion" or "kind" or "metadata")
                    {
                        continue;
                    }

                    var childPath = path.Length == 0 ? name : $"{path}.{name}";
                    if (properties.Object(name) is { } known)
                    {
                        Prune(child, known, childPath, known.Bool("x-kubernetes-embedded-resource") == true, pruned);
                    }
                    else if (rest is JsonObject each)
                    {
                        Prune(child, each, childPath, false, pruned);
                    }
                    else if (!Preserves(schema) && rest?.GetValueKind() != JsonValueKind.True)
                    {
                        pruned.Add(childPath);
                        _ = fields.Remove(name);
                    }
                }

                break;
            case JsonArray list when schema.Object("items") is { } items:
                for (var i = 0; i < list.Count; i++)
                {
                    Prune(list[i], items, $"{path}[{i.ToString(CultureInfo.InvariantCulture)}]", false, pruned);
                }

                break;
        }
    }
}
