using YamlDotNet.RepresentationModel;

namespace Resilience.Manifests.Tests.Schemas;

/// <summary>Looking into YAML without losing where things stand.</summary>
internal static class YamlNodes
{
    public static YamlNode? Child(this YamlMappingNode? map, string key) =>
        map is not null && map.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value : null;

    public static YamlMappingNode? Map(this YamlMappingNode? map, string key) => map.Child(key) as YamlMappingNode;

    public static IEnumerable<YamlNode> List(this YamlMappingNode? map, string key) => (map.Child(key) as YamlSequenceNode)?.Children ?? Enumerable.Empty<YamlNode>();

    public static string? Text(this YamlMappingNode? map, string key) => (map.Child(key) as YamlScalarNode)?.Value;

    public static string Text(this YamlNode node) => (node as YamlScalarNode)?.Value ?? "";
}
