using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Delivers every object of a kind once and then each change; lists again when it has fallen too far behind.</summary>
/// <remarks>There is no cache: the store is in this process, so a controller reads it and is never behind its own writes.</remarks>
internal static class Informer
{
    public static async Task RunAsync(ObjectStore store, ResourceType type, Action<StoreEvent> handle, CancellationToken cancellationToken)
    {
        while (true)
        {
            var snapshot = store.Snapshot(type);
            try
            {
                using var watch = store.Watch(type, snapshot.ResourceVersion);
                foreach (var item in snapshot.Items)
                {
                    handle(new(StoreEventType.Added, item, null));
                }

                await foreach (var change in watch.Events.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                {
                    handle(change);
                }
            }
            catch (StatusException ex) when (ex.Code == 410)
            {
                // Too slow: start over from a list.
            }
        }
    }
}
