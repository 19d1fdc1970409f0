using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Resilience.ClusterAccess.Manifests;
using Resilience.LocalCluster.Machinery;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Resilience.Manifests.Tests.Schemas;

/// <summary>Holds manifests against shapes: unknown fields, wrong types, missing required fields, values that are not permitted.</summary>
internal sealed class ManifestValidator(IShapes shapes)
{
    public IReadOnlyList<ManifestProblem> Validate(string file, string text)
    {
        var problems = new List<ManifestProblem>();
        foreach (var document in Parse(file, text, problems))
        {
            Document(file, document, problems);
        }

        return problems;
    }

    /// <summary>The documents of a file; what is not YAML, or says one thing twice, is a problem of its own.</summary>
    internal static IReadOnlyList<YamlNode> Parse(string file, string text, List<ManifestProblem> problems)
    {
        try
        {
            var stream = new YamlStream();
            using var reader = new StringReader(text);
            stream.Load(reader);
            return [.. stream.Documents.Select(d => d.RootNode)];
        }
        catch (YamlException ex)
        {
            problems.Add(new(file, ex.Start.Line, "", ex.Message.ReplaceLineEndings(" ")));
            return [];
        }
    }

    private void Document(string file, YamlNode root, List<ManifestProblem> problems)
    {
        if (root is not YamlMappingNode body)
        {
            problems.Add(new(file, root.Start.Line, "", "expected a mapping with apiVersion, kind and metadata"));
            return;
        }

        var (apiVersion, kind) = (body.Text("apiVersion"), body.Text("kind"));
        if (apiVersion is null || kind is null)
        {
            problems.Add(new(file, root.Start.Line, "", "apiVersion or kind is missing"));
            return;
        }

        if (shapes.Find(apiVersion, kind) is not { } shape)
        {
            problems.Add(new(file, root.Start.Line, "kind", $"no schema for {kind} in {apiVersion}"));
            return;
        }

        if (body.Map("metadata").Text("name") is null)
        {
            problems.Add(new(file, root.Start.Line, "metadata.name", "is required"));
        }

        new Walk(file, problems).Value(body, shape, "");
    }

    /// <summary>One document's way down.</summary>
    internal sealed class Walk(string file, List<ManifestProblem> problems)
    {
        public void Value(YamlNode node, Shape shape, string path)
        {
            if (shape.Kind == ShapeKind.Any)
            {
                return;
            }

            switch (node)
            {
                case YamlMappingNode map when shape.Kind == ShapeKind.Object:
                    Object(map, shape, path);
                    break;
                case YamlSequenceNode list when shape.Kind == ShapeKind.List:
                    for (var i = 0; i < list.Children.Count; i++)
                    {
                        Value(list.Children[i], shape.Items ?? Shape.Anything, $"{path}[{i.ToString(CultureInfo.InvariantCulture)}]");
                    }

                    break;
                case YamlScalarNode scalar:
                    Scalar(scalar, shape, path);
                    break;
                default:
                    Say(node, path, $"expected {Describe(shape)}, found a {(node is YamlMappingNode ? "mapping" : "list")}");
                    break;
            }
        }

        private void Object(YamlMappingNode map, Shape shape, string path)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (key, value) in map.Children)
            {
                var name = (key as YamlScalarNode)?.Value ?? "";
                _ = seen.Add(name);
                var childPath = path.Length == 0 ? name : $"{path}.{name}";
                if (shape.Properties.TryGetValue(name, out var child) || (child = shape.Values) is not null)
                {
                    Value(value, child, childPath);
                }
                else if (!shape.Open)
                {
                    Say(key, childPath, "unknown field");
                }
            }

            foreach (var missing in shape.Required.Where(r => !seen.Contains(r)))
            {
                Say(map, path.Length == 0 ? missing : $"{path}.{missing}", "is required");
            }
        }

        private void Scalar(YamlScalarNode scalar, Shape shape, string path)
        {
            JsonNode? json;
            try
            {
                json = YamlJson.Convert(scalar);
            }
            catch (YamlException ex)
            {
                Say(scalar, path, ex.Message);
                return;
            }

            if (json is null)
            {
                if (!shape.Nullable)
                {
                    Say(scalar, path, $"expected {Describe(shape)}, found nothing");
                }

                return;
            }

            if (!Fits(json, shape))
            {
                Say(scalar, path, $"expected {Describe(shape)}, found {Describe(json)} {json.ToJsonString()}");
                return;
            }

            var text = json.ToString();
            if (shape.Enum.Count > 0 && !shape.Enum.Contains(text))
            {
                Say(scalar, path, $"\"{text}\" is not one of {string.Join(", ", shape.Enum)}");
            }

            Limits(scalar, json, text, shape, path);
        }

        private void Limits(YamlScalarNode scalar, JsonNode json, string text, Shape shape, string path)
        {
            if (json.GetValueKind() == JsonValueKind.Number && double.Parse(text, CultureInfo.InvariantCulture) is var number
                && (number < shape.Minimum || number > shape.Maximum || (shape.Format == "int32" && Math.Abs(number) > int.MaxValue)))
            {
                Say(scalar, path, $"{text} is out of range");
            }

            if (json.GetValueKind() == JsonValueKind.String && (text.Length < shape.MinLength || text.Length > shape.MaxLength))
            {
                Say(scalar, path, $"\"{text}\" is too short or too long");
            }

            if (shape.Pattern is { } pattern && !Regex.IsMatch(text, pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)))
            {
                Say(scalar, path, $"\"{text}\" does not match {pattern}");
            }

            if (shape.Format == "date-time" && !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _))
            {
                Say(scalar, path, $"\"{text}\" is not a date and time");
            }

            if (shape.Format == "byte" && !Convert.TryFromBase64String(text, new byte[text.Length], out _))
            {
                Say(scalar, path, "is not base64; plain text goes into stringData");
            }
        }

        private static bool Fits(JsonNode json, Shape shape)
        {
            var kind = json.GetValueKind();
            return shape.Kind switch
            {
                ShapeKind.String => kind == JsonValueKind.String,
                ShapeKind.Boolean => kind is JsonValueKind.True or JsonValueKind.False,
                ShapeKind.Integer => IsInteger(json),
                ShapeKind.Number => kind == JsonValueKind.Number,
                ShapeKind.IntegerOrString => kind == JsonValueKind.String || IsInteger(json),
                ShapeKind.Quantity => kind == JsonValueKind.Number || (kind == JsonValueKind.String && Quantity.TryParse(json.ToString(), out _)),
                _ => false,
            };
        }

        private static bool IsInteger(JsonNode json) =>
            json.GetValueKind() == JsonValueKind.Number && long.TryParse(json.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

        private static string Describe(JsonNode json) => json.GetValueKind() switch
        {
            JsonValueKind.String => "the word",
            JsonValueKind.Number => "the number",
            _ => "the value",
        };

        private static string Describe(Shape shape) => shape.Kind switch
        {
            ShapeKind.Object => "a mapping",
            ShapeKind.List => "a list",
            ShapeKind.String => "a word (put it in quotes)",
            ShapeKind.Integer => "a whole number",
            ShapeKind.Number => "a number",
            ShapeKind.Boolean => "true or false",
            ShapeKind.IntegerOrString => "a whole number or a word",
            _ => "a quantity such as 40m or 256Mi",
        };

        private void Say(YamlNode at, string path, string what) => problems.Add(new(file, at.Start.Line, path, what));
    }
}
