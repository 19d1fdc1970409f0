using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>A level-triggered controller: events name what to look at, the truth is read again when it is looked at.</summary>
internal abstract partial class ReconcileLoop(ObjectStore store, TimeProvider clock, ILogger logger, string manager = ComponentStore.ControllerManager) : IController
{
    public abstract string Name { get; }

    protected ComponentStore Store { get; } = new(store, clock, manager);

    /// <summary>For the writes that leave no trace of their writer.</summary>
    protected ObjectStore Untracked => store;

    protected TimeProvider Clock => clock;

    /// <summary>Kinds whose events reach <see cref="Map"/>.</summary>
    protected abstract IReadOnlyList<ResourceType> Watched { get; }

    protected WorkQueue Queue { get; } = new(clock);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var informers = Watched.Select(type => Task.Run(() => Informer.RunAsync(store, type, Map, stop.Token), CancellationToken.None)).ToList();
        try
        {
            await foreach (var key in Queue.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                Work(key);
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(informers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Queue.Dispose();
        }
    }

    /// <summary>Enqueues the keys that an event concerns; runs for one kind at a time, but for several kinds at once.</summary>
    protected abstract void Map(StoreEvent change);

    /// <summary>Brings one object nearer to what is wanted. Null: wait for the next event; else look again after that time.</summary>
    protected abstract TimeSpan? Reconcile(ObjectKey key);

    private void Work(ObjectKey key)
    {
        var failed = false;
        Queue.Begin(key);
        try
        {
            if (Reconcile(key) is { } again)
            {
                Queue.AddAfter(key, again);
            }
        }
        catch (StatusException ex) when (ex.IsNotFound || ex.IsConflict)
        {
            failed = true;   // somebody was faster; look again soon
        }
#pragma warning disable CA1031 // One object that cannot be reconciled must not stop the others.
        catch (Exception ex)
        {
            failed = true;
            LogFailed(logger, ex, Name, key.ToString());
        }
#pragma warning restore CA1031
        finally
        {
            Queue.Done(key, failed);
        }
    }

    [LoggerMessage(EventId = 3001, EventName = "ReconcileFailed", Level = LogLevel.Warning, Message = "{Controller} could not reconcile {Key}; it will be tried again")]
    private static partial void LogFailed(ILogger logger, Exception exception, string controller, string key);
}
