namespace Resilience.LocalCluster.Machinery.Schema;

internal enum FieldKind
{
    Any,
    String,
    Int,
    Int64,
    Number,
    Bool,
    Bytes,
    Time,
    MicroTime,
    Quantity,
    IntOrString,
    List,
    Map,
    Object,
}

internal enum ListMerge
{
    /// <summary>The list is one value.</summary>
    Atomic,

    /// <summary>Entries are matched by their keys.</summary>
    Keyed,

    /// <summary>Entries are their own keys.</summary>
    Set,
}

/// <summary>What one field may hold and how two writers' ideas of it are merged.</summary>
internal sealed class FieldSchema
{
    public static readonly FieldSchema Any = new() { Kind = FieldKind.Any };

    public static readonly FieldSchema String = new() { Kind = FieldKind.String };

    public required FieldKind Kind { get; init; }

    /// <summary>Of a list's entries or a map's values.</summary>
    public FieldSchema? Items { get; init; }

    /// <summary>Of an object; null leaves its fields open.</summary>
    public TypeSchema? Type { get; set; }

    /// <summary>How strategic merge treats the list.</summary>
    public ListMerge Strategic { get; init; }

    /// <summary>How server-side apply treats the list.</summary>
    public ListMerge Apply { get; init; }

    /// <summary>The first is strategic merge's key; all of them together are server-side apply's.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    public bool RetainKeys { get; init; }

    /// <summary>Server-side apply owns it as a whole.</summary>
    public bool AtomicMap { get; init; }

    public bool Required { get; init; }

    public FieldSchema? Field(string name) => Kind switch
    {
        FieldKind.Map => Items,
        FieldKind.Object => Type?.Fields.GetValueOrDefault(name),
        _ => null,
    };
}

/// <summary>A named set of fields.</summary>
internal sealed class TypeSchema(string name)
{
    public string Name { get; } = name;

    /// <summary>Server-side apply owns values of this type as a whole.</summary>
    public bool Atomic { get; init; }

    public Dictionary<string, FieldSchema> Fields { get; } = new(StringComparer.Ordinal);

    public FieldSchema AsField() => new() { Kind = FieldKind.Object, Type = this };
}
