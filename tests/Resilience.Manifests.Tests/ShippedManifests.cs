using Resilience.Manifests.Tests.Schemas;
using Resilience.Testing;

namespace Resilience.Manifests.Tests;

/// <summary>The files of <c>k8s/</c> and what they are held against.</summary>
internal static class ShippedManifests
{
    public static string Root { get; } = Path.Combine(Repository.Root, "k8s");

    /// <summary>
    /// Every manifest, relative to the repository, in a stable order. Kustomizations are read by other tests, and YAML without an
    /// apiVersion (rules and configuration of other programs) is no manifest, nor is what a kustomization lists as a patch.
    /// </summary>
    public static IReadOnlyList<string> Files { get; } =
        [.. Directory.EnumerateFiles(Root, "*.yaml", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) != "kustomization.yaml" && !IsPatch(file) && File.ReadLines(file).Any(line => line.StartsWith("apiVersion:", StringComparison.Ordinal)))
            .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)];

    /// <summary>Folders with a kustomization, relative to <c>k8s/</c>.</summary>
    public static IReadOnlyList<string> Folders { get; } =
        [.. Directory.EnumerateFiles(Root, "kustomization.yaml", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, Path.GetDirectoryName(file)!).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)];

    /// <summary>A folder whose objects kustomize makes from other files; the lab's own reader of kustomizations does not.</summary>
    public static bool IsGenerated(string folder) => File.ReadLines(Path.Combine(Root, folder, "kustomization.yaml")).Any(line => line.StartsWith("configMapGenerator:", StringComparison.Ordinal));

    private static bool IsPatch(string file) => Path.Combine(Path.GetDirectoryName(file)!, "kustomization.yaml") is var kustomization
        && File.Exists(kustomization) && File.ReadLines(kustomization).Any(line => line.Trim() == $"path: {Path.GetFileName(file)}");

    public static string Read(string file) => File.ReadAllText(Path.Combine(Repository.Root, file));

    /// <summary>Our own definitions, those of other projects that our manifests use, and the built-in kinds of <paramref name="builtIn"/>.</summary>
    public static IShapes Shapes(IShapes builtIn)
    {
        var metadata = builtIn.Find("v1", "Namespace")!.Properties["metadata"];
        return new ShapesInTurn(builtIn, new CustomShapes(Files.Select(file => Path.Combine(Repository.Root, file)), metadata), ForeignShapes.Load(metadata));
    }
}
