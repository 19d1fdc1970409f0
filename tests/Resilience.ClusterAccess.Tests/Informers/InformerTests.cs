using System.Collections.Concurrent;
using k8s.Models;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Informers;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Informers;

public sealed class InformerTests : IAsyncDisposable
{
    private readonly FakeApiServer _server = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _told = new();
    private Task _running = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    [Fact]
    public async Task Run_ObjectsExist_AreToldAsAddedBeforeSync()
    {
        Put("a");
        Put("b");

        var informer = await StartAsync();

        Assert.Equal(["Added a=1", "Added b=1"], _told);
        Assert.Equal(2, informer.Count);
        Assert.True(informer.HasSynced);
    }

    [Fact]
    public async Task Watch_Changes_AreToldInOrderAndCached()
    {
        var informer = await StartAsync();

        Put("a");
        Put("a", "2");
        _ = _server.Remove(ResourceTypes.ConfigMaps, "apps", "a");
        Put("b");

        await Told("Added a=1", "Modified a=2", "Deleted a=2", "Added b=1");
        Assert.Null(informer.Get("apps", "a"));
        Assert.Equal("1", informer.Get("apps", "b")?.Data["value"]);
    }

    [Fact]
    public async Task Watch_Callback_SeesTheCacheAlreadyChanged()
    {
        var informer = Create();
        var seen = new TaskCompletionSource<string?>();
        informer.Changed += change => seen.TrySetResult(informer.Get(change.Key)?.Data["value"]);
        await RunAsync(informer);

        Put("a", "fresh");

        Assert.Equal("fresh", await Eventually.WithinAsync(seen.Task, "the callback"));
    }

    [Fact]
    public async Task Watch_Expired_ListsAgainAndReportsTheDifference()
    {
        Put("stays");
        Put("goes");
        Put("changes");
        var informer = await StartAsync();
        _told.Clear();

        _server.Mute = true;   // the watch misses everything from here
        _ = _server.Remove(ResourceTypes.ConfigMaps, "apps", "goes");
        Put("changes", "2");
        Put("comes");
        _server.Compact();
        _server.Mute = false;
        _server.EndWatches(broken: true);

        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(100), () => _told.Count == 3, "three differences");
        Assert.Equal(["Deleted goes=1 (late)", "Modified changes=2 (late)", "Added comes=1 (late)"], _told);
        Assert.Equal(2, informer.Relists);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Watch_Ends_ResumesWithoutListingAndLosesNothing(bool broken)
    {
        Put("a");
        var informer = await StartAsync();

        _server.EndWatches(broken);
        Put("a", "2");
        Put("b");

        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(100), () => _told.Count == 3, "both changes");
        Assert.Equal(["Added a=1", "Modified a=2", "Added b=1"], _told);
        Assert.Equal(1, informer.Relists);
    }

    [Fact]
    public async Task Watch_EndsAfterABookmark_ResumesFromItAlthoughTheHistoryBeforeIsGone()
    {
        Put("a");
        var informer = await StartAsync();
        _server.Bookmark();
        _server.Compact();
        Put("mark");
        await Told("Added a=1", "Added mark=1");   // read after the bookmark, so the bookmark has been read

        _server.EndWatches(broken: false);
        Put("b");

        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(100), () => _told.Count == 3, "the change after the bookmark");
        Assert.Equal(1, informer.Relists);
    }

    [Fact]
    public async Task Watch_Silent_IsOpenedAnewAfterTheLimit()
    {
        var informer = await StartAsync();
        _server.Mute = true;
        Put("a");   // its event gets lost in a connection that is dead without saying so
        _server.Mute = false;
        var next = _server.NextRequest(r => r.IsWatch);

        _clock.Advance(TimeSpan.FromSeconds(74));
        Assert.False(next.IsCompleted, "reopened before the limit");
        _clock.Advance(TimeSpan.FromSeconds(2));

        _ = await Eventually.WithinAsync(next, "a new watch");
        await Told("Added a=1");
        Assert.Equal(1, informer.Relists);
    }

    [Fact]
    public async Task Run_ServerDown_KeepsTryingWithBoundedDelaysAndSyncsWhenItReturns()
    {
        _server.Inject = _ => RequestFault.LoseRequest;
        var informer = Create();
        _running = informer.RunAsync(_stop.Token);
        await Eventually.AfterAsync(_clock, TimeSpan.FromSeconds(1), () => _server.Requests.Count >= 10, "ten attempts");
        Assert.False(informer.IsConnected);
        Assert.False(informer.HasSynced);

        _server.Inject = _ => RequestFault.None;
        Put("a");
        _clock.Advance(TimeSpan.FromSeconds(5));   // the cap

        await informer.WaitForSyncAsync(_stop.Token).WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, _stop.Token);
        Assert.True(informer.IsConnected);
        Assert.NotNull(informer.Get("apps", "a"));
    }

    [Fact]
    public async Task Relist_ObjectWasRecreated_TellsDeletionAndAddition()
    {
        Put("a");
        _ = await StartAsync();
        _told.Clear();
        _server.Mute = true;
        _ = _server.Remove(ResourceTypes.ConfigMaps, "apps", "a");
        Put("a", "second life");
        _server.Compact();
        _server.Mute = false;

        _server.EndWatches(broken: true);

        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(100), () => _told.Count == 2, "both lives");
        Assert.Equal(["Deleted a=1 (late)", "Added a=second life (late)"], _told);
    }

    [Fact]
    public async Task Changed_OneHandlerThrows_OthersAndLaterEventsStillArrive()
    {
        var informer = Create(record: false);
        informer.Changed += _ => throw new InvalidOperationException("handler");
        informer.Changed += Record;
        await RunAsync(informer);

        Put("a");
        Put("b");

        await Told("Added a=1", "Added b=1");
    }

    [Fact]
    public async Task List_PageTokenExpires_StartsAgainWithoutPages()
    {
        for (var i = 0; i < 600; i++)
        {
            Put($"m{i:d3}");
        }

        _server.Inject = r => r.Query["continue"] is not null ? RequestFault.Expired : RequestFault.None;

        var informer = await StartAsync();

        Assert.Equal(600, informer.Count);
        Assert.Equal(600, _told.Count);
    }

    [Fact]
    public async Task List_ManyObjects_ArrivePageByPage()
    {
        for (var i = 0; i < 1_100; i++)
        {
            Put($"m{i:d4}");
        }

        var informer = await StartAsync();

        Assert.Equal(1_100, informer.Count);
        Assert.Equal(3, _server.Requests.Count(r => r.IsList));
    }

    [Fact]
    public async Task Scope_OneNamespace_DoesNotSeeOthers()
    {
        Put("a");
        _ = _server.Put(ResourceTypes.ConfigMaps, TestObjects.ConfigMap("x", ns: "elsewhere"));
        var informer = await StartAsync();
        Assert.Equal(1, informer.Count);
        Assert.Equal(["a"], informer.List("apps").Select(c => c.Metadata.Name));
    }

    [Fact]
    public async Task Scope_AllNamespaces_IndexesByNamespace()
    {
        Put("a");
        _ = _server.Put(ResourceTypes.ConfigMaps, TestObjects.ConfigMap("a", ns: "elsewhere"));
        var informer = Create(ns: null);
        await RunAsync(informer);

        Assert.Equal(2, informer.List().Count);
        Assert.Equal("elsewhere", Assert.Single(informer.List("elsewhere")).Metadata.NamespaceProperty);
        Assert.Empty(informer.List("nowhere"));
    }

    [Fact]
    public async Task Watch_ServerHangsUpAtOnce_IsNotStormed()
    {
        _ = await StartAsync();
        var before = _server.Requests.Count;
        _server.Inject = r => r.IsWatch ? RequestFault.ServerError : RequestFault.None;
        _server.EndWatches(broken: false);

        // Back-off from 50 ms to 5 s: about 8 attempts to reach the cap, then one in 2.5 to 5 s.
        var started = _clock.GetUtcNow();
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(250), () => _server.Requests.Count - before >= 20, "it keeps trying");
        Assert.InRange((_clock.GetUtcNow() - started).TotalSeconds, 25, double.MaxValue);
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 30)];

    /// <summary>Whatever is lost on the way, cache and told events end up equal to the server.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Cache_UnderFaults_EndsEqualToTheServer(int seed)
    {
        var random = new Random(seed);
        var mirror = new ConcurrentDictionary<string, string>();
        var informer = Create(record: false);
        informer.Changed += change =>
        {
            if (change.Kind == InformerEventKind.Deleted)
            {
                Assert.True(mirror.TryRemove(change.Key.Name, out _), $"deleted {change.Key} was never told");
            }
            else
            {
                var isNew = !mirror.ContainsKey(change.Key.Name);
                Assert.Equal(change.Kind == InformerEventKind.Added, isNew);
                mirror[change.Key.Name] = change.Item.Data["value"];
            }
        };
        await RunAsync(informer);

        for (var step = 0; step < 120; step++)
        {
            Mutate(random, step);
            await Task.Yield();
        }

        _server.Mute = false;
        _server.Inject = _ => RequestFault.None;
        _server.EndWatches(broken: true);
        bool Equal() => mirror.Count == informer.Count && _server.All(ResourceTypes.ConfigMaps) is var all && all.Count == mirror.Count
            && all.All(o => mirror.GetValueOrDefault((string)o["metadata"]!["name"]!) == (string?)o["data"]!["value"]);
        await Eventually.AfterAsync(_clock, TimeSpan.FromSeconds(1), Equal, "mirror, cache and server agree");
    }

    private void Mutate(Random random, int step)
    {
        switch (random.Next(12))
        {
            case 0:
                _server.EndWatches(broken: random.Next(2) == 0);
                break;
            case 1:
                _server.Compact();
                _server.EndWatches(broken: true);   // a live watch survives compaction; only a late one notices
                break;
            case 2:
                var lost = random.Next(2) == 0 ? RequestFault.LoseRequest : RequestFault.ServerError;
                _server.Inject = _ => lost;
                break;
            case 3 or 4:
                _server.Inject = _ => RequestFault.None;
                break;
            case 5:
                _clock.Advance(TimeSpan.FromSeconds(random.Next(10)));
                break;
            case 6 or 7:
                _ = _server.Remove(ResourceTypes.ConfigMaps, "apps", $"m{random.Next(6)}");
                break;
            default:
                Put($"m{random.Next(6)}", $"{step}");
                break;
        }
    }

    private void Put(string name, string value = "1") => _server.Put(ResourceTypes.ConfigMaps, TestObjects.ConfigMap(name, value));

    private void Record(InformerEvent<V1ConfigMap> change) =>
        _told.Enqueue($"{change.Kind} {change.Key.Name}={change.Item.Data["value"]}{(change.NoticedByRelist ? " (late)" : "")}");

    private Task Told(params string[] expected) =>
        Eventually.TrueAsync(() => expected.SequenceEqual(_told), $"[{string.Join(", ", expected)}]; told so far: [{string.Join(", ", _told)}]");

    private Informer<V1ConfigMap> Create(bool record = true, string? ns = "apps")
    {
        var informer = TestObjects.Informer(_server.Connect(_clock), _clock, ns: ns);
        if (record)
        {
            informer.Changed += Record;
        }

        return informer;
    }

    private async Task<Informer<V1ConfigMap>> StartAsync()
    {
        var informer = Create();
        await RunAsync(informer);
        return informer;
    }

    /// <summary>Returns once the informer has listed and its first watch is open.</summary>
    private async Task RunAsync(Informer<V1ConfigMap> informer)
    {
        _running = informer.RunAsync(_stop.Token);
        await informer.WaitForSyncAsync(_stop.Token).WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, _stop.Token);
        await Eventually.TrueAsync(() => _server.OpenWatches > 0, "an open watch");
    }
}
