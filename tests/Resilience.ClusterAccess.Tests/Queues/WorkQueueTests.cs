using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Queues;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Queues;

public sealed class WorkQueueTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new();
    private readonly WorkQueue<string> _queue;

    public WorkQueueTests() => _queue = new(_clock);

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void Add_SameKeyTwice_IsReadOnce()
    {
        _queue.Add("a");
        _queue.Add("a");
        _queue.Add("b");
        Assert.Equal(["a", "b"], Drain());
    }

    [Fact]
    public void Add_WhileProcessing_ComesBackAfterDoneAndNotBefore()
    {
        _queue.Add("a");
        Assert.True(_queue.TryRead(out _));

        _queue.Add("a");
        _queue.Add("a");
        Assert.False(_queue.TryRead(out _), "one key must not be worked on twice at a time");

        _queue.Done("a");
        Assert.Equal(["a"], Drain());
    }

    [Fact]
    public void AddAfter_Delay_IsReadyOnTime()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(3));
        _clock.Advance(TimeSpan.FromSeconds(2.999));
        Assert.False(_queue.TryRead(out _));
        _clock.Advance(TimeSpan.FromSeconds(0.001));
        Assert.Equal(["a"], Drain());
    }

    [Fact]
    public void AddAfter_SeveralDelays_TheEarliestCountsOnce()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(9));
        _queue.AddAfter("a", TimeSpan.FromSeconds(2));
        _queue.AddAfter("a", TimeSpan.FromSeconds(5));
        _queue.AddAfter("b", TimeSpan.FromSeconds(1));

        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["b", "a"], Drain());
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Empty(Drain());
    }

    [Fact]
    public void Add_WhileDelayed_DropsTheDelay()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(9));
        _queue.Add("a");
        Assert.Equal(["a"], Drain());
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Empty(Drain());
    }

    [Fact]
    public void AddAfter_WhileProcessing_WaitsForItsTimeAndForDone()
    {
        _queue.Add("a");
        Assert.True(_queue.TryRead(out _));
        _queue.AddAfter("a", TimeSpan.FromSeconds(1));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_queue.TryRead(out _));
        _queue.Done("a");
        Assert.Equal(["a"], Drain());
    }

    [Fact]
    public void AddWithBackoff_FailuresInARow_DoubleUpToTheCapUntilForgotten()
    {
        var delays = Enumerable.Range(0, 12).Select(_ => _queue.AddWithBackoff("a").TotalMilliseconds).ToList();
        Assert.Equal([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000], delays);
        Assert.Equal(5, _queue.AddWithBackoff("b").TotalMilliseconds);   // keys do not share their failures

        _queue.Forget("a");
        Assert.Equal(0, _queue.Failures("a"));
        Assert.Equal(5, _queue.AddWithBackoff("a").TotalMilliseconds);
    }

    [Fact]
    public async Task ReadAll_SeveralWorkers_NeverShareAKeyAndLoseNothing()
    {
        using var queue = new WorkQueue<int>(TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var versions = new int[8];
        var done = new int[8];
        var busy = new int[8];
        var workers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            await foreach (var key in queue.ReadAllAsync(stop.Token))
            {
                Assert.Equal(1, Interlocked.Increment(ref busy[key]));
                var seen = Volatile.Read(ref versions[key]);
                await Task.Yield();
                Volatile.Write(ref done[key], seen);
                _ = Interlocked.Decrement(ref busy[key]);
                queue.Done(key);
            }
        })).ToList();

        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var key = random.Next(8);
            _ = Interlocked.Increment(ref versions[key]);
            queue.Add(key);
        }

        await Eventually.TrueAsync(() => versions.SequenceEqual(done), "every last change was worked on");
        queue.Dispose();
        await Task.WhenAll(workers);   // dispose ends the enumerations in order
    }

    [Fact]
    public void AddAfter_OverAndOver_KeepsOneEntryPerKey()
    {
        for (var i = 0; i < 10_000; i++)
        {
            _queue.AddAfter("a", TimeSpan.FromHours(1));
            _queue.AddAfter("a", TimeSpan.FromMilliseconds(1));
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            Assert.Equal(["a"], Drain());
        }
    }

    private List<string> Drain()
    {
        var keys = new List<string>();
        while (_queue.TryRead(out var key))
        {
            keys.Add(key);
            _queue.Done(key);
        }

        return keys;
    }
}
