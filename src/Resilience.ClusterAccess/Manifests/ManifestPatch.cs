using System.Globalization;
using System.Text.Json.Nodes;

namespace Resilience.ClusterAccess.Manifests;

/// <summary>The JSON patch operations (RFC 6902) that overlays need: <c>add</c>, <c>replace</c> and <c>remove</c>.</summary>
internal static class ManifestPatch
{
    /// <returns>A changed copy.</returns>
    /// <exception cref="ManifestException">An operation is unknown, or its path leads nowhere.</exception>
    public static JsonObject Apply(JsonObject body, JsonArray operations, string file)
    {
        var changed = (JsonObject)body.DeepClone();
        foreach (var operation in operations)
        {
            var (op, path) = ((string?)operation?["op"], (string?)operation?["path"]);
            if (op is not ("add" or "replace" or "remove") || path is not { Length: > 1 } || path[0] != '/' || (op != "remove" && operation!["value"] is null))
            {
                throw new ManifestException($"{file}: an operation must be add, replace or remove with a path and a value, not {operation?.ToJsonString() ?? "null"}");
            }

            if (!TryApply(changed, op, path, operation!["value"]))
            {
                throw new ManifestException($"{file}: {op} {path} leads nowhere in {(string?)body["kind"]} {(string?)body["metadata"]?["name"]}");
            }
        }

        return changed;
    }

    private static bool TryApply(JsonNode root, string op, string path, JsonNode? value)
    {
        var steps = path[1..].Split('/').Select(step => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToArray();
        JsonNode? at = root;
        foreach (var step in steps[..^1])
        {
            at = at switch
            {
                JsonObject fields => fields[step],
                JsonArray items when Index(step, items.Count - 1) is { } index => items[index],
                _ => null,
            };
        }

        return at switch
        {
            JsonObject fields => Change(fields, op, steps[^1], value),
            JsonArray items => Change(items, op, steps[^1], value),
            _ => false,
        };
    }

    private static bool Change(JsonObject fields, string op, string name, JsonNode? value)
    {
        if (op != "add" && !fields.ContainsKey(name))
        {
            return false;
        }

        if (op == "remove")
        {
            return fields.Remove(name);
        }

        fields[name] = value!.DeepClone();
        return true;
    }

    private static bool Change(JsonArray items, string op, string step, JsonNode? value)
    {
        if (op == "add" && step == "-")
        {
            items.Add(value!.DeepClone());
            return true;
        }

        if (Index(step, op == "add" ? items.Count : items.Count - 1) is not { } index)
        {
            return false;
        }

        if (op != "add")
        {
            items.RemoveAt(index);
        }

        if (op != "remove")
        {
            items.Insert(index, value!.DeepClone());
        }

        return true;
    }

    private static int? Index(string step, int last) =>
        int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= last ? index : null;
}
