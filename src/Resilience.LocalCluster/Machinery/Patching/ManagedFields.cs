using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Patching;

/// <summary>Who wrote: one entry of managedFields has one of these.</summary>
internal sealed record FieldWriter(string Manager, string ApiVersion, string? Subresource, DateTimeOffset Time);

/// <summary>Keeps metadata.managedFields: which writer owns which field.</summary>
internal static class ManagedFields
{
    private static readonly string[] Untracked =
    [
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "selfLink", "managedFields",
    ];

    /// <summary>After an ordinary write: the writer owns what it changed, everybody else lost that.</summary>
    /// <param name="before">Null for a new object.</param>
    public static void Track(JsonObject? before, JsonObject after, FieldSchema schema, FieldWriter writer)
    {
        var entries = Read(before);
        var (changed, removed) = FieldSet.Compare(Tracked(before), Tracked(after), schema);
        if (before is not null && changed.IsEmpty && removed.IsEmpty)
        {
            Write(after, entries);
            return;
        }

        var kept = new List<Entry>();
        Entry? mine = null;
        foreach (var entry in entries)
        {
            if (entry.Operation == "Update" && entry.Writer.Manager == writer.Manager && entry.Writer.Subresource == writer.Subresource
                && entry.Writer.ApiVersion == writer.ApiVersion)
            {
                mine = entry;
                continue;
            }

            var left = entry.Fields.Except(changed).Except(removed);
            if (!left.IsEmpty)
            {
                kept.Add(entry with { Fields = left });
            }
        }

        var fields = (mine?.Fields ?? new()).Except(removed).Union(changed);
        if (!fields.IsEmpty)
        {
            kept.Add(new("Update", writer, fields));
        }

        Write(after, kept);
    }

    /// <summary>Server-side apply: merges <paramref name="config"/> into <paramref name="live"/> and returns the result.</summary>
    /// <exception cref="StatusException">409 with one cause per field that another manager owns with another value.</exception>
    public static JsonObject Apply(JsonObject live, JsonObject config, FieldSchema schema, FieldWriter writer, bool force)
    {
        var entries = Read(live);
        var stated = FieldSet.Of(Tracked(config), schema);
        var merged = Merge(Tracked(live), Tracked(config), schema)!.AsObject();
        var others = entries.Where(e => !IsApplyOf(e, writer)).ToList();
        var conflicts = others.SelectMany(entry => stated.Leaves()
            .Where(path => entry.Fields.Contains(path)
                && !JsonNode.DeepEquals(FieldSet.Read(live, path), FieldSet.Read(merged, path)))
            .Select(path => (entry.Writer, entry.Operation, Path: path))).ToList();
        if (conflicts.Count > 0 && !force)
        {
            throw Conflict(conflicts);
        }

        Prune(merged, entries.FirstOrDefault(e => IsApplyOf(e, writer))?.Fields, stated, others);
        var (changed, removed) = FieldSet.Compare(Tracked(live), merged, schema);
        others = [.. others.Select(e => e with { Fields = e.Fields.Except(changed).Except(removed) }).Where(static e => !e.Fields.IsEmpty)];
        var result = live.DeepClone().AsObject();
        foreach (var key in result.Select(static f => f.Key).Where(static k => k is not ("kind" or "apiVersion" or "metadata")).ToList())
        {
            _ = result.Remove(key);
        }

        foreach (var (key, value) in merged)
        {
            if (key == "metadata")
            {
                MergeMetadata(result.Ensure("metadata"), value as JsonObject);
            }
            else
            {
                result[key] = value?.DeepClone();
            }
        }

        var previous = entries.FirstOrDefault(e => IsApplyOf(e, writer));
        var same = previous is not null && JsonNode.DeepEquals(previous.Fields.ToJson(), stated.ToJson());
        Write(result, [.. others, .. stated.IsEmpty ? [] : (Entry[])[same ? previous! : new("Apply", writer, stated)]]);
        return result;
    }

    private static bool IsApplyOf(Entry entry, FieldWriter writer) =>
        entry.Operation == "Apply" && entry.Writer.Manager == writer.Manager && entry.Writer.Subresource == writer.Subresource;

    private static void MergeMetadata(JsonObject target, JsonObject? merged)
    {
        foreach (var key in target.Select(static f => f.Key).Where(static k => !Untracked.Contains(k)).ToList())
        {
            _ = target.Remove(key);
        }

        foreach (var (key, value) in merged ?? [])
        {
            target[key] = value?.DeepClone();
        }
    }

    /// <summary>Removes what this manager applied last time, states no longer, and shares with nobody.</summary>
    private static void Prune(JsonObject merged, FieldSet? applied, FieldSet stated, List<Entry> others)
    {
        foreach (var path in applied?.MembersBottomUp() ?? [])
        {
            if (!stated.Contains(path) && !others.Any(o => o.Fields.Contains(path)))
            {
                FieldSet.Delete(merged, path);
            }
        }
    }

    private static JsonNode? Merge(JsonNode? live, JsonNode? config, FieldSchema schema)
    {
        if (schema.AtomicMap || config is null)
        {
            return config?.DeepClone();
        }

        if (live is JsonObject old && config is JsonObject fields)
        {
            var merged = old.DeepClone().AsObject();
            foreach (var (key, value) in fields)
            {
                merged[key] = Merge(old[key], value, schema.Field(key) ?? FieldSchema.Any);
            }

            return merged;
        }

        if (live is JsonArray oldList && config is JsonArray list && schema.Kind == FieldKind.List && schema.Apply != ListMerge.Atomic)
        {
            var merged = oldList.DeepClone().AsArray();
            foreach (var (step, value, itemSchema) in FieldSet.Steps(list, schema))
            {
                var index = merged.ToList().FindIndex(item => FieldSet.Read(new JsonArray(item?.DeepClone()), [step]) is not null);
                if (index < 0)
                {
                    merged.Add(value?.DeepClone());
                }
                else
                {
                    merged[index] = Merge(merged[index], value, itemSchema);
                }
            }

            return merged;
        }

        return config.DeepClone();
    }

    private static StatusException Conflict(List<(FieldWriter Writer, string Operation, IReadOnlyList<string> Path)> conflicts)
    {
        var lines = conflicts.Select(c => (Who: Describe(c.Writer, c.Operation), Where: FieldSet.Describe(c.Path))).Distinct().ToList();
        var message = $"Apply failed with {lines.Count} conflict{(lines.Count == 1 ? "" : "s")}: "
            + (lines.Count == 1
                ? $"conflict with {lines[0].Who}: {lines[0].Where}"
                : string.Join("\n", lines.GroupBy(static l => l.Who).Select(static g => $"conflicts with {g.Key}:\n{string.Join("\n", g.Select(static l => $"- {l.Where}"))}")));
        return new(409, "Conflict", message, new JsonObject
        {
            ["causes"] = new JsonArray([.. lines.Select(static l => new JsonObject
            {
                ["reason"] = "FieldManagerConflict",
                ["message"] = $"conflict with {l.Who}",
                ["field"] = l.Where,
            })]),
        });
    }

    private static string Describe(FieldWriter writer, string operation) => $"\"{writer.Manager}\""
        + (writer.Subresource is null ? "" : $" with subresource \"{writer.Subresource}\"")
        + (operation == "Apply" ? "" : $" using {writer.ApiVersion}");

    private static JsonObject Tracked(JsonObject? body)
    {
        var copy = body?.DeepClone().AsObject() ?? [];
        _ = copy.Remove("kind");
        _ = copy.Remove("apiVersion");
        if (copy["metadata"] is JsonObject metadata)
        {
            foreach (var field in Untracked)
            {
                _ = metadata.Remove(field);
            }

            if (metadata.Count == 0)
            {
                _ = copy.Remove("metadata");
            }
        }

        return copy;
    }

    private static List<Entry> Read(JsonObject? body) =>
    [
        .. (body.Array("metadata", "managedFields") ?? []).Select(static e => new Entry(
            e.String("operation") ?? "Update",
            new(e.String("manager") ?? "unknown", e.String("apiVersion") ?? "", e.String("subresource"), e.Time("time") ?? DateTimeOffset.MinValue),
            FieldSet.Parse(e.At("fieldsV1")))),
    ];

    private static void Write(JsonObject body, IReadOnlyList<Entry> entries)
    {
        var metadata = body.Ensure("metadata");
        _ = metadata.Remove("managedFields");
        if (entries.Count == 0)
        {
            return;
        }

        metadata["managedFields"] = new JsonArray([.. entries
            .OrderBy(static e => e.Writer.Subresource is not null).ThenBy(static e => e.Operation, StringComparer.Ordinal)
            .ThenBy(static e => e.Writer.Time.ToUnixTimeSeconds()).ThenBy(static e => e.Writer.Manager, StringComparer.Ordinal)
            .Select(static e =>
            {
                var entry = new JsonObject
                {
                    ["manager"] = e.Writer.Manager,
                    ["operation"] = e.Operation,
                    ["apiVersion"] = e.Writer.ApiVersion,
                    ["time"] = e.Writer.Time.ToKubernetesTime(),
                    ["fieldsType"] = "FieldsV1",
                    ["fieldsV1"] = e.Fields.ToJson(),
                };
                if (e.Writer.Subresource is { } subresource)
                {
                    entry["subresource"] = subresource;
                }

                return entry;
            })]);
    }

    private sealed record Entry(string Operation, FieldWriter Writer, FieldSet Fields);
}
