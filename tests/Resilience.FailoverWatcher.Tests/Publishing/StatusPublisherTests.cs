using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Events;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Publishing;
using Resilience.FailoverWatcher.Reconciling;
using Resilience.Testing;

namespace Resilience.FailoverWatcher.Tests.Publishing;

public sealed class StatusPublisherTests : IAsyncLifetime
{
    private static readonly BlueGreenKey Key = new("shop", "web");

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly FakeApiServer _server = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _resign = new();
    private readonly WatcherInformers _informers;
    private readonly EventRecorder _events;
    private readonly LeaseElection _election;
    private readonly StatusPublisher _publisher;
    private readonly List<Task> _running = [];

    public StatusPublisherTests()
    {
        var api = _server.Connect(_clock, TimeSpan.FromDays(1));
        _informers = new(api, new(), new PodHistory(_clock), _clock, NullLoggerFactory.Instance);
        _events = new(api, new() { Component = "failover-watcher", Instance = "one" }, _clock, NullLogger<EventRecorder>.Instance);
        _election = new(api, new() { Namespace = "shop", Name = "failover-watcher", Identity = "one" }, _clock, NullLogger<LeaseElection>.Instance);
        _publisher = new(api, _informers, _events, _election, Options.Create(new WatcherOptions()), _clock, NullLogger<StatusPublisher>.Instance);
    }

    public async ValueTask InitializeAsync()
    {
        Put(ResourceTypes.BlueGreens, "web", new() { ["spec"] = new JsonObject { ["service"] = "web" } });
        Put(ResourceTypes.Switchovers, "drill", new() { ["spec"] = new JsonObject { ["blueGreen"] = "web", ["to"] = "green" } });
        _running.Add(_informers.RunAsync(_stop.Token));
        _running.Add(_publisher.RunAsync(_stop.Token));
        await _informers.WaitForSyncAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _resign.CancelAsync();
        await StopAsync();
        _publisher.Dispose();
        _events.Dispose();
        _stop.Dispose();
        _resign.Dispose();
    }

    [Fact]
    public async Task Publish_WhileLeading_IsWrittenOnceAndAtMostOncePerInterval()
    {
        await LeadAsync();
        var before = _clock.GetUtcNow();
        for (var i = 0; i < 20; i++)
        {
            Publish(Status($"message {i}"));
        }
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => Message() == "message 19", "the newest is written");
        Assert.Single(StatusWrites());

        Publish(Status("later"));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => Message() == "later", "the next one follows");
        // The first write began after `before`, and this one at least an interval after that.
        Assert.InRange(_clock.GetUtcNow() - before, new WatcherOptions().StatusInterval, TimeSpan.MaxValue);
        Assert.Equal(2, StatusWrites().Count);
        Publish(Status("later"));   // nothing new
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, StatusWrites().Count);
    }

    [Fact]
    public async Task Publish_NotLeading_WritesNothing()
    {
        Publish(Status("a follower's opinion"));
        _clock.Advance(TimeSpan.FromSeconds(1));
        await LeadAsync();
        Publish(Status("the leader's word"));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => Message() == "the leader's word", "the leader's is written");
        Assert.DoesNotContain(StatusWrites(), write => (string?)write.Body!["status"]!["message"] == "a follower's opinion");
    }

    [Fact]
    public async Task Publish_LeadershipEndsBeforeTheWrite_IsNotWrittenOverTheSuccessors()
    {
        await LeadAsync();
        Publish(Status("the last word"));   // due in a moment
        await _resign.CancelAsync();
        await Task.WhenAll(_running[^1]);
        Assert.False(_election.IsLeader);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await StopAsync();   // whatever the publisher had begun is done
        Assert.Empty(StatusWrites());
    }

    [Fact]
    public async Task Publish_Switchover_IsPatchedConditionally()
    {
        await LeadAsync();
        Publish(Status("moving", SwitchoverPhase.Verifying));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => Phase() == "Verifying", "its progress is written");
        var patch = Assert.Single(SwitchoverWrites());
        Assert.NotNull(patch.Body!["metadata"]!["resourceVersion"]);
        Publish(Status("still moving", SwitchoverPhase.Verifying));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => Message() == "still moving", "the BlueGreen's status is written");
        Assert.Single(SwitchoverWrites());   // the same phase needs no word
    }

    [Fact]
    public async Task Publish_SwitchoverHasEnded_IsNeverOverwritten()
    {
        SetPhase("Rejected");
        await Eventually.TrueAsync(() => CachedPhase() == "Rejected", "the cache knows");
        await LeadAsync();
        Publish(Status("moving", SwitchoverPhase.Verifying));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => Message() == "moving", "the BlueGreen's status is written");
        Assert.Equal("Rejected", Phase());
        Assert.Empty(SwitchoverWrites());
    }

    [Fact]
    public async Task Publish_SwitchoverEndedUnseen_ConflictsAndStaysEnded()
    {
        await LeadAsync();
        _server.Mute = true;   // the cache is behind from here on
        SetPhase("Switched");
        Publish(Status("moving", SwitchoverPhase.Verifying));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => SwitchoverWrites().Count >= 2, "it is tried, refused and tried again");
        Assert.Equal("Switched", Phase());
    }

    [Fact]
    public async Task Publish_SwitchoverOfThatNameIsAnotherOne_IsLeftAlone()
    {
        await LeadAsync();
        Publish(Status("moving", SwitchoverPhase.Verifying, uid: "an earlier one's"));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(30), () => Message() == "moving", "the BlueGreen's status is written");
        Assert.Empty(SwitchoverWrites());
    }

    [Fact]
    public async Task Publish_ServerFails_IsWrittenLater()
    {
        await LeadAsync();
        var left = 3;
        _server.Inject = request => request.Path.EndsWith("/status", StringComparison.Ordinal) && left-- > 0 ? RequestFault.ServerError : RequestFault.None;
        Publish(Status("stubborn"));
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(100), () => Message() == "stubborn", "it is written in the end");
    }

    private async Task LeadAsync()
    {
        _running.Add(_election.RunAsync(_resign.Token));
        await Eventually.TrueAsync(() => _election.IsLeader, "it leads");
    }

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Publish(FailoverStatus status) => _publisher.Publish(Key, status, []);

    private FailoverStatus Status(string message, SwitchoverPhase? phase = null, string? uid = null) => new()
    {
        Mode = FailoverMode.Auto, Active = Slot.Blue, Blue = new(2, 2, true), Green = new(2, 2, true), Message = message,
        Switchover = phase is { } told
            ? new(uid ?? (string)_server.Get(ResourceTypes.Switchovers, "shop", "drill")!["metadata"]!["uid"]!, "drill", told, _clock.GetUtcNow(), Slot.Blue, Slot.Green, "because")
            : null,
    };

    private List<FakeRequest> StatusWrites() => Writes("/bluegreens/web/status");

    private List<FakeRequest> SwitchoverWrites() => Writes("/switchovers/drill/status");

    private List<FakeRequest> Writes(string path) => [.. _server.Requests.ToArray().Where(r => r is { Method: "PATCH" } && r.Path.EndsWith(path, StringComparison.Ordinal))];

    private string? Message() => (string?)_server.Get(ResourceTypes.BlueGreens, "shop", "web")!["status"]?["message"];

    private string? Phase() => (string?)_server.Get(ResourceTypes.Switchovers, "shop", "drill")!["status"]?["phase"];

    private string? CachedPhase() => _informers.Switchovers.Get("shop", "drill")?.Status?.Phase;

    private void SetPhase(string phase)
    {
        var switchover = _server.Get(ResourceTypes.Switchovers, "shop", "drill")!;
        switchover["status"] = new JsonObject { ["phase"] = phase };
        _server.Put(ResourceTypes.Switchovers, switchover);
    }

    private void Put(ResourceType type, string name, JsonObject rest)
    {
        rest["apiVersion"] = type.ApiVersion;
        rest["kind"] = type.Kind;
        rest["metadata"] = new JsonObject { ["namespace"] = "shop", ["name"] = name };
        _server.Put(type, rest);
    }
}
