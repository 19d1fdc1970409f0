using System.Globalization;
using System.Text.RegularExpressions;
using Resilience.ClusterAccess.Manifests;
using YamlDotNet.RepresentationModel;

namespace Resilience.Manifests.Tests.Schemas;

/// <summary>
/// What a real server demands of a CustomResourceDefinition beyond the shape of its fields: a structural schema, and names, versions
/// and columns that fit together. Sources: the Kubernetes documentation of structural schemas and of
/// <c>x-kubernetes-list-type</c>; KEP-2876 for validation rules.
/// </summary>
internal sealed class StructuralRules(string file)
{
    /// <summary>JSON schema words that apiextensions/v1 knows, without those it forbids.</summary>
    private static readonly HashSet<string> Keywords = new(
        ["description", "type", "nullable", "format", "title", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
            "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf", "enum", "maxProperties", "minProperties",
            "required", "items", "allOf", "oneOf", "anyOf", "not", "properties", "additionalProperties", "externalDocs", "example",
            "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys",
            "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-validations"],
        StringComparer.Ordinal);

    private readonly List<ManifestProblem> _problems = [];

    /// <summary>Checks one CustomResourceDefinition.</summary>
    public IReadOnlyList<ManifestProblem> Check(YamlMappingNode definition)
    {
        var spec = definition.Map("spec") ?? new();
        var names = spec.Map("names") ?? new();
        var plural = names.Text("plural") ?? "";
        Demand(definition, "metadata.name", definition.Map("metadata").Text("name") == $"{plural}.{spec.Text("group")}", "must be PLURAL.GROUP");
        Demand(names, "spec.names.plural", IsLower(plural), "must be in lower case");
        Demand(names, "spec.names.singular", IsLower(names.Text("singular") ?? ""), "must be in lower case");
        foreach (var word in names.List("shortNames").Concat(names.List("categories")))
        {
            Demand(word, "spec.names", IsLower(word.Text()), "short names and categories must be in lower case");
        }

        var versions = spec.List("versions").OfType<YamlMappingNode>().ToList();
        Demand(spec, "spec.versions", versions.Count(v => v.Text("storage") == "true") == 1, "exactly one version must be the storage version");
        foreach (var version in versions)
        {
            var path = $"spec.versions[{version.Text("name")}]";
            if (version.Map("schema").Map("openAPIV3Schema") is not { } schema)
            {
                Say(version, $"{path}.schema", "is required");
                continue;
            }

            Root(schema, $"{path}.schema");
            Columns(version, schema, path);
        }

        return _problems;
    }

    private void Root(YamlMappingNode schema, string path)
    {
        Demand(schema, path, schema.Text("type") == "object", "the root must be an object");
        if (schema.Map("properties").Map("metadata") is { } metadata)
        {
            Demand(metadata, $"{path}.metadata", metadata.Children.Keys.All(k => k.Text() is "type" or "properties" or "description"), "may restrict nothing but name and generateName");
        }

        Schema(schema, path);
    }

    private void Schema(YamlMappingNode schema, string path)
    {
        foreach (var key in schema.Children.Keys.Where(k => !Keywords.Contains(k.Text())))
        {
            Say(key, path, $"'{key.Text()}' is not allowed in a structural schema");
        }

        var open = schema.Text("x-kubernetes-int-or-string") == "true" || schema.Text("x-kubernetes-preserve-unknown-fields") == "true";
        Demand(schema, path, open || schema.Text("type") is { Length: > 0 }, "type is required");
        Demand(schema, path, schema.Text("uniqueItems") != "true", "uniqueItems must not be true (it is quadratic); use x-kubernetes-list-type: set");
        Demand(schema, path, schema.Text("additionalProperties") != "false", "additionalProperties must not be false: unknown fields are pruned");
        Demand(schema, path, schema.Map("properties") is null || schema.Map("additionalProperties") is null, "properties and additionalProperties exclude each other");
        Fields(schema, path);
        List(schema, path);
        Values(schema, path);
        Rules(schema, path);
        Junctors(schema, path);
    }

    private void Fields(YamlMappingNode schema, string path)
    {
        var properties = schema.Map("properties");
        foreach (var (name, child) in properties?.Children ?? Enumerable.Empty<KeyValuePair<YamlNode, YamlNode>>())
        {
            Child(child, $"{path}.{name.Text()}");
        }

        foreach (var required in schema.List("required"))
        {
            Demand(required, path, properties is not null && properties.Children.ContainsKey(required), $"required field '{required.Text()}' is not defined");
        }

        foreach (var (keyword, suffix) in new[] { ("items", "[]"), ("additionalProperties", "{}") })
        {
            if (schema.Children.TryGetValue(new YamlScalarNode(keyword), out var child) && child is YamlMappingNode)
            {
                Child(child, path + suffix);
            }
        }

        Demand(schema, path, schema.Text("type") != "array" || schema.Map("items") is not null, "an array needs items");
    }

    private void Child(YamlNode node, string path)
    {
        if (node is YamlMappingNode schema)
        {
            Schema(schema, path);
        }
        else
        {
            Say(node, path, "must be a schema");
        }
    }

    private void List(YamlMappingNode schema, string path)
    {
        var kind = schema.Text("x-kubernetes-list-type");
        var keys = schema.List("x-kubernetes-list-map-keys").ToList();
        Demand(schema, path, kind is null || schema.Text("type") == "array", "x-kubernetes-list-type is for arrays");
        Demand(schema, path, kind is null or "atomic" or "set" or "map", $"x-kubernetes-list-type '{kind}' is unknown");
        Demand(schema, path, (kind == "map") == (keys.Count > 0), "x-kubernetes-list-map-keys and x-kubernetes-list-type: map belong together");
        var items = schema.Map("items");
        foreach (var key in keys)
        {
            var field = items.Map("properties").Map(key.Text());
            Demand(key, path, field is not null && field.Text("type") is "string" or "integer" or "number" or "boolean", $"map key '{key.Text()}' must be a scalar field of the items");
            Demand(key, path, items.List("required").Any(r => r.Text() == key.Text()) || field?.Children.ContainsKey(new YamlScalarNode("default")) == true,
                $"map key '{key.Text()}' must be required or have a default");
        }

        Demand(schema, path, kind != "set" || items.Text("type") is "string" or "integer" or "number" or "boolean", "the items of a set must be scalars");
    }

    private void Values(YamlMappingNode schema, string path)
    {
        if (schema.Text("pattern") is { } pattern)
        {
            try
            {
                _ = Regex.Match("", pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
                Demand(schema, path, !Regex.IsMatch(pattern, @"\(\?<?[=!]"), "patterns are RE2: no look-around");
            }
            catch (ArgumentException ex)
            {
                Say(schema, path, $"pattern: {ex.Message}");
            }
        }

        foreach (var (least, most) in new[] { ("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems") })
        {
            Demand(schema, path, Number(schema, least) is not { } low || Number(schema, most) is not { } high || low <= high, $"{least} is above {most}");
        }

        var shape = OpenApiShapes.Standalone(YamlJson.Convert(WithoutDefaults(schema))!.AsObject());
        foreach (var allowed in schema.List("enum"))
        {
            new ManifestValidator.Walk(file, _problems).Value(allowed, shape, $"{path} (enum)");
        }

        if (schema.Children.TryGetValue(new YamlScalarNode("default"), out var initial))
        {
            new ManifestValidator.Walk(file, _problems).Value(initial, DefaultShape(schema, shape), $"{path} (default)");
        }
    }

    /// <summary>Fields with defaults of their own need not stand in an object's default.</summary>
    private static Shape DefaultShape(YamlMappingNode schema, Shape shape)
    {
        shape.Required = [.. shape.Required.Where(r => schema.Map("properties").Map(r)?.Children.ContainsKey(new YamlScalarNode("default")) != true)];
        return shape;
    }

    private static YamlMappingNode WithoutDefaults(YamlMappingNode schema) =>
        new(schema.Children.Where(c => c.Key.Text() is not ("default" or "x-kubernetes-validations")));

    /// <remarks>The expressions themselves are judged by a real server only: nothing here speaks CEL.</remarks>
    private void Rules(YamlMappingNode schema, string path)
    {
        foreach (var rule in schema.List("x-kubernetes-validations").OfType<YamlMappingNode>())
        {
            var text = rule.Text("rule") ?? "";
            Demand(rule, path, text.Trim().Length > 0, "a validation needs a rule");
            Demand(rule, path, text.Count(c => c == '(') == text.Count(c => c == ')'), "the rule's brackets do not match");
            Demand(rule, path, text.Contains("self", StringComparison.Ordinal), "a rule speaks of self");
            Demand(rule, path, rule.Text("message") is { Length: > 0 } message && !message.Contains('\n', StringComparison.Ordinal), "a rule needs a message of one line");
            foreach (var key in rule.Children.Keys.Where(k => k.Text() is not ("rule" or "message" or "messageExpression" or "reason" or "fieldPath" or "optionalOldSelf")))
            {
                Say(key, path, $"'{key.Text()}' is not a field of a validation rule");
            }
        }
    }

    /// <summary>Inside allOf, anyOf, oneOf and not stand conditions, not definitions.</summary>
    private void Junctors(YamlMappingNode schema, string path)
    {
        var conditions = new[] { "allOf", "anyOf", "oneOf" }.SelectMany(j => schema.List(j)).Concat(schema.Map("not") is { } negated ? [negated] : []).OfType<YamlMappingNode>();
        foreach (var condition in conditions)
        {
            foreach (var key in condition.Children.Keys.Where(k => k.Text() is "type" or "default" or "description" or "nullable" or "additionalProperties"))
            {
                Demand(key, path, key.Text() == "type" && schema.Text("x-kubernetes-int-or-string") == "true", $"'{key.Text()}' is not allowed inside allOf, anyOf, oneOf or not");
            }
        }
    }

    private void Columns(YamlMappingNode version, YamlMappingNode schema, string path)
    {
        foreach (var column in version.List("additionalPrinterColumns").OfType<YamlMappingNode>())
        {
            var at = (YamlMappingNode?)schema;
            var json = column.Text("jsonPath") ?? "";
            foreach (var step in json.TrimStart('.').Split('.'))
            {
                at = at.Map("properties").Map(step);
                if (at is null)
                {
                    break;
                }
            }

            var known = at is not null || json.StartsWith(".metadata.", StringComparison.Ordinal) || json.Contains('[', StringComparison.Ordinal);
            Demand(column, $"{path}.additionalPrinterColumns", known, $"the schema has no {json}");
        }
    }

    private void Demand(YamlNode at, string path, bool holds, string otherwise)
    {
        if (!holds)
        {
            Say(at, path, otherwise);
        }
    }

    private void Say(YamlNode at, string path, string what) => _problems.Add(new(file, at.Start.Line, path, what));

    private static bool IsLower(string word) => !word.Any(char.IsUpper);

    private static double? Number(YamlMappingNode map, string key) =>
        double.TryParse(map.Text(key), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;

}
