using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Resilience.ClusterAccess.Manifests;

/// <summary>
/// YAML documents as JSON, the way kubectl reads them: quoted scalars are strings, plain ones are typed. Plain
/// <c>yes</c>, <c>no</c>, <c>on</c>, <c>off</c> are refused: kubectl reads booleans there, other tools read words.
/// </summary>
public static class YamlJson
{
    /// <param name="text">One or more documents; empty ones are left out.</param>
    /// <exception cref="YamlException">Not YAML; the message tells line and column.</exception>
    public static IReadOnlyList<(JsonNode Document, int Line)> Parse(string text)
    {
        var stream = new YamlStream();
        using var reader = new StringReader(text);
        stream.Load(reader);
        var documents = new List<(JsonNode, int)>();
        foreach (var document in stream.Documents)
        {
            if (Convert(document.RootNode) is { } node)
            {
                documents.Add((node, (int)document.RootNode.Start.Line));
            }
        }

        return documents;
    }

    /// <summary>One parsed node as JSON.</summary>
    public static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlScalarNode scalar => Scalar(scalar),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
        YamlMappingNode map => Mapping(map),
        _ => throw new YamlException(node.Start, node.End, $"a {node.NodeType} is not allowed here"),
    };

    private static JsonObject Mapping(YamlMappingNode map)
    {
        var result = new JsonObject();
        foreach (var (key, value) in map.Children)
        {
            if (key is not YamlScalarNode { Value: { } name })
            {
                throw new YamlException(key.Start, key.End, "a key must be a plain word");
            }

            result[name] = Convert(value);
        }

        return result;
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any))
        {
            return JsonValue.Create(text);
        }

        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE":
                return JsonValue.Create(false);
        }

        if (text.ToUpperInvariant() is "YES" or "NO" or "ON" or "OFF")
        {
            throw new YamlException(scalar.Start, scalar.End, $"'{text}' is ambiguous: write true or false, or put it in quotes");
        }

        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
        {
            return JsonValue.Create(integer);
        }

        return (char.IsAsciiDigit(text[0]) || text[0] is '-' or '+' or '.') && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? JsonValue.Create(number)
            : JsonValue.Create(text);
    }
}
