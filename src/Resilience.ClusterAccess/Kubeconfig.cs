using k8s;
using k8s.Exceptions;
using k8s.KubeConfigModels;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Resilience.ClusterAccess;

/// <summary>
/// Reads kubeconfig files into KubernetesClient's models. KubernetesClient's own reader prepares itself for the YAML of every kind of
/// Kubernetes first, which costs a process 20 MB for as long as it lives (docs/images.md).
/// </summary>
internal static class Kubeconfig
{
    private static readonly IDeserializer Deserializer = new DeserializerBuilder().IgnoreUnmatchedProperties().Build();

    /// <exception cref="KubeConfigException">The file is empty.</exception>
    /// <exception cref="YamlException">The file is no YAML, or of another shape.</exception>
    public static K8SConfiguration Read(string path)
    {
        using var text = File.OpenText(path);
        var config = Deserializer.Deserialize<K8SConfiguration?>(new MergingParser(new Parser(text))) ?? throw new KubeConfigException("it is empty or not a kubeconfig");
        // Relative paths in it begin where the file is.
        config.FileName = Path.GetFullPath(path);
        return config;
    }

    /// <param name="context">Null: the file's current context.</param>
    public static KubernetesClientConfiguration Configure(string path, string? context) => KubernetesClientConfiguration.BuildConfigFromConfigObject(Read(path), context);

    /// <summary>Names of the contexts in the file.</summary>
    public static IReadOnlyList<string> Contexts(string path) => [.. Read(path).Contexts?.Select(context => context.Name) ?? []];
}
