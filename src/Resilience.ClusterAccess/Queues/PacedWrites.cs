using System.Collections.Concurrent;

namespace Resilience.ClusterAccess.Queues;

/// <summary>
/// Writes that may wait behind the decisions they tell of: whoever has news notes its key, and a key is written at most once per interval
/// however often it is noted. A write that fails is tried again after 0.2, 0.4, 0.8 s and so on, at most every 10 s.
/// </summary>
/// <param name="interval">Least time between two writes of one key.</param>
/// <param name="settle">Least time from a note to its write, so that what follows at once is written with it; zero: the first write is immediate.</param>
public sealed class PacedWrites<TKey>(TimeProvider clock, TimeSpan interval, TimeSpan settle) : IDisposable
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, long> _writtenAt = new();
    private readonly WorkQueue<TKey> _due = new(clock, new() { BackoffFirst = TimeSpan.FromMilliseconds(200), BackoffCap = TimeSpan.FromSeconds(10) });

    /// <summary>There is something new to write.</summary>
    public void Note(TKey key)
    {
        var wait = _writtenAt.TryGetValue(key, out var at) ? interval - clock.GetElapsedTime(at) : TimeSpan.Zero;
        _due.AddAfter(key, wait > settle ? wait : settle);
    }

    /// <summary>The key's next note is written as a first one.</summary>
    public void Forget(TKey key) => _writtenAt.TryRemove(key, out _);

    /// <summary><see cref="Forget"/> for every key.</summary>
    public void Reset() => _writtenAt.Clear();

    /// <summary>Writes until cancelled.</summary>
    /// <param name="write">Writes the newest there is to say of a key.</param>
    /// <param name="notWritten">Told of a failure: key, message, time until the next attempt.</param>
    /// <exception cref="OperationCanceledException">Always, in the end.</exception>
    public async Task RunAsync(Func<TKey, CancellationToken, Task> write, Action<TKey, string, TimeSpan> notWritten, CancellationToken cancellationToken)
    {
        await foreach (var key in _due.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                _writtenAt[key] = clock.GetTimestamp();
                await write(key, cancellationToken).ConfigureAwait(false);
                _due.Forget(key);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                notWritten(key, failure.Message, _due.AddWithBackoff(key));
            }
            finally
            {
                _due.Done(key);
            }
        }
    }

    public void Dispose() => _due.Dispose();
}
