namespace Resilience.Manifests.Tests.Schemas;

internal enum ShapeKind
{
    /// <summary>Anything goes.</summary>
    Any,
    Object,
    List,
    String,
    Integer,
    Number,
    Boolean,
    IntegerOrString,

    /// <summary>An amount with a suffix: 40m, 256Mi.</summary>
    Quantity,
}

/// <summary>What may stand in one place of a manifest, whatever document says so.</summary>
internal sealed class Shape
{
    public static readonly Shape Anything = new() { Kind = ShapeKind.Any };

    public required ShapeKind Kind { get; init; }

    /// <summary>Of an object. Filled after construction: types may contain themselves.</summary>
    public Dictionary<string, Shape> Properties { get; } = new(StringComparer.Ordinal);

    /// <summary>Values of an object that is a map; null when only <see cref="Properties"/> are known.</summary>
    public Shape? Values { get; set; }

    public Shape? Items { get; set; }

    /// <summary>Fields beyond <see cref="Properties"/> are nobody's business.</summary>
    public bool Open { get; set; }

    public IReadOnlyList<string> Required { get; set; } = [];

    public IReadOnlyList<string> Enum { get; set; } = [];

    public bool Nullable { get; set; }

    public string? Format { get; set; }

    public string? Pattern { get; set; }

    public double? Minimum { get; set; }

    public double? Maximum { get; set; }

    public int? MinLength { get; set; }

    public int? MaxLength { get; set; }
}

/// <summary>A mistake in a manifest, where it stands.</summary>
/// <param name="Path">Of the field, as Kubernetes writes it: spec.template.spec.containers[0].image.</param>
internal sealed record ManifestProblem(string File, long Line, string Path, string What)
{
    public override string ToString() => $"{File}:{Line}: {Path}: {What}";
}

/// <summary>Finds the shape of a kind.</summary>
internal interface IShapes
{
    /// <returns>Null when the kind is unknown here.</returns>
    Shape? Find(string apiVersion, string kind);
}
