using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Resilience.LocalCluster.Tests.Recordings;

/// <summary>Compares an answer with the recorded one, blind to what differs between any two clusters: uids, versions, times, addresses.</summary>
/// <param name="names">Recorded generated names and what they are called here.</param>
/// <param name="ignore">Paths, as in <c>/items/0/spec</c>, that are not compared.</param>
/// <param name="subset">Lists of named things may hold fewer than recorded: a cluster may serve fewer kinds.</param>
internal sealed partial class Comparison(IReadOnlyDictionary<string, string> names, Func<string, bool> ignore, bool subset)
{
    private readonly List<string> _differences = [];

    public IReadOnlyList<string> Differences => _differences;

    public void Compare(string path, JsonNode? expected, JsonNode? actual)
    {
        if (ignore(path))
        {
            return;
        }

        switch (expected, actual)
        {
            case (JsonObject left, JsonObject right):
                CompareObjects(path, left, right);
                break;
            case (JsonArray left, JsonArray right):
                CompareArrays(path, left, right);
                break;
            default:
                var (wanted, got) = (Normal(path, expected), Normal(path, actual));
                if (wanted != got)
                {
                    _differences.Add($"{path}: recorded {wanted}, got {got}");
                }

                break;
        }
    }

    public string NormalText(string text)
    {
        foreach (var (recorded, here) in names)
        {
            text = text.Replace(recorded, here, StringComparison.Ordinal);
        }

        text = UidPattern().Replace(text, "<uid>");
        text = TimePattern().Replace(text, "<time>");
        text = AddressPattern().Replace(text, "<address>");
        text = VersionPattern().Replace(text, "$1<version>");
        return NumberPattern().Replace(text, "(<version>)");
    }

    private void CompareObjects(string path, JsonObject expected, JsonObject actual)
    {
        expected = Renamed(expected);
        actual = Renamed(actual);
        foreach (var key in expected.Select(p => p.Key).Union(actual.Select(p => p.Key)).ToList())
        {
            var at = $"{path}/{key.Replace("/", "~1", StringComparison.Ordinal)}";
            if (ignore(at))
            {
                continue;
            }

            if (!actual.ContainsKey(key))
            {
                if (subset && path == "/paths")
                {
                    continue;
                }

                _differences.Add($"{at}: missing, recorded {Short(expected[key])}");
            }
            else if (!expected.ContainsKey(key))
            {
                _differences.Add($"{at}: not in the recording, got {Short(actual[key])}");
            }
            else
            {
                Compare(at, expected[key], actual[key]);
            }
        }
    }

    /// <summary>managedFields have keys that hold uids: <c>k:{"uid":"…"}</c>.</summary>
    private JsonObject Renamed(JsonObject item) => item.Any(p => p.Key.StartsWith("k:", StringComparison.Ordinal))
        ? new(item.Select(p => KeyValuePair.Create(NormalText(p.Key), p.Value?.DeepClone()))) : item;

    private void CompareArrays(string path, JsonArray expected, JsonArray actual)
    {
        if (subset && actual.All(a => NameOf(a) is not null))
        {
            foreach (var item in actual)
            {
                var name = NameOf(item)!;
                var twin = expected.FirstOrDefault(e => NameOf(e) == name);
                Compare($"{path}/{name}", twin, item);
            }

            return;
        }

        if (path.EndsWith("/managedFields", StringComparison.Ordinal))
        {
            (expected, actual) = (ByManager(expected), ByManager(actual));   // their order is by time, to the second
        }

        if (expected.Count != actual.Count)
        {
            _differences.Add($"{path}: recorded {expected.Count} entries {Short(expected)}, got {actual.Count} {Short(actual)}");
            return;
        }

        for (var n = 0; n < expected.Count; n++)
        {
            Compare($"{path}/{n}", expected[n], actual[n]);
        }
    }

    private static JsonArray ByManager(JsonArray entries) =>
        [.. entries.OrderBy(e => (string?)e!["manager"], StringComparer.Ordinal).ThenBy(e => (string?)e!["operation"], StringComparer.Ordinal).Select(e => e!.DeepClone())];

    private static string? NameOf(JsonNode? node) => node is JsonObject item
        ? (string?)(item["name"] ?? item["metadata"]?["name"] ?? item["resource"] ?? item["subresource"] ?? item["groupVersion"] ?? item["version"])
        : null;

    private string Normal(string path, JsonNode? node)
    {
        var last = path[(path.LastIndexOf('/') + 1)..];
        return last switch
        {
            "resourceVersion" or "continue" or "remainingItemCount" => node is null ? "nothing" : "<opaque>",
            _ when path.Contains("/cells/", StringComparison.Ordinal) && node is JsonValue value && value.TryGetValue(out string? text) && AgePattern().IsMatch(text)
                => "<age>",
            _ => node is null ? "nothing" : Short(node is JsonValue v && v.TryGetValue(out string? s) ? NormalText(s) : node),
        };
    }

    private static string Short(JsonNode? node)
    {
        var text = node?.ToJsonString() ?? "null";
        return text.Length > 700 ? text[..700] + "…" : text;
    }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex UidPattern();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")]
    private static partial Regex TimePattern();

    [GeneratedRegex(@"\b\d+\.\d+\.\d+\.\d+\b(:\d+)?")]
    private static partial Regex AddressPattern();

    [GeneratedRegex("(\"resourceVersion\\\\*\":\\\\*\")\\d+")]
    private static partial Regex VersionPattern();

    [GeneratedRegex(@"\(\d+\)")]
    private static partial Regex NumberPattern();

    [GeneratedRegex(@"^(\d+[dhms]){1,2}$|^<unknown>$|^<invalid>$")]
    private static partial Regex AgePattern();
}
