using System.Text.Json.Nodes;
using Resilience.Testing;

namespace Resilience.Manifests.Tests.Schemas;

/// <summary>
/// Shapes of other projects' kinds, from <c>Schemas/*.json</c>: fields, types, required fields and permitted values, derived from the
/// definitions those projects publish and cut down to what our manifests use.
/// </summary>
internal sealed class ForeignShapes : IShapes
{
    private readonly Dictionary<(string ApiVersion, string Kind), Shape> _shapes = [];

    public static ForeignShapes Load(Shape metadata)
    {
        var foreign = new ForeignShapes();
        foreach (var file in Directory.GetFiles(Path.Combine(Repository.Root, "tests", "Resilience.Manifests.Tests", "Schemas"), "*.json"))
        {
            var document = JsonNode.Parse(File.ReadAllText(file))!;
            foreach (var (kind, schema) in document["kinds"]!.AsObject())
            {
                var shape = OpenApiShapes.Standalone(schema!.DeepClone().AsObject());
                shape.Properties["apiVersion"] = new() { Kind = ShapeKind.String };
                shape.Properties["kind"] = new() { Kind = ShapeKind.String };
                shape.Properties["metadata"] = metadata;
                foreign._shapes[((string)document["apiVersion"]!, kind)] = shape;
            }
        }

        return foreign;
    }

    public Shape? Find(string apiVersion, string kind) => _shapes.GetValueOrDefault((apiVersion, kind));
}
