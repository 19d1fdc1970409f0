using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Informers;

public enum InformerEventKind
{
    Added,
    Modified,
    Deleted,
}

/// <summary>A change of the cache, told after the cache holds it.</summary>
/// <param name="Item">For a deletion the last state known.</param>
/// <param name="Previous">State before the change; null for an addition.</param>
/// <param name="NoticedByRelist">The watch missed it: the deletion's last state may be older than the truth.</param>
public readonly record struct InformerEvent<T>(InformerEventKind Kind, NamespacedName Key, T Item, T? Previous, bool NoticedByRelist)
    where T : class;
