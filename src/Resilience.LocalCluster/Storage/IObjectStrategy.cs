using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Storage;

/// <summary>What is particular to kinds: defaults, allocation, validation. Runs for every writer, in or out of process.</summary>
internal interface IObjectStrategy
{
    /// <summary>Completes and checks a new object in place; throws <see cref="StatusException"/> to refuse it.</summary>
    void PrepareCreate(ResourceType type, JsonObject body);

    /// <summary>Completes and checks a changed object in place; <paramref name="status"/> when the status subresource is written.</summary>
    void PrepareUpdate(ResourceType type, StoredObject before, JsonObject body, bool status);

    /// <summary>Whether deletion happens at once although the kind deletes gracefully (a pod that never reached a node, or has ended).</summary>
    bool DeletesAtOnce(StoredObject current);
}
