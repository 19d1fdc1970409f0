using k8s;
using k8s.Models;

namespace Resilience.ClusterAccess.Api;

/// <summary>Where a kind lives in the API. <paramref name="Group"/> is empty for the core group.</summary>
public record ResourceType(string Group, string Version, string Plural, string Kind, bool Namespaced)
{
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The relative URI of the collection, or of one object, or of its subresource.</summary>
    /// <param name="ns">Null means all namespaces (lists and watches only) or a cluster-scoped kind.</param>
    public string Path(string? ns, string? name = null, string? subresource = null)
    {
        var root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        var scope = Namespaced && ns is not null ? $"/namespaces/{Uri.EscapeDataString(ns)}" : "";
        var path = $"{root}{scope}/{Plural}";
        if (name is not null)
        {
            path += "/" + Uri.EscapeDataString(name);
        }

        return subresource is null ? path : $"{path}/{subresource}";
    }

    public override string ToString() => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>A kind with the model KubernetesClient (or this library) has for it.</summary>
public sealed record ResourceType<T>(string Group, string Version, string Plural, string Kind, bool Namespaced = true)
    : ResourceType(Group, Version, Plural, Kind, Namespaced)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public override string ToString() => base.ToString();
}

/// <summary>Name of an object within its namespace; <see cref="Namespace"/> is empty for cluster-scoped kinds.</summary>
public readonly record struct NamespacedName(string Namespace, string Name)
{
    public static NamespacedName Of(IKubernetesObject<V1ObjectMeta> item) =>
        new(item.Metadata.NamespaceProperty ?? "", item.Metadata.Name);

    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";
}
