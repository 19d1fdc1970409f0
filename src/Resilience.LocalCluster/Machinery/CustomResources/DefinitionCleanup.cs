using System.Text.Json.Nodes;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery.CustomResources;

/// <summary>Establishes definitions (their kinds are served already) and empties them before they go.</summary>
internal sealed class DefinitionCleanup(ObjectStore store, ResourceRegistry registry, TimeProvider clock) : IController
{
    private const string Finalizer = "customresourcecleanup.apiextensions.k8s.io";

    public string Name => "custom-resource-definitions";

    public static void AddFinalizer(JsonObject body)
    {
        var metadata = body.Ensure("metadata");
        var finalizers = metadata["finalizers"] as JsonArray ?? [];
        if (finalizers.Parent is null)
        {
            metadata["finalizers"] = finalizers;
        }

        finalizers.Add(Finalizer);
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var change in store.WatchAsync(ResourceTypes.CustomResourceDefinitions, store.Beginning, cancellationToken).ConfigureAwait(false))
        {
            if (change.Type != StoreEventType.Deleted && store.Get(ResourceTypes.CustomResourceDefinitions, null, change.Object.Name) is { } definition)
            {
                try
                {
                    Reconcile(definition);
                }
                catch (StatusException ex) when (ex.IsNotFound)
                {
                    // Gone meanwhile.
                }
            }
        }
    }

    private void Reconcile(StoredObject definition)
    {
        if (definition.IsDeleting)
        {
            if (registry.Types.FirstOrDefault(t => t.Custom && t.StorageKey == definition.Name) is { } type)
            {
                store.Drop(type);
            }

            _ = store.Update(ResourceTypes.CustomResourceDefinitions, null, definition.Name, static body =>
            {
                var left = (body.Array("metadata", "finalizers") ?? []).Where(static f => f.String() != Finalizer).Select(static f => f?.DeepClone());
                body["metadata"]!["finalizers"] = new JsonArray([.. left]);
            });
            return;
        }

        var now = clock.GetUtcNow().ToKubernetesTime();
        _ = store.UpdateStatus(ResourceTypes.CustomResourceDefinitions, null, definition.Name, body =>
        {
            var status = body.Ensure("status");
            status["acceptedNames"] = body.At("spec", "names")?.DeepClone();
            if (status.Array("conditions") is null or { Count: 0 })
            {
                status["conditions"] = new JsonArray(
                    Condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
                    Condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now));
            }
        });
    }

    private static JsonObject Condition(string type, string reason, string message, string now) => new()
    {
        ["type"] = type,
        ["status"] = "True",
        ["lastTransitionTime"] = now,
        ["reason"] = reason,
        ["message"] = message,
    };
}
