using k8s;
using k8s.Models;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Informers;

/// <summary>Objects by namespace and name. One writer (the watch loop), any number of readers.</summary>
internal sealed class InformerCache<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<string, T>> _byNamespace = new(StringComparer.Ordinal);

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _byNamespace.Values.Sum(items => items.Count);
            }
        }
    }

    public T? Get(NamespacedName key)
    {
        lock (_gate)
        {
            return _byNamespace.GetValueOrDefault(key.Namespace)?.GetValueOrDefault(key.Name);
        }
    }

    public IReadOnlyCollection<T> List(string? ns)
    {
        lock (_gate)
        {
            return ns is null
                ? [.. _byNamespace.Values.SelectMany(items => items.Values)]
                : _byNamespace.TryGetValue(ns, out var found) ? [.. found.Values] : [];
        }
    }

    /// <summary>Stores the item. Another incarnation under the same name (other uid) is told as deletion and addition.</summary>
    public IReadOnlyList<InformerEvent<T>> Put(T item)
    {
        item.Metadata.ManagedFields = null;   // often half of the object, and nobody here reads it
        var key = NamespacedName.Of(item);
        T? previous;
        lock (_gate)
        {
            if (!_byNamespace.TryGetValue(key.Namespace, out var items))
            {
                _byNamespace[key.Namespace] = items = new(StringComparer.Ordinal);
            }

            previous = items.GetValueOrDefault(key.Name);
            items[key.Name] = item;
        }

        if (previous is null)
        {
            return [new(InformerEventKind.Added, key, item, null, false)];
        }

        if (previous.Metadata.Uid != item.Metadata.Uid)
        {
            return [new(InformerEventKind.Deleted, key, previous, previous, true), new(InformerEventKind.Added, key, item, null, false)];
        }

        return previous.Metadata.ResourceVersion == item.Metadata.ResourceVersion
            ? []
            : [new(InformerEventKind.Modified, key, item, previous, false)];
    }

    public IReadOnlyList<InformerEvent<T>> Remove(T last)
    {
        var key = NamespacedName.Of(last);
        lock (_gate)
        {
            if (!_byNamespace.TryGetValue(key.Namespace, out var items) || !items.Remove(key.Name, out var previous))
            {
                return [];
            }

            if (items.Count == 0)
            {
                _ = _byNamespace.Remove(key.Namespace);
            }

            return [new(InformerEventKind.Deleted, key, last, previous, false)];
        }
    }

    /// <summary>Makes the cache equal to a list and returns the difference, deletions first.</summary>
    public IReadOnlyList<InformerEvent<T>> Replace(IReadOnlyList<T> items)
    {
        var present = items.Select(item => NamespacedName.Of(item)).ToHashSet();
        var changes = new List<InformerEvent<T>>();
        foreach (var known in List(null).Where(known => !present.Contains(NamespacedName.Of(known))))
        {
            changes.AddRange(Remove(known));
        }

        foreach (var item in items)
        {
            changes.AddRange(Put(item));
        }

        return changes;
    }
}
