using System.Collections.Immutable;

namespace Resilience.LocalCluster.Storage;

/// <summary>Which kinds the cluster serves now: the built-in ones and those of its CustomResourceDefinitions.</summary>
internal sealed class ResourceRegistry
{
    private readonly Lock _gate = new();
    private ImmutableList<ResourceType> _types = [.. ResourceTypes.All];

    /// <summary>Raised after a custom kind appeared, changed or went, on the thread that made the change.</summary>
    public event Action? Changed;

    /// <summary>A snapshot, in discovery order.</summary>
    public IReadOnlyList<ResourceType> Types => _types;

    public ResourceType? Find(string group, string version, string plural) =>
        _types.Find(t => t.Plural == plural && t.Group == group && t.Version == version);

    public ResourceType? FindKind(string group, string version, string kind) =>
        _types.Find(t => t.Kind == kind && t.Group == group && t.Version == version);

    /// <summary>The kind in any served version; owner references name the version their writer knew.</summary>
    public ResourceType? FindKind(string group, string kind) => _types.Find(t => t.Kind == kind && t.Group == group && !t.Virtual);

    /// <summary>Replaces every custom type of one definition (by group and plural) with <paramref name="versions"/>.</summary>
    public void SetCustom(string group, string plural, IReadOnlyList<ResourceType> versions)
    {
        lock (_gate)
        {
            _types = _types.RemoveAll(t => t.Custom && t.Group == group && t.Plural == plural).AddRange(versions);
        }

        Changed?.Invoke();
    }
}
