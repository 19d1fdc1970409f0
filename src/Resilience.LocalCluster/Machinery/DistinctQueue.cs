using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Resilience.LocalCluster.Machinery;

/// <summary>Work for one reader, at most one entry a key: what is added again while it waits replaces what was there.</summary>
internal sealed class DistinctQueue<TKey, TItem>
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, TItem> _waiting = [];
    private readonly Channel<TKey> _order = Channel.CreateUnbounded<TKey>(new() { SingleReader = true });   // bounded by the keys there are

    public void Add(TKey key, TItem item)
    {
        lock (_gate)
        {
            if (_waiting.TryAdd(key, item))
            {
                _ = _order.Writer.TryWrite(key);
            }
            else
            {
                _waiting[key] = item;
            }
        }
    }

    public async IAsyncEnumerable<TItem> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var key in _order.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            TItem? item;
            lock (_gate)
            {
                _ = _waiting.Remove(key, out item);
            }

            yield return item!;
        }
    }
}
