using System.Text.Json.Nodes;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>
/// Follows owner references: dependents of a deleted owner go after it (background), before it (foreground) or stay without it
/// (orphan). Looks at objects only when something of theirs was deleted or marked.
/// </summary>
internal sealed partial class GarbageCollector : IController, IDisposable
{
    private readonly ObjectStore _store;
    private readonly ComponentStore _writes;
    private readonly ResourceRegistry _registry;
    private readonly ILogger<GarbageCollector> _logger;
    private readonly DistinctQueue<string, StoredObject> _work = new();   // by uid

    public GarbageCollector(ObjectStore store, ResourceRegistry registry, TimeProvider clock, ILogger<GarbageCollector> logger)
    {
        _store = store;
        _writes = new(store, clock, ComponentStore.ControllerManager);
        _registry = registry;
        _logger = logger;
        store.Committing += Observe;
    }

    public string Name => "garbage-collector";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var item in _work.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                Process(item);
            }
            catch (StatusException ex)
            {
                LogSkipped(_logger, ex, item.Type.Plural, item.Namespace, item.Name);   // a conflict brings the object back as a new event
            }
        }
    }

    public void Dispose() => _store.Committing -= Observe;

    private void Observe(StoreEvent change)
    {
        var newWithOwner = change.Type == StoreEventType.Added && change.Object.Metadata.ContainsKey("ownerReferences");
        if (change.Type == StoreEventType.Deleted || newWithOwner || (change.Object.IsDeleting && change.Type == StoreEventType.Modified))
        {
            _work.Add(change.Object.Uid, change.Object);
        }
    }

    private void Process(StoredObject seen)
    {
        var current = _store.Get(seen.Type, seen.Namespace, seen.Name);
        if (current is null || current.Uid != seen.Uid)
        {
            CollectDependents(seen);
            ReleaseOwners(seen);
            return;
        }

        if (!current.IsDeleting)
        {
            CollectOrphanOf(current);
            return;
        }

        var finalizers = current.Metadata.Array("finalizers") ?? [];
        if (finalizers.Any(static f => f.String() == ObjectMeta.OrphanFinalizer))
        {
            foreach (var dependent in DependentsOf(current.Uid).ToList())
            {
                Release(dependent, current.Uid);
            }

            RemoveFinalizer(current, ObjectMeta.OrphanFinalizer);
        }
        else if (finalizers.Any(static f => f.String() == ObjectMeta.ForegroundFinalizer))
        {
            Foreground(current);
        }
    }

    private void Foreground(StoredObject owner)
    {
        var blocked = false;
        foreach (var dependent in DependentsOf(owner.Uid).ToList())
        {
            if (!dependent.IsDeleting)
            {
                Delete(dependent, Propagation.Foreground);
            }

            var blocks = Owners(dependent).Any(o => o.String("uid") == owner.Uid && o.Bool("blockOwnerDeletion") == true);
            blocked |= blocks && _store.Get(dependent.Type, dependent.Namespace, dependent.Name)?.Uid == dependent.Uid;
        }

        if (!blocked)
        {
            RemoveFinalizer(owner, ObjectMeta.ForegroundFinalizer);
        }
    }

    private void CollectDependents(StoredObject owner)
    {
        foreach (var dependent in DependentsOf(owner.Uid).ToList())
        {
            if (!dependent.IsDeleting && !HasLivingOwner(dependent))
            {
                Delete(dependent, Propagation.Background);
            }
        }
    }

    /// <summary>An owner that waits in foreground deletion may now be free to go.</summary>
    private void ReleaseOwners(StoredObject dependent)
    {
        foreach (var reference in Owners(dependent))
        {
            if (OwnerOf(dependent, reference) is { IsDeleting: true } owner)
            {
                _work.Add(owner.Uid, owner);
            }
        }
    }

    /// <summary>A dependent made after its owner was already gone.</summary>
    private void CollectOrphanOf(StoredObject dependent)
    {
        if (Owners(dependent).Count > 0 && !HasLivingOwner(dependent))
        {
            Delete(dependent, Propagation.Background);
        }
    }

    private bool HasLivingOwner(StoredObject dependent) => Owners(dependent).Any(r => OwnerOf(dependent, r) is not null);

    /// <summary>Null when the reference leads nowhere, or to another object of the same name. An unknown kind counts as alive.</summary>
    private StoredObject? OwnerOf(StoredObject dependent, JsonNode reference)
    {
        var apiVersion = reference.String("apiVersion") ?? "";
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        var type = _registry.FindKind(slash < 0 ? "" : apiVersion[..slash], reference.String("kind") ?? "");
        if (type is null)
        {
            return dependent;
        }

        var owner = _store.Get(type, type.Namespaced ? dependent.Namespace : null, reference.String("name") ?? "");
        return owner?.Uid == reference.String("uid") ? owner : null;
    }

    private IEnumerable<StoredObject> DependentsOf(string uid) => _registry.Types.Where(static t => !t.Virtual && t.StoredAs is null)
        .SelectMany(t => _store.List(t)).Where(o => Owners(o).Any(r => r.String("uid") == uid));

    private static List<JsonNode> Owners(StoredObject item) => [.. (item.Metadata.Array("ownerReferences") ?? []).OfType<JsonNode>()];

    private void Delete(StoredObject item, Propagation propagation)
    {
        try
        {
            _ = _store.Delete(item.Type, item.Namespace, item.Name, new(Propagation: propagation, Precondition: new(item.Uid)));
        }
        catch (StatusException ex) when (ex.IsNotFound || ex.IsConflict)
        {
            // Gone, or replaced by a namesake.
        }
    }

    private void Release(StoredObject dependent, string uid) => _writes.Update(
        dependent.Type, dependent.Namespace, dependent.Name, body => Keep(body, "ownerReferences", r => r.String("uid") != uid));

    private void RemoveFinalizer(StoredObject item, string finalizer) => _writes.Update(
        item.Type, item.Namespace, item.Name, body => Keep(body, "finalizers", f => f.String() != finalizer), new(item.Uid));

    /// <summary>A list that is empty is no field, and nobody owns it.</summary>
    private static void Keep(JsonObject body, string field, Func<JsonNode?, bool> which)
    {
        var metadata = body["metadata"]!.AsObject();
        var left = (metadata[field] as JsonArray ?? []).Where(which).Select(static r => r?.DeepClone()).ToArray();
        _ = metadata.Remove(field);
        if (left.Length > 0)
        {
            metadata[field] = new JsonArray(left);
        }
    }

    [LoggerMessage(EventId = 2101, EventName = "CollectionSkipped", Level = LogLevel.Debug, Message = "Collecting after {Plural} {Namespace}/{Name} was refused")]
    private static partial void LogSkipped(ILogger logger, Exception exception, string plural, string? @namespace, string name);
}
