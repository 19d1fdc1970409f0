using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Tables;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.CustomResources;

/// <summary>One served version of a custom resource.</summary>
/// <param name="OpenApi">Its schema as the definition states it; null leaves its fields open.</param>
internal sealed record CustomResource(ResourceType Type, JsonObject? OpenApi, FieldSchema Fields, TableLayout Layout);

/// <summary>
/// Turns CustomResourceDefinitions into served types. Runs inside the store's commit, so a kind is served before the request that
/// defined it has been answered.
/// </summary>
internal sealed class CustomResourceRegistry(ResourceRegistry types)
{
    private ImmutableDictionary<ResourceType, CustomResource> _resources = ImmutableDictionary<ResourceType, CustomResource>.Empty;

    public CustomResource? Find(ResourceType type) => type.Custom ? _resources.GetValueOrDefault(type) : null;

    /// <summary>To be called for every commit.</summary>
    public void Observe(StoreEvent change)
    {
        if (change.Object.Type != ResourceTypes.CustomResourceDefinitions)
        {
            return;
        }

        var spec = change.Object.Spec!;
        var (group, plural) = (spec.String("group") ?? "", spec.String("names", "plural") ?? "");
        var served = change.Type == StoreEventType.Deleted ? [] : Read(spec).ToList();
        _resources = _resources.RemoveRange(_resources.Keys.Where(t => t.Group == group && t.Plural == plural))
            .AddRange(served.Select(static r => KeyValuePair.Create(r.Type, r)));
        types.SetCustom(group, plural, [.. served.Select(static r => r.Type)]);
    }

    private static IEnumerable<CustomResource> Read(JsonObject spec)
    {
        var names = spec.Object("names");
        foreach (var version in (spec.Array("versions") ?? []).OfType<JsonObject>().Where(static v => v.Bool("served") == true))
        {
            var type = new ResourceType(spec.String("group") ?? "", version.String("name") ?? "", names.String("plural") ?? "",
                names.String("singular") ?? "", names.String("kind") ?? "", spec.String("scope") == "Namespaced")
            {
                Custom = true,
                HasGeneration = true,
                HasStatus = version.Object("subresources", "status") is not null,
                ShortNames = [.. (names.Array("shortNames") ?? []).Select(static n => n.String() ?? "")],
                Categories = [.. (names.Array("categories") ?? []).Select(static n => n.String() ?? "")],
            };
            var schema = version.Object("schema", "openAPIV3Schema");
            yield return new(type, schema, Fields(schema), Columns(version));
        }
    }

    private static FieldSchema Fields(JsonObject? schema)
    {
        var fields = StructuralSchema.ToFieldSchema(schema);
        if (fields.Type is { } type)
        {
            type.Fields["metadata"] = BuiltInSchemas.Named("ObjectMeta").AsField();
        }

        return fields;
    }

    private static TableLayout Columns(JsonObject version)
    {
        var columns = (version.Array("additionalPrinterColumns") ?? []).OfType<JsonObject>().ToList();
        if (columns.Count == 0)
        {
            return new([new("Name", "string", "name", 0), new("Age", "date", "", 0)], static (o, now) => [o.Name, BuiltInTables.Age(o, now)]);
        }

        return new(
            [new("Name", "string", "name", 0), .. columns.Select(static c => new TableColumn(
                c.String("name") ?? "", c.String("type") ?? "string", c.String("format") ?? "", c.Int("priority") ?? 0,
                c.String("description") ?? $"Custom resource definition column (in JSONPath format): {c.String("jsonPath")}"))],
            (item, now) => [item.Name, .. columns.Select(c => Cell(item, c, now))]);
    }

    private static JsonNode? Cell(StoredObject item, JsonObject column, DateTimeOffset now)
    {
        var found = JsonPath.Find(item.Body, column.String("jsonPath") ?? "").ToList();
        if (found.Count == 0)
        {
            return null;
        }

        return column.String("type") switch
        {
            "integer" => found[0].Long(),
            "number" => found[0].DeepClone(),
            "boolean" => found[0].Bool(),
            "date" => found[0].Time() is { } time ? HumanDuration.Since(time, now) : "<invalid>",
            _ => found.Count == 1 && found[0] is JsonValue ? found[0].ToString() : string.Join(',', found.Select(static f => f.ToString())),
        };
    }
}
