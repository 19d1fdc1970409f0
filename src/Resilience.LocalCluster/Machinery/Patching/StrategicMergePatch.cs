using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Patching;

/// <summary>
/// Merges as <c>kubectl apply</c> and <c>kubectl patch</c> expect: keyed lists entry by entry, sets by union, and the directives
/// <c>$patch</c>, <c>$retainKeys</c>, <c>$setElementOrder/…</c> and <c>$deleteFromPrimitiveList/…</c>.
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string OrderPrefix = "$setElementOrder/";
    private const string DeletePrefix = "$deleteFromPrimitiveList/";

    public static void Apply(JsonObject target, JsonObject patch, FieldSchema schema)
    {
        switch (patch.String(Directive))
        {
            case "replace":
                target.Clear();
                break;
            case "delete":
                target.Clear();
                return;
        }

        if (patch[RetainKeys] is JsonArray retained)
        {
            var keep = retained.Select(static k => k?.ToString()).ToHashSet();
            foreach (var key in target.Select(static f => f.Key).Where(k => !keep.Contains(k)).ToList())
            {
                _ = target.Remove(key);
            }
        }

        foreach (var (key, value) in patch)
        {
            if (key.StartsWith(DeletePrefix, StringComparison.Ordinal))
            {
                DeleteValues(target[key[DeletePrefix.Length..]] as JsonArray, value as JsonArray);
            }
            else if (key[0] != '$')
            {
                Field(target, key, value, schema.Field(key) ?? FieldSchema.Any, patch[OrderPrefix + key] as JsonArray);
            }
        }

        foreach (var (key, value) in patch)
        {
            // An order without a list: entries were deleted elsewhere, or only moved.
            if (key.StartsWith(OrderPrefix, StringComparison.Ordinal) && !patch.ContainsKey(key[OrderPrefix.Length..])
                && target[key[OrderPrefix.Length..]] is JsonArray list && value is JsonArray order)
            {
                Reorder(list, order, schema.Field(key[OrderPrefix.Length..]) ?? FieldSchema.Any);
            }
        }
    }

    private static void Field(JsonObject target, string key, JsonNode? value, FieldSchema schema, JsonArray? order)
    {
        switch (value)
        {
            case null:
                _ = target.Remove(key);
                return;
            case JsonObject child:
                if (target[key] is not JsonObject existing)
                {
                    existing = [];
                    target[key] = existing;
                }

                Apply(existing, child, schema);
                return;
            case JsonArray list when schema.Kind == FieldKind.List && schema.Strategic != ListMerge.Atomic:
                var merged = target[key] as JsonArray ?? [];
                if (merged.Parent is null)
                {
                    target[key] = merged;
                }

                var before = merged.Select(static item => item?.DeepClone()).ToList();
                MergeList(merged, list, schema);
                if (order is not null)
                {
                    Reorder(merged, order, schema);
                }
                else if (schema.Strategic == ListMerge.Keyed)
                {
                    NewFirst(merged, list, before, schema.Keys[0]);
                }

                return;
            default:
                target[key] = value.DeepClone();
                return;
        }
    }

    private static void MergeList(JsonArray target, JsonArray patch, FieldSchema schema)
    {
        if (schema.Strategic == ListMerge.Set)
        {
            foreach (var value in patch.Where(v => !target.Any(t => JsonNode.DeepEquals(t, v))).ToList())
            {
                target.Add(value?.DeepClone());
            }

            return;
        }

        if (patch.Any(static item => item is JsonObject { Count: 1 } && item.String(Directive) == "replace"))
        {
            target.Clear();
        }

        var key = schema.Keys[0];
        foreach (var item in patch.OfType<JsonObject>())
        {
            var directive = item.String(Directive);
            if (item.Count == 1 && directive == "replace")
            {
                continue;
            }

            if (item[key] is not { } id)
            {
                throw new StatusException(422, "Invalid", $"map: {item.ToJsonString()} does not contain declared merge key: {key}");
            }

            var index = IndexOf(target, key, id);
            if (directive == "delete")
            {
                for (; index >= 0; index = IndexOf(target, key, id))
                {
                    target.RemoveAt(index);
                }

                continue;
            }

            if (index < 0)
            {
                target.Add(new JsonObject());
                index = target.Count - 1;
            }

            Apply(target[index]!.AsObject(), item, schema.Items ?? FieldSchema.Any);
        }
    }

    private static int IndexOf(JsonArray list, string key, JsonNode id)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] is JsonObject item && JsonNode.DeepEquals(item[key], id))
            {
                return i;
            }
        }

        return -1;
    }

    private static void DeleteValues(JsonArray? list, JsonArray? values)
    {
        foreach (var value in values ?? [])
        {
            for (var i = (list?.Count ?? 0) - 1; i >= 0; i--)
            {
                if (JsonNode.DeepEquals(list![i], value))
                {
                    list.RemoveAt(i);
                }
            }
        }
    }

    /// <summary>Entries that the order names come in that order; the others stay behind the neighbour they followed.</summary>
    private static void Reorder(JsonArray list, JsonArray order, FieldSchema schema)
    {
        var key = schema.Strategic == ListMerge.Keyed ? schema.Keys[0] : null;
        var groups = new List<(int Rank, List<JsonNode?> Items)>();
        foreach (var item in list.ToList())
        {
            var rank = Rank(item, order, key);
            if (rank >= 0 || groups.Count == 0)
            {
                groups.Add((rank, [item]));
            }
            else
            {
                groups[^1].Items.Add(item);
            }
        }

        list.Clear();
        foreach (var item in groups.OrderBy(static g => g.Rank).SelectMany(static g => g.Items))
        {
            list.Add(item);
        }
    }

    /// <summary>
    /// Without an order, entries of the patch come in its order, and one that the patch does not name comes before them only when it
    /// stood before them already: so what a patch adds ends up in front.
    /// </summary>
    private static void NewFirst(JsonArray list, JsonArray patch, List<JsonNode?> before, string key)
    {
        var old = new JsonArray([.. before]);
        var merged = list.ToList();
        var named = merged.Where(item => Rank(item, patch, key) >= 0).OrderBy(item => Rank(item, patch, key)).ToList();
        var others = merged.Where(item => Rank(item, patch, key) < 0).ToList();
        list.Clear();
        var taken = 0;
        foreach (var item in named)
        {
            var place = Rank(item, old, key);
            while (taken < others.Count && place >= 0 && Rank(others[taken], old, key) < place)
            {
                list.Add(others[taken++]);
            }

            list.Add(item);
        }

        foreach (var item in others.Skip(taken))
        {
            list.Add(item);
        }
    }

    private static int Rank(JsonNode? item, JsonArray order, string? key)
    {
        for (var i = 0; i < order.Count; i++)
        {
            if (key is null ? JsonNode.DeepEquals(order[i], item) : JsonNode.DeepEquals(order[i].At(key), item.At(key)))
            {
                return i;
            }
        }

        return -1;
    }
}
