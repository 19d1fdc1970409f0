using System.Threading.Channels;

namespace Resilience.LocalCluster.Storage;

/// <summary>
/// One subscription: the replayed history first, then live events in commit order. The buffer is bounded; a reader that falls
/// behind it is cut off with Expired (410) and has to list again, as on a real server.
/// </summary>
internal sealed class StoreWatch : IDisposable
{
    private readonly Channel<StoreEvent> _channel;
    private readonly Action<StoreWatch> _unsubscribe;

    internal StoreWatch(int capacity, Action<StoreWatch> unsubscribe)
    {
        _unsubscribe = unsubscribe;
        _channel = Channel.CreateBounded<StoreEvent>(new BoundedChannelOptions(capacity)
        {
            SingleReader = true,
            SingleWriter = true,
            FullMode = BoundedChannelFullMode.Wait,
        });
    }

    /// <summary>Completes with a <see cref="StatusException"/> when the reader was too slow.</summary>
    public ChannelReader<StoreEvent> Events => _channel.Reader;

    public void Dispose()
    {
        _unsubscribe(this);
        _channel.Writer.TryComplete();
    }

    /// <summary>False when the watch is over and should be forgotten.</summary>
    internal bool Publish(StoreEvent change)
    {
        if (_channel.Writer.TryWrite(change))
        {
            return true;
        }

        _channel.Writer.TryComplete(StatusException.Expired("The watch fell too far behind and was closed; list again."));
        return false;
    }
}
