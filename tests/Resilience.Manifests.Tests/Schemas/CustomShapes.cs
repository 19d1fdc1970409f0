using Resilience.ClusterAccess.Manifests;

namespace Resilience.Manifests.Tests.Schemas;

/// <summary>Shapes of custom resources, from the CustomResourceDefinitions among the given files.</summary>
internal sealed class CustomShapes : IShapes
{
    private readonly Dictionary<(string ApiVersion, string Kind), Shape> _shapes = [];

    /// <param name="metadata">Shape of metadata, which definitions leave open.</param>
    public CustomShapes(IEnumerable<string> files, Shape metadata)
    {
        var definitions = files.SelectMany(file => YamlJson.Parse(File.ReadAllText(file)))
            .Select(found => found.Document).Where(document => (string?)document["kind"] == "CustomResourceDefinition");
        foreach (var spec in definitions.Select(definition => definition["spec"]!))
        {
            foreach (var version in spec["versions"]!.AsArray())
            {
                var shape = OpenApiShapes.Standalone(version!["schema"]!["openAPIV3Schema"]!.DeepClone().AsObject());
                shape.Properties["apiVersion"] = new() { Kind = ShapeKind.String };
                shape.Properties["kind"] = new() { Kind = ShapeKind.String };
                shape.Properties["metadata"] = metadata;
                _shapes[($"{(string)spec["group"]!}/{(string)version["name"]!}", (string)spec["names"]!["kind"]!)] = shape;
            }
        }
    }

    public Shape? Find(string apiVersion, string kind) => _shapes.GetValueOrDefault((apiVersion, kind));
}

/// <summary>The first that knows the kind speaks for it.</summary>
internal sealed class ShapesInTurn(params IShapes[] shapes) : IShapes
{
    public Shape? Find(string apiVersion, string kind) => shapes.Select(s => s.Find(apiVersion, kind)).FirstOrDefault(found => found is not null);
}
