using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.CustomResources;

/// <summary>
/// The part of JSONPath that printer columns use: <c>.a.b</c>, <c>['a']</c>, <c>[0]</c>, <c>[*]</c>, <c>[?(@.type=="Ready")]</c>.
/// </summary>
internal static class JsonPath
{
    public static IEnumerable<JsonNode> Find(JsonNode root, string path)
    {
        IEnumerable<JsonNode?> found = [root];
        var rest = path.AsSpan().Trim().TrimStart('$').ToString();
        while (rest.Length > 0)
        {
            (found, rest) = rest[0] == '[' ? Bracket(found, rest) : Dotted(found, rest);
        }

        return found.OfType<JsonNode>();
    }

    private static (IEnumerable<JsonNode?> Found, string Left) Dotted(IEnumerable<JsonNode?> from, string path)
    {
        var text = path.TrimStart('.');
        var end = 0;
        while (end < text.Length && text[end] != '[' && text[end] != '.')
        {
            end += text[end] == '\\' ? 2 : 1;
        }

        end = Math.Min(end, text.Length);
        var name = text[..end].Replace("\\", "", StringComparison.Ordinal);
        return (name.Length == 0 ? from : [.. from.Select(n => n.At(name))], text[end..]);
    }

    private static (IEnumerable<JsonNode?> Found, string Left) Bracket(IEnumerable<JsonNode?> from, string path)
    {
        var close = path.IndexOf(']', StringComparison.Ordinal);
        if (close < 0)
        {
            return ([], "");
        }

        var inner = path[1..close].Trim();
        var rest = path[(close + 1)..];
        if (inner is "*")
        {
            return ([.. from.SelectMany(static n => n as JsonArray ?? [])], rest);
        }

        if (inner.StartsWith("?(", StringComparison.Ordinal))
        {
            var test = inner[2..].TrimEnd(')').Split("==", 2);
            var field = test[0].Trim().TrimStart('@').TrimStart('.').Split('.');
            var wanted = test.Length > 1 ? test[1].Trim().Trim('"', '\'') : null;
            return ([.. from.SelectMany(static n => n as JsonArray ?? []).Where(n => n.At(field)?.ToString() is { } value && (wanted is null || value == wanted))], rest);
        }

        if (inner.Length > 0 && inner[0] is '\'' or '"')
        {
            var name = inner.Trim('\'', '"');
            return ([.. from.Select(n => n.At(name))], rest);
        }

        return int.TryParse(inner, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index)
            ? ([.. from.Select(n => n is JsonArray list && (index < 0 ? list.Count + index : index) is var at && at >= 0 && at < list.Count ? list[at] : null)], rest)
            : ([], rest);
    }
}
