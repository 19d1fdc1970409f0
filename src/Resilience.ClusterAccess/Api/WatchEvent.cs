namespace Resilience.ClusterAccess.Api;

public enum WatchEventKind
{
    Added,
    Modified,
    Deleted,

    /// <summary>Carries a resourceVersion to resume from, no object worth reading.</summary>
    Bookmark,
}

/// <summary>One line of a watch stream.</summary>
/// <param name="Item">For a bookmark an object with nothing but its resourceVersion; for a deletion the last state.</param>
public readonly record struct WatchEvent<T>(WatchEventKind Kind, T Item);

/// <summary>A list with the resourceVersion from which a watch continues without gap.</summary>
public sealed record ResourceList<T>(IReadOnlyList<T> Items, string ResourceVersion);

/// <summary>What to list or watch.</summary>
/// <param name="Namespace">Null watches all namespaces.</param>
public sealed record ResourceScope(string? Namespace = null, string? LabelSelector = null, string? FieldSelector = null);
