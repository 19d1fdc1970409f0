using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Resilience.ClusterAccess.Queues;

/// <summary>Delays of a <see cref="WorkQueue{TKey}"/> after failures.</summary>
public sealed record WorkQueueOptions
{
    /// <summary>Default 5 ms: the first retry after a conflict should not be felt.</summary>
    public TimeSpan BackoffFirst { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Default 5 s.</summary>
    public TimeSpan BackoffCap { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>
/// Keys to reconcile. A key is in the queue at most once; a key added while a worker has it comes back when the worker
/// is <see cref="Done"/>, so one key is never worked on twice at a time and no change is lost. Memory is bounded by
/// the number of distinct keys.
/// </summary>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a queue.")]
public sealed class WorkQueue<TKey> : IDisposable
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _clock;
    private readonly WorkQueueOptions _options;
    private readonly WorkQueueMetrics? _metrics;
    private readonly Queue<TKey> _ready = new();
    private readonly Dictionary<TKey, long> _waitingSince = [];   // in _ready, or dirty while being processed
    private readonly HashSet<TKey> _processing = [];
    private readonly Dictionary<TKey, Delayed> _delayed = [];
    private readonly SortedSet<Delayed> _byDue = [];
    private readonly Dictionary<TKey, int> _failures = [];
    private readonly SemaphoreSlim _available = new(0);
    private readonly ITimer _timer;
    private long _sequence;
    private bool _disposed;

    public WorkQueue(TimeProvider clock, WorkQueueOptions? options = null, WorkQueueMetrics? metrics = null)
    {
        _clock = clock;
        _options = options ?? new();
        _metrics = metrics;
        _timer = clock.CreateTimer(static queue => ((WorkQueue<TKey>)queue!).ReleaseDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        metrics?.Observe(() => Depth);
    }

    /// <summary>Keys ready for a worker; those being worked on or waiting for their time are not counted.</summary>
    public int Depth
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count;
            }
        }
    }

    /// <summary>Makes the key ready now; a delay it still had to wait is dropped.</summary>
    public void Add(TKey key)
    {
        lock (_gate)
        {
            DropDelay(key);
            AddLocked(key);
        }
    }

    /// <summary>Makes the key ready after the delay. Of several delays for one key the earliest counts.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        lock (_gate)
        {
            var due = new Delayed(_clock.GetTimestamp() + (long)(delay.TotalSeconds * _clock.TimestampFrequency), _sequence++, key);
            if (_disposed || (_delayed.TryGetValue(key, out var earlier) && earlier.Due <= due.Due))
            {
                return;
            }

            DropDelay(key);
            _delayed[key] = due;
            _ = _byDue.Add(due);
            if (_byDue.Min.Sequence == due.Sequence)
            {
                _ = _timer.Change(delay, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Retries a failed key later: 1, 2, 4, … times the first delay up to the cap, until <see cref="Forget"/>.</summary>
    /// <returns>The delay chosen.</returns>
    public TimeSpan AddWithBackoff(TKey key)
    {
        TimeSpan delay;
        lock (_gate)
        {
            var failures = _failures.GetValueOrDefault(key);
            _failures[key] = failures + 1;
            var ticks = Math.Min(_options.BackoffCap.Ticks, _options.BackoffFirst.Ticks * Math.Pow(2, Math.Min(failures, 40)));
            delay = TimeSpan.FromTicks((long)ticks);
        }

        _metrics?.Retried();
        AddAfter(key, delay);
        return delay;
    }

    /// <summary>Ends the key's back-off; call after success.</summary>
    public void Forget(TKey key)
    {
        lock (_gate)
        {
            _ = _failures.Remove(key);
        }
    }

    /// <summary>Failures in a row of this key.</summary>
    public int Failures(TKey key)
    {
        lock (_gate)
        {
            return _failures.GetValueOrDefault(key);
        }
    }

    /// <summary>The worker has finished with the key, successfully or not. If the key was added meanwhile it is ready again.</summary>
    public void Done(TKey key)
    {
        lock (_gate)
        {
            if (_processing.Remove(key) && _waitingSince.ContainsKey(key))
            {
                MakeReady(key);
            }
        }
    }

    /// <summary>Keys as they become ready; several enumerators share the work. Every key must be given back by <see cref="Done"/>.</summary>
    public async IAsyncEnumerable<TKey> ReadAllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        while (true)
        {
            await _available.WaitAsync(ct).ConfigureAwait(false);
            TKey key;
            lock (_gate)
            {
                if (_disposed)
                {
                    yield break;
                }

                key = Take();
            }

            yield return key;
        }
    }

    /// <summary>Takes a key if one is ready; for loops that must not wait, such as a simulation.</summary>
    public bool TryRead([MaybeNullWhen(false)] out TKey key)
    {
        key = default;
        if (!_available.Wait(TimeSpan.Zero))
        {
            return false;
        }

        lock (_gate)
        {
            key = _disposed ? default : Take();
            return !_disposed;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        _timer.Dispose();
        _ = _available.Release(1024);   // wakes every enumerator; they see _disposed and end
    }

    private TKey Take()
    {
        var key = _ready.Dequeue();
        _ = _waitingSince.Remove(key, out var since);
        _ = _processing.Add(key);
        _metrics?.Taken(_clock.GetElapsedTime(since));
        return key;
    }

    private void AddLocked(TKey key)
    {
        if (_disposed || !_waitingSince.TryAdd(key, _clock.GetTimestamp()))
        {
            return;
        }

        _metrics?.Added();
        if (!_processing.Contains(key))
        {
            MakeReady(key);
        }
    }

    private void MakeReady(TKey key)
    {
        _ready.Enqueue(key);
        _ = _available.Release();
    }

    private void DropDelay(TKey key)
    {
        if (_delayed.Remove(key, out var entry))
        {
            _ = _byDue.Remove(entry);
        }
    }

    private void ReleaseDue()
    {
        lock (_gate)
        {
            var now = _clock.GetTimestamp();
            while (_byDue.Count > 0 && _byDue.Min.Due <= now)
            {
                var key = _byDue.Min.Key;
                DropDelay(key);
                AddLocked(key);
            }

            if (_byDue.Count > 0 && !_disposed)
            {
                // Never zero: a timer may fire a fraction early, and must not spin until the moment has come.
                var wait = TimeSpan.FromSeconds((double)(_byDue.Min.Due - now) / _clock.TimestampFrequency);
                _ = _timer.Change(TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(wait.TotalMilliseconds))), Timeout.InfiniteTimeSpan);
            }
        }
    }

    private readonly record struct Delayed(long Due, long Sequence, TKey Key) : IComparable<Delayed>
    {
        public int CompareTo(Delayed other) => Due != other.Due ? Due.CompareTo(other.Due) : Sequence.CompareTo(other.Sequence);
    }
}
