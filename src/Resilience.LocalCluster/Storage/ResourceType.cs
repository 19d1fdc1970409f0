namespace Resilience.LocalCluster.Storage;

/// <summary>One served kind. Two types are equal when group, version and plural are; the rest is description.</summary>
internal sealed record ResourceType(string Group, string Version, string Plural, string Singular, string Kind, bool Namespaced)
{
    public IReadOnlyList<string> ShortNames { get; init; } = [];

    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Status is a subresource: ordinary writes leave it alone, status writes leave the rest alone.</summary>
    public bool HasStatus { get; init; }

    public bool HasScale { get; init; }

    /// <summary>metadata.generation counts changes of what the user asked for.</summary>
    public bool HasGeneration { get; init; }

    /// <summary>Deletion waits for the node to stop the process (pods).</summary>
    public bool GracefulDeletion { get; init; }

    /// <summary>Defined by a CustomResourceDefinition.</summary>
    public bool Custom { get; init; }

    /// <summary>Served without being stored (metrics, reviews): listed by discovery, unknown to the store.</summary>
    public bool Virtual { get; init; }

    /// <summary>The version objects are kept in, where this one is only another view of them.</summary>
    public ResourceType? StoredAs { get; init; }

    /// <summary>What the store knows this kind as: <see cref="StoredAs"/>, or itself.</summary>
    public ResourceType Stored => StoredAs ?? this;

    /// <summary>Verbs in the order discovery lists them; empty means all of them.</summary>
    public IReadOnlyList<string> Verbs { get; init; } = [];

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    public string ListKind => Kind + "List";

    /// <summary>Identity in the store: versions of one kind share their objects.</summary>
    public string StorageKey => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public bool Equals(ResourceType? other) =>
        other is not null && Plural == other.Plural && Group == other.Group && Version == other.Version;

    public override int GetHashCode() => HashCode.Combine(Plural, Group, Version);

    public override string ToString() => $"{ApiVersion} {Plural}";
}
