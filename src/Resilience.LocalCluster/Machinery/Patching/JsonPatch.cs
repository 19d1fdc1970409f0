using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Patching;

/// <summary>RFC 6902. A real server keeps the reason of a failed operation to itself, so this one does too.</summary>
internal static class JsonPatch
{
    /// <summary>Applied as a whole or, by way of the exception, not at all: the caller throws the copy away.</summary>
    /// <exception cref="StatusException">422: an operation does not fit the object.</exception>
    public static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        JsonNode root = target;
        foreach (var operation in operations)
        {
            if (operation is not JsonObject step || step.String("op") is not { } op || step.String("path") is not { } path)
            {
                throw Rejected();
            }

            root = Step(root, op, Parse(path), step);
        }

        return root as JsonObject ?? throw Rejected();
    }

    private static JsonNode Step(JsonNode root, string op, string[] path, JsonObject step)
    {
        switch (op)
        {
            case "add":
                return Add(root, path, Value(step));
            case "remove":
                _ = Remove(root, path);
                return root;
            case "replace":
                return Replace(root, path, Value(step));
            case "move":
                return Add(root, path, Remove(root, From(step)));
            case "copy":
                return Add(root, path, Read(root, From(step))?.DeepClone());
            case "test":
                return JsonNode.DeepEquals(Read(root, path), step["value"]) ? root : throw Rejected();
            default:
                throw Rejected();
        }
    }

    private static JsonNode Add(JsonNode root, string[] path, JsonNode? value)
    {
        if (path.Length == 0)
        {
            return value ?? throw Rejected();
        }

        switch (Read(root, path[..^1]))
        {
            case JsonObject parent:
                parent[path[^1]] = value;
                return root;
            case JsonArray list:
                list.Insert(path[^1] == "-" ? list.Count : Index(path[^1], list.Count), value);
                return root;
            default:
                throw Rejected();
        }
    }

    private static JsonNode Replace(JsonNode root, string[] path, JsonNode? value)
    {
        if (path.Length == 0)
        {
            return value ?? throw Rejected();
        }

        switch (Read(root, path[..^1]))
        {
            case JsonObject parent when parent.ContainsKey(path[^1]):
                parent[path[^1]] = value;
                return root;
            case JsonArray list:
                list[Index(path[^1], list.Count - 1)] = value;
                return root;
            default:
                throw Rejected();
        }
    }

    private static JsonNode? Remove(JsonNode root, string[] path)
    {
        if (path.Length == 0)
        {
            throw Rejected();
        }

        switch (Read(root, path[..^1]))
        {
            case JsonObject parent when parent.Remove(path[^1], out var removed):
                return removed;
            case JsonArray list:
                var index = Index(path[^1], list.Count - 1);
                var item = list[index];
                list.RemoveAt(index);
                return item;
            default:
                throw Rejected();
        }
    }

    private static JsonNode? Read(JsonNode? node, string[] path)
    {
        foreach (var step in path)
        {
            node = node switch
            {
                JsonObject parent when parent.ContainsKey(step) => parent[step],
                JsonArray list => list[Index(step, list.Count - 1)],
                _ => throw Rejected(),
            };
        }

        return node;
    }

    private static int Index(string step, int last) =>
        int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= last ? index : throw Rejected();

    private static JsonNode? Value(JsonObject step) => step.ContainsKey("value") ? step["value"]?.DeepClone() : throw Rejected();

    private static string[] From(JsonObject step) => Parse(step.String("from") ?? throw Rejected());

    private static string[] Parse(string pointer)
    {
        if (pointer.Length == 0)
        {
            return [];
        }

        return pointer[0] != '/' ? throw Rejected()
            : [.. pointer[1..].Split('/').Select(static s => s.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
    }

    private static StatusException Rejected() =>
        new(422, "Invalid", "the server rejected our request due to an error in our request", []);
}
