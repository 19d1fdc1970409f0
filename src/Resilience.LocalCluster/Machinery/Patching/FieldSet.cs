using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Patching;

/// <summary>
/// A set of field paths, as managedFields write it (FieldsV1): <c>f:name</c> a field, <c>k:{…}</c> a list entry by its keys,
/// <c>v:…</c> an entry of a set, <c>.</c> the thing itself.
/// </summary>
internal sealed class FieldSet
{
    private readonly SortedDictionary<string, FieldSet> _children = new(StringComparer.Ordinal);
    private bool _self;

    public bool IsEmpty => !_self && _children.Count == 0;

    public static FieldSet Parse(JsonNode? json)
    {
        var set = new FieldSet();
        if (json is not JsonObject fields)
        {
            return set;
        }

        set._self = fields.Count == 0;
        foreach (var (key, value) in fields)
        {
            if (key == ".")
            {
                set._self = true;
            }
            else
            {
                set._children[key] = Parse(value);
            }
        }

        return set;
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        if (_self && _children.Count > 0)
        {
            json["."] = new JsonObject();
        }

        foreach (var (key, child) in _children)
        {
            json[key] = child.ToJson();
        }

        return json;
    }

    /// <summary>The fields that an applied configuration states.</summary>
    public static FieldSet Of(JsonNode? value, FieldSchema schema, bool containers = false)
    {
        var set = new FieldSet();
        foreach (var (step, child, childSchema) in Steps(value, schema))
        {
            var inner = Of(child, childSchema, containers);
            inner._self |= step[0] != 'f';
            set._children[step] = inner;
        }

        set._self = set._children.Count == 0 || (containers && schema.Kind is FieldKind.Map or FieldKind.List);
        return set;
    }

    /// <summary>Paths whose value is new or different in <paramref name="after"/>, and paths that are gone.</summary>
    public static (FieldSet Changed, FieldSet Removed) Compare(JsonNode? before, JsonNode? after, FieldSchema schema)
    {
        var changed = new FieldSet();
        var removed = new FieldSet();
        if (JsonNode.DeepEquals(before, after))
        {
            return (changed, removed);
        }

        var old = Steps(before, schema).ToDictionary(static s => s.Step, static s => s.Value, StringComparer.Ordinal);
        var now = Steps(after, schema).ToList();
        if (now.Count == 0 && old.Count == 0)
        {
            changed._self = true;
            return (changed, removed);
        }

        foreach (var (step, value, childSchema) in now)
        {
            if (!old.Remove(step, out var previous))
            {
                var added = Of(value, childSchema, containers: true);
                added._self |= step[0] != 'f';
                changed._children[step] = added;
                continue;
            }

            var (innerChanged, innerRemoved) = Compare(previous, value, childSchema);
            changed.Put(step, innerChanged);
            removed.Put(step, innerRemoved);
        }

        foreach (var step in old.Keys)
        {
            removed._children[step] = new FieldSet { _self = true };
        }

        return (changed, removed);
    }

    public FieldSet Union(FieldSet other)
    {
        var set = new FieldSet { _self = _self || other._self };
        foreach (var step in _children.Keys.Union(other._children.Keys, StringComparer.Ordinal))
        {
            set._children[step] = _children.TryGetValue(step, out var mine)
                ? other._children.TryGetValue(step, out var theirs) ? mine.Union(theirs) : mine
                : other._children[step];
        }

        return set;
    }

    /// <summary>Without the paths of <paramref name="other"/>; a path taken away with nothing below it takes its whole subtree.</summary>
    public FieldSet Except(FieldSet other)
    {
        if (other._self && other._children.Count == 0)
        {
            return new();
        }

        var set = new FieldSet { _self = _self && !other._self };
        foreach (var (step, child) in _children)
        {
            set.Put(step, other._children.TryGetValue(step, out var theirs) ? child.Except(theirs) : child);
        }

        return set;
    }

    public bool Contains(IReadOnlyList<string> path)
    {
        var set = this;
        foreach (var step in path)
        {
            if (!set._children.TryGetValue(step, out var child))
            {
                return false;
            }

            set = child;
        }

        return true;
    }

    /// <summary>Paths with nothing below them, deepest information first come in document order of their names.</summary>
    public IEnumerable<IReadOnlyList<string>> Leaves() => Leaves([]);

    /// <summary>Every member, children before parents: the order to remove things in.</summary>
    public IEnumerable<IReadOnlyList<string>> MembersBottomUp() => Members([]);

    /// <summary>The value at a path, or null where it leads nowhere.</summary>
    public static JsonNode? Read(JsonNode? value, IReadOnlyList<string> path)
    {
        foreach (var step in path)
        {
            value = step[0] == 'f' ? (value as JsonObject)?[step[2..]]
                : (value as JsonArray)?.FirstOrDefault(item => Matches(item, step));
        }

        return value;
    }

    public static void Delete(JsonNode? root, IReadOnlyList<string> path)
    {
        var parent = Read(root, path.Take(path.Count - 1).ToList());
        var step = path[^1];
        if (step[0] == 'f')
        {
            _ = (parent as JsonObject)?.Remove(step[2..]);
        }
        else if (parent is JsonArray list && list.FirstOrDefault(item => Matches(item, step)) is { } found)
        {
            _ = list.Remove(found);
        }
    }

    /// <summary>As conflicts name it: <c>.spec.containers[name="web"].image</c>.</summary>
    public static string Describe(IReadOnlyList<string> path) => string.Concat(path.Select(static step => step[0] switch
    {
        'f' => $".{step[2..]}",
        'k' => $"[{string.Join(',', JsonNode.Parse(step[2..])!.AsObject().Select(static k => $"{k.Key}={k.Value!.ToJsonString()}"))}]",
        _ => $"[={step[2..]}]",
    }));

    public static IEnumerable<(string Step, JsonNode? Value, FieldSchema Schema)> Steps(JsonNode? value, FieldSchema schema)
    {
        if (schema.AtomicMap)
        {
            yield break;
        }

        if (value is JsonObject fields && schema.Kind is FieldKind.Object or FieldKind.Map or FieldKind.Any)
        {
            foreach (var (key, child) in fields)
            {
                yield return ($"f:{key}", child, schema.Field(key) ?? FieldSchema.Any);
            }
        }
        else if (value is JsonArray list && schema.Kind == FieldKind.List && schema.Apply != ListMerge.Atomic)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var item in list)
            {
                var step = schema.Apply == ListMerge.Set ? $"v:{item?.ToJsonString(JsonExtensions.Compact)}" : KeyOf(item, schema);
                if (seen.Add(step))
                {
                    yield return (step, item, schema.Items ?? FieldSchema.Any);
                }
            }
        }
    }

    public static string KeyOf(JsonNode? item, FieldSchema schema)
    {
        var keys = new JsonObject();
        foreach (var key in schema.Keys.Order(StringComparer.Ordinal))
        {
            if (item.At(key) is { } value)
            {
                keys[key] = value.DeepClone();
            }
            else if (key == "protocol")
            {
                keys[key] = "TCP";   // the one list key that has a default
            }
        }

        return $"k:{keys.ToJsonString(JsonExtensions.Compact)}";
    }

    private static bool Matches(JsonNode? item, string step) => step[0] == 'v'
        ? item?.ToJsonString(JsonExtensions.Compact) == step[2..]
        : JsonNode.Parse(step[2..])!.AsObject().All(k =>
            JsonNode.DeepEquals(item.At(k.Key), k.Value) || (k.Key == "protocol" && item.At(k.Key) is null && k.Value!.GetValue<string>() == "TCP"));

    private void Put(string step, FieldSet child)
    {
        if (!child.IsEmpty)
        {
            _children[step] = child;
        }
    }

    private IEnumerable<IReadOnlyList<string>> Leaves(IReadOnlyList<string> path)
    {
        if (_children.Count == 0 && _self && path.Count > 0)
        {
            yield return path;
        }

        foreach (var (step, child) in _children)
        {
            foreach (var leaf in child.Leaves([.. path, step]))
            {
                yield return leaf;
            }
        }
    }

    private IEnumerable<IReadOnlyList<string>> Members(IReadOnlyList<string> path)
    {
        foreach (var (step, child) in _children)
        {
            foreach (var member in child.Members([.. path, step]))
            {
                yield return member;
            }
        }

        if (_self && path.Count > 0)
        {
            yield return path;
        }
    }
}
