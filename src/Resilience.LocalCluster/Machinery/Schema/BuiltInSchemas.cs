using System.Collections.Frozen;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.Schema;

/// <summary>The types of <c>builtin.schema</c>, read once.</summary>
internal static class BuiltInSchemas
{
    private static readonly FrozenDictionary<string, TypeSchema> Types = Load();

    public static IReadOnlyDictionary<string, TypeSchema> All => Types;

    /// <summary>Null for kinds that are served without being stored.</summary>
    public static TypeSchema? For(ResourceType type) =>
        type == ResourceTypes.EventsV1 ? Types["EventsEvent"]
        : type.Custom || type.StoredAs is not null ? null
        : Types.GetValueOrDefault(type.Kind);

    public static TypeSchema Named(string name) => Types[name];

    private static FrozenDictionary<string, TypeSchema> Load()
    {
        using var stream = typeof(BuiltInSchemas).Assembly.GetManifestResourceStream("builtin.schema")!;
        using var reader = new StreamReader(stream);
        var lines = reader.ReadToEnd().Split('\n').Where(static l => l.Length > 0 && l[0] != '#').Select(static l => l.Split(" = ", 2)).ToList();
        var types = lines.Select(static l => new TypeSchema(l[0].Replace(" @", "", StringComparison.Ordinal)) { Atomic = l[0].EndsWith('@') })
            .ToDictionary(static t => t.Name, StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var type = types[line[0].Replace(" @", "", StringComparison.Ordinal)];
            foreach (var field in line[1].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                var colon = field.IndexOf(':', StringComparison.Ordinal);
                type.Fields[field[..colon]] = Parse(field[(colon + 1)..], types);
            }
        }

        return types.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static FieldSchema Parse(string text, Dictionary<string, TypeSchema> types)
    {
        var required = Take(ref text, '!');
        var atomic = Take(ref text, '@');
        var retain = Take(ref text, '%');
        var strategicOnly = Take(ref text, '~');
        var applyOnly = Take(ref text, '^');
        if (text[0] == '[')
        {
            var end = text.LastIndexOf(']');
            var keys = text[(end + 1)..].TrimStart('/');
            var merge = keys.Length == 0 ? ListMerge.Atomic : keys == "=" ? ListMerge.Set : ListMerge.Keyed;
            return new()
            {
                Kind = FieldKind.List,
                Items = Parse(text[1..end], types),
                Strategic = applyOnly ? ListMerge.Atomic : merge,
                Apply = strategicOnly ? ListMerge.Atomic : merge,
                Keys = merge == ListMerge.Keyed ? keys.Split(',') : [],
                RetainKeys = retain,
                Required = required,
            };
        }

        if (text[0] == '{')
        {
            return new() { Kind = FieldKind.Map, Items = Parse(text[1..^1], types), AtomicMap = atomic, Required = required };
        }

        var kind = Scalar(text);
        var type = kind == FieldKind.Object ? types[text] : null;
        return new() { Kind = kind, Type = type, AtomicMap = atomic || type?.Atomic == true, RetainKeys = retain, Required = required };
    }

    private static FieldKind Scalar(string text) => text switch
    {
        "any" => FieldKind.Any,
        "string" => FieldKind.String,
        "int" => FieldKind.Int,
        "int64" => FieldKind.Int64,
        "number" => FieldKind.Number,
        "bool" => FieldKind.Bool,
        "bytes" => FieldKind.Bytes,
        "time" => FieldKind.Time,
        "microtime" => FieldKind.MicroTime,
        "quantity" => FieldKind.Quantity,
        "intstr" => FieldKind.IntOrString,
        _ => FieldKind.Object,
    };

    private static bool Take(ref string text, char mark)
    {
        if (text[^1] != mark)
        {
            return false;
        }

        text = text[..^1];
        return true;
    }
}
