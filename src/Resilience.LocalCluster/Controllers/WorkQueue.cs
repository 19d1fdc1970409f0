using System.Threading.Channels;

namespace Resilience.LocalCluster.Controllers;

internal readonly record struct ObjectKey(string? Namespace, string Name)
{
    public override string ToString() => Namespace is null ? Name : $"{Namespace}/{Name}";
}

/// <summary>
/// Keys to look at, each at most once at a time: a key added while it waits is one entry, a key added while it is being worked
/// on comes back afterwards.
/// </summary>
internal sealed class WorkQueue(TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Channel<ObjectKey> _ready = Channel.CreateUnbounded<ObjectKey>(new() { SingleReader = true });   // bounded by the keys there are
    private readonly HashSet<ObjectKey> _waiting = [];
    private readonly HashSet<ObjectKey> _again = [];
    private readonly HashSet<ObjectKey> _working = [];
    private readonly Dictionary<ObjectKey, int> _failures = [];
    private readonly Dictionary<ObjectKey, (ITimer Timer, DateTimeOffset Due)> _later = [];

    public void Add(ObjectKey key)
    {
        lock (_gate)
        {
            if (_working.Contains(key))
            {
                _ = _again.Add(key);
            }
            else if (_waiting.Add(key))
            {
                _ = _ready.Writer.TryWrite(key);
            }
        }
    }

    /// <summary>Adds the key at a later time; of several times asked for, the earliest counts.</summary>
    public void AddAfter(ObjectKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        var due = clock.GetUtcNow() + delay;
        lock (_gate)
        {
            if (_later.TryGetValue(key, out var planned))
            {
                if (planned.Due <= due)
                {
                    return;
                }

                planned.Timer.Dispose();
            }

            _later[key] = (clock.CreateTimer(_ => Fire(key), null, delay, Timeout.InfiniteTimeSpan), due);
        }
    }

    public IAsyncEnumerable<ObjectKey> ReadAllAsync(CancellationToken cancellationToken) => _ready.Reader.ReadAllAsync(cancellationToken);

    public void Begin(ObjectKey key)
    {
        lock (_gate)
        {
            _ = _waiting.Remove(key);
            _ = _working.Add(key);
        }
    }

    /// <summary>Ends the work on a key; a failed one returns after a delay that doubles with each failure in a row.</summary>
    public void Done(ObjectKey key, bool failed)
    {
        var delay = TimeSpan.Zero;
        lock (_gate)
        {
            _ = _working.Remove(key);
            if (_again.Remove(key) && _waiting.Add(key))
            {
                _ = _ready.Writer.TryWrite(key);
            }

            if (!failed)
            {
                _ = _failures.Remove(key);
                return;
            }

            var count = _failures[key] = _failures.GetValueOrDefault(key) + 1;
            delay = TimeSpan.FromTicks(Math.Min(LongestBackOff.Ticks, FirstBackOff.Ticks << Math.Min(count, 20)));
        }

        AddAfter(key, delay);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (timer, _) in _later.Values)
            {
                timer.Dispose();
            }

            _later.Clear();
        }
    }

    private void Fire(ObjectKey key)
    {
        lock (_gate)
        {
            if (_later.Remove(key, out var planned))
            {
                planned.Timer.Dispose();
            }
        }

        Add(key);
    }
}
