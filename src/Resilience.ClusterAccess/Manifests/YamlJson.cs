using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Resilience.ClusterAccess.Manifests;

/// <summary>
/// YAML documents as JSON, the way kubectl reads them: quoted scalars are strings, plain ones are typed. Plain
/// <c>yes</c>, <c>no</c>, <c>on</c>, <c>off</c> are refused: kubectl reads booleans there, other tools read words.
/// Merge keys (<c>&lt;&lt;</c>) are refused as well: not every tool knows them.
/// </summary>
public static class YamlJson
{
    /// <summary>An alias may stand inside its own anchor; that never ends.</summary>
    private const int DepthLimit = 64;

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
    /// <exception cref="YamlException">It means different things to different tools, or is nested beyond reason.</exception>
    public static JsonNode? Convert(YamlNode node) => Convert(node, depth: 0);

    private static JsonNode? Convert(YamlNode node, int depth) => node switch
    {
        _ when depth > DepthLimit => throw new YamlException(node.Start, node.End, $"nested deeper than {DepthLimit} levels"),
        YamlScalarNode scalar => Scalar(scalar),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(child => Convert(child, depth + 1))]),
        YamlMappingNode map => Mapping(map, depth),
        _ => throw new YamlException(node.Start, node.End, $"a {node.NodeType} is not allowed here"),
    };

    private static JsonObject Mapping(YamlMappingNode map, int depth)
    {
        var result = new JsonObject();
        foreach (var (key, value) in map.Children)
        {
            if (key is not YamlScalarNode { Value: { } name })
            {
                throw new YamlException(key.Start, key.End, "a key must be a plain word");
            }

            if (name == "<<")
            {
                throw new YamlException(key.Start, key.End, "merge keys (<<) are not supported; write the fields out");
            }

            result[name] = Convert(value, depth + 1);
        }

        return result;
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any) || (!scalar.Tag.IsEmpty && scalar.Tag.Value.EndsWith(":str", StringComparison.Ordinal)))
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

        if (Integer(text) is { } integer)
        {
            return JsonValue.Create(integer);
        }

        // What is too large for a double (a commit's hash may read 12e5678) is a word.
        return (char.IsAsciiDigit(text[0]) || text[0] is '-' or '+' or '.')
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? JsonValue.Create(number)
            : JsonValue.Create(text);
    }

    /// <summary>Decimal, <c>0x1f</c>, and octal in both spellings: a file mode is written <c>0644</c>.</summary>
    private static long? Integer(string text)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal))
        {
            return long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hexadecimal) ? hexadecimal : null;
        }

        var octal = text.StartsWith("0o", StringComparison.Ordinal) ? text[2..] : text is ['0', _, ..] ? text[1..] : "";
        if (octal.Length is > 0 and <= 20 && octal.All(digit => digit is >= '0' and <= '7'))
        {
            return octal.Aggregate(0L, (value, digit) => (value * 8) + (digit - '0'));
        }

        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer) ? integer : null;
    }
}
