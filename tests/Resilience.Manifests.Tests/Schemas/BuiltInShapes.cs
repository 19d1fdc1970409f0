using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.Manifests.Tests.Schemas;

/// <summary>
/// Shapes of the built-in kinds from what the embedded cluster knows of them, with the permitted values of <c>enums.txt</c>: the
/// same facts as the documents of a real server, small enough to be part of the repository.
/// </summary>
internal sealed class BuiltInShapes : IShapes
{
    private readonly Dictionary<string, Shape> _read = new(StringComparer.Ordinal);

    /// <summary>Permitted values by TYPE.FIELD; <c>Documented</c>: a real server's documents list them.</summary>
    public static IReadOnlyDictionary<string, (IReadOnlyList<string> Values, bool Documented)> Enums { get; } = LoadEnums();

    public Shape? Find(string apiVersion, string kind)
    {
        var type = ResourceTypes.All.FirstOrDefault(t => t.ApiVersion == apiVersion && t.Kind == kind && !t.Virtual);
        return type is not null && BuiltInSchemas.For(type) is { } schema ? Read(schema) : null;
    }

    private Shape Read(TypeSchema type)
    {
        if (_read.TryGetValue(type.Name, out var known))
        {
            return known;
        }

        var shape = new Shape { Kind = ShapeKind.Object };
        _read[type.Name] = shape;
        foreach (var (name, field) in type.Fields)
        {
            var child = Read(field);
            if (Enums.TryGetValue($"{type.Name}.{name}", out var permitted))
            {
                (child.Items ?? child).Enum = permitted.Values;
            }

            shape.Properties[name] = child;
        }

        shape.Required = [.. type.Fields.Where(f => f.Value.Required).Select(f => f.Key)];
        return shape;
    }

    private Shape Read(FieldSchema field) => field.Kind switch
    {
        FieldKind.Object => Read(field.Type!),
        FieldKind.Map => new() { Kind = ShapeKind.Object, Values = Read(field.Items!) },
        FieldKind.List => new() { Kind = ShapeKind.List, Items = Read(field.Items!) },
        FieldKind.Any => new() { Kind = ShapeKind.Any },
        FieldKind.Int => new() { Kind = ShapeKind.Integer, Format = "int32" },
        FieldKind.Int64 => new() { Kind = ShapeKind.Integer },
        FieldKind.Number => new() { Kind = ShapeKind.Number },
        FieldKind.Bool => new() { Kind = ShapeKind.Boolean },
        FieldKind.IntOrString => new() { Kind = ShapeKind.IntegerOrString },
        FieldKind.Quantity => new() { Kind = ShapeKind.Quantity },
        FieldKind.Bytes => new() { Kind = ShapeKind.String, Format = "byte" },
        FieldKind.Time or FieldKind.MicroTime => new() { Kind = ShapeKind.String, Format = "date-time" },
        _ => new() { Kind = ShapeKind.String },
    };

    private static Dictionary<string, (IReadOnlyList<string> Values, bool Documented)> LoadEnums()
    {
        using var stream = typeof(BuiltInShapes).Assembly.GetManifestResourceStream("enums.txt")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n').Where(line => line.Contains(" = ", StringComparison.Ordinal) && !line.StartsWith('#'))
            .Select(line => line.Split(" = ", 2))
            .ToDictionary(
                line => line[0].TrimStart('!', ' '),
                line => ((IReadOnlyList<string>)[.. line[1].Split(' ').Select(v => v == "\"\"" ? "" : v)], !line[0].StartsWith('!')),
                StringComparer.Ordinal);
    }
}
