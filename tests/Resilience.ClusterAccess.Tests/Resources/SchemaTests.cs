using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Resources;

/// <summary>The schemas people apply and the models the code reads name the same fields.</summary>
public sealed class SchemaTests
{
    private static readonly Lazy<Dictionary<string, JsonObject>> Schemas = new(() =>
        ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "intelligent")).Items.Where(m => m.Kind == "CustomResourceDefinition")
            .ToDictionary(m => (string)m.Body["spec"]!["names"]!["kind"]!, m => (JsonObject)m.Body["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!));

    public static TheoryData<string, Type> Kinds => new()
    {
        { BlueGreen.KubeKind, typeof(BlueGreen) },
        { Switchover.KubeKind, typeof(Switchover) },
        { SwitchoverApproval.KubeKind, typeof(SwitchoverApproval) },
        { PredictiveAutoscaler.KubeKind, typeof(PredictiveAutoscaler) },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Schema_AndModel_NameTheSameFields(string kind, Type model)
    {
        var differences = new List<string>();
        Compare(Schemas.Value[kind], ClusterJson.Options.GetTypeInfo(model), "", differences);
        _ = differences.Remove(".status: only in the schema") && kind == SwitchoverApproval.KubeKind;   // there for additive change; nobody writes or reads it
        Assert.Empty(differences);
    }

    [Fact]
    public void ShippedDefinitions_AreTheModelsOfThisLibrary() => Assert.Equal(Kinds.Select(k => k.Data.Item1).Order(), Schemas.Value.Keys.Order());

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Model_EveryFieldFilled_SurvivesTheJourney(string kind, Type model)
    {
        var full = (JsonObject)Example(Schemas.Value[kind], "")!;
        full["apiVersion"] = ResilienceApi.GroupVersion;
        full["kind"] = kind;
        full["metadata"] = new JsonObject { ["name"] = "a" };
        if (kind == SwitchoverApproval.KubeKind)
        {
            _ = full.Remove("status");
        }

        var back = JsonSerializer.SerializeToNode(full.Deserialize(model, ClusterJson.Options), model, ClusterJson.Options)!;

        Assert.Equal(Flat(full), Flat(back));
    }

    [Fact]
    public void Durations_InTheSchema_AreWhatTheConverterReads()
    {
        var patterns = Schemas.Value.Values.SelectMany(Patterns).Where(p => p.Contains("ms|s|m|h", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(patterns);
        Assert.All(patterns, p => Assert.Equal(DurationConverterTests.SchemaPattern().ToString(), p));
    }

    private static void Compare(JsonObject schema, JsonTypeInfo model, string at, List<string> differences)
    {
        if (schema["properties"] is not JsonObject properties || model.Kind != JsonTypeInfoKind.Object)
        {
            if (schema["items"] is JsonObject items && model.Kind == JsonTypeInfoKind.Enumerable)
            {
                Compare(items, ClusterJson.Options.GetTypeInfo(model.ElementType!), at + "[]", differences);
            }

            return;
        }

        var fields = model.Properties.Where(p => p.Get is not null).ToDictionary(p => p.Name, StringComparer.Ordinal);
        foreach (var (name, inner) in properties)
        {
            if (!fields.TryGetValue(name, out var field))
            {
                differences.Add($"{at}.{name}: only in the schema");
            }
            else if (inner is JsonObject { } known && field.PropertyType != typeof(V1ObjectMeta))
            {
                Compare(known, ClusterJson.Options.GetTypeInfo(field.PropertyType), $"{at}.{name}", differences);
            }
        }

        differences.AddRange(fields.Keys.Where(name => !properties.ContainsKey(name)).Select(name => $"{at}.{name}: only in the model"));
    }

    /// <summary>A value for every field of the schema.</summary>
    private static JsonNode? Example(JsonObject schema, string name) => ((string?)schema["type"], (string?)schema["format"]) switch
    {
        ("object", _) when schema["properties"] is JsonObject fields =>
            new JsonObject(fields.Select(f => KeyValuePair.Create(f.Key, Example((JsonObject)f.Value!, f.Key)))),
        ("object", _) => new JsonObject { ["app"] = "web" },
        ("array", _) => new JsonArray(Example((JsonObject)schema["items"]!, name)),
        ("integer", _) => 7,
        ("number", _) => 1.5,
        ("boolean", _) => true,
        ("string", "date-time") => name == "lastTransitionTime" ? "2026-01-01T00:00:00Z" : "2026-01-01T00:00:00.25+00:00",
        ("string", _) when schema["enum"] is JsonArray words => words[0]!.DeepClone(),
        ("string", _) when schema["pattern"] is { } pattern && ((string)pattern!).Contains("ms|s|m|h", StringComparison.Ordinal) => "1m30s",
        ("string", _) => "/word",
        _ => "75%",
    };

    private static SortedDictionary<string, string> Flat(JsonNode node)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Walk(node, "");
        return found;

        void Walk(JsonNode? at, string path)
        {
            switch (at)
            {
                case JsonObject fields:
                    foreach (var (name, value) in fields)
                    {
                        Walk(value, $"{path}.{name}");
                    }

                    break;
                case JsonArray items:
                    for (var i = 0; i < items.Count; i++)
                    {
                        Walk(items[i], $"{path}[{i}]");
                    }

                    break;
                case JsonValue value:
                    var text = value.ToString();
                    found[path] = DateTimeOffset.TryParse(text, out var time) && text.Contains('T', StringComparison.Ordinal) ? time.ToString("O") : text;
                    break;
            }
        }
    }

    private static IEnumerable<string> Patterns(JsonNode? node) => node switch
    {
        JsonObject fields => fields.SelectMany(f => f is { Key: "pattern", Value: JsonValue pattern } ? [(string)pattern!] : Patterns(f.Value)),
        JsonArray items => items.SelectMany(Patterns),
        _ => [],
    };
}
