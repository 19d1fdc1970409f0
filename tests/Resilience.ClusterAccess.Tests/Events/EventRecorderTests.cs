using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Events;
using Resilience.Testing;

namespace Resilience.ClusterAccess.Tests.Events;

public sealed class EventRecorderTests
{
    private readonly FakeApiServer _server = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, 250, TimeSpan.Zero));

    [Fact]
    public async Task Record_OneEvent_IsWrittenAsTheServerWantsIt()
    {
        using var recorder = Recorder();
        Record(recorder, "Traffic moves.");
        await FlushAsync(recorder);

        var written = Assert.Single(Written());
        Assert.Equal(("TrafficMoved", "Failover", "Warning", "Traffic moves."),
            ((string?)written["reason"], (string?)written["action"], (string?)written["type"], (string?)written["message"]));
        Assert.Equal(1, (int?)written["count"]);
        Assert.Equal("2026-01-01T12:00:00Z", (string?)written["firstTimestamp"]);
        Assert.StartsWith("2026-01-01T12:00:00.25", (string?)written["eventTime"], StringComparison.Ordinal);
        Assert.Equal(("ConfigMap", "web", "uid-web"),
            ((string?)written["involvedObject"]!["kind"], (string?)written["involvedObject"]!["name"], (string?)written["involvedObject"]!["uid"]));
        Assert.Equal(("watcher", "watcher", "pod-1"),
            ((string?)written["source"]!["component"], (string?)written["reportingComponent"], (string?)written["reportingInstance"]));
    }

    [Fact]
    public async Task Record_SameAgain_RaisesTheCountOfOneEventAndAtMostOncePerInterval()
    {
        using var recorder = Recorder();
        Record(recorder, "again");
        await FlushAsync(recorder);
        for (var i = 0; i < 50; i++)
        {
            Record(recorder, "again");
            await FlushAsync(recorder);
        }

        Assert.Equal(1, (int?)Assert.Single(Written())["count"]);
        Assert.Equal(1, _server.Requests.Count(r => r.IsWrite));
        _clock.Advance(TimeSpan.FromSeconds(1));
        await FlushAsync(recorder);

        Assert.Equal(51, (int?)Assert.Single(Written())["count"]);
        Assert.Equal(2, _server.Requests.Count(r => r.IsWrite));
        Assert.Equal("2026-01-01T12:00:00Z", (string?)Written()[0]["lastTimestamp"]);
    }

    [Fact]
    public async Task Record_SameAfterTheAggregationTime_IsAnotherEvent()
    {
        using var recorder = Recorder();
        Record(recorder, "again");
        await FlushAsync(recorder);
        _clock.Advance(TimeSpan.FromMinutes(11));
        Record(recorder, "again");
        await FlushAsync(recorder);
        Assert.Equal(2, Written().Count);
    }

    [Fact]
    public async Task Record_ManyDifferentMessages_ShareOneEventFromTheLimitOn()
    {
        using var recorder = Recorder();
        for (var i = 0; i < 40; i++)
        {
            Record(recorder, $"{i} pods are gone");
            await FlushAsync(recorder);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(11, Written().Count);
        var shared = Written().Single(e => ((string)e["message"]!).StartsWith("(one of several", StringComparison.Ordinal));
        Assert.Equal(30, (int?)shared["count"]);
        Assert.EndsWith("39 pods are gone", (string?)shared["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Record_MoreThanTheCapacityUnsent_ForgetsTheOldestAndCountsThem()
    {
        using var recorder = Recorder(new() { Component = "watcher", Instance = "pod-1", Capacity = 20 });
        for (var i = 0; i < 100; i++)
        {
            Record(recorder, "lost", name: $"web-{i}");
        }

        await FlushAsync(recorder);
        Assert.Equal(80, recorder.Lost);
        Assert.Equal(Enumerable.Range(80, 20).Select(i => $"web-{i}").Order(StringComparer.Ordinal),
            Written().Select(e => (string)e["involvedObject"]!["name"]!).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("🚀")]
    public async Task Record_LongMessage_FitsTheServersLimitInBytes(string letter)
    {
        using var recorder = Recorder();
        for (var i = 0; i < 12; i++)
        {
            Record(recorder, i + string.Concat(Enumerable.Repeat(letter, 2_000)));   // the last two share an event and get a prefix
        }

        await FlushAsync(recorder);
        Assert.Equal(11, Written().Count);
        Assert.All(Written(), e =>
        {
            var text = (string)e["message"]!;
            Assert.InRange(Encoding.UTF8.GetByteCount(text), 1_018, 1_024);
            Assert.EndsWith(letter + "…", text, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Record_LongNames_FitTheServersLimits()
    {
        using var recorder = Recorder(new() { Component = "watcher", Instance = new string('p', 200) });
        Record(recorder, "a", name: new string('n', 253));
        await FlushAsync(recorder);
        Assert.Equal(253, ((string)Written()[0]["metadata"]!["name"]!).Length);
        Assert.Equal(128, ((string)Written()[0]["reportingInstance"]!).Length);
    }

    [Fact]
    public async Task Flush_AnswerIsLost_IsTriedAgainWithoutAnotherEvent()
    {
        using var recorder = Recorder();
        _server.Inject = _ => RequestFault.LoseResponse;
        Record(recorder, "once");
        await FlushAsync(recorder);
        _server.Inject = _ => RequestFault.None;
        _clock.Advance(TimeSpan.FromSeconds(2));
        await FlushAsync(recorder);

        Assert.Equal(1, (int?)Assert.Single(Written())["count"]);
        Assert.Equal(0, recorder.Lost);
    }

    [Fact]
    public async Task Flush_ServerRefusesThrice_GivesUpAndGoesOnWithTheNext()
    {
        using var recorder = Recorder();
        _server.Inject = r => ((string?)r.Body?["reason"]) == "TrafficMoved" ? RequestFault.ServerError : RequestFault.None;
        Record(recorder, "refused");
        Record(recorder, "fine", reason: "HoldDown");
        for (var i = 0; i < 20; i++)
        {
            await FlushAsync(recorder);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal("fine", (string?)Assert.Single(Written())["message"]);
        Assert.Equal(3, _server.Requests.Count(r => (string?)r.Body?["reason"] == "TrafficMoved"));
        Assert.Equal(1, recorder.Lost);
    }

    [Fact]
    public async Task Flush_TroubleLongAgo_DoesNotShortenThePatienceOfToday()
    {
        using var recorder = Recorder();
        for (var time = 0; time < 5; time++)
        {
            Record(recorder, "again");
            _server.Inject = _ => RequestFault.ServerError;
            await FlushAsync(recorder);
            _server.Inject = _ => RequestFault.None;
            _clock.Advance(TimeSpan.FromSeconds(5));
            await FlushAsync(recorder);
            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(5, (int?)Assert.Single(Written())["count"]);
        Assert.Equal(0, recorder.Lost);
    }

    [Fact]
    public async Task Flush_ServerHasForgottenTheEvent_WritesItAnew()
    {
        using var recorder = Recorder();
        Record(recorder, "again");
        await FlushAsync(recorder);
        Assert.True(_server.Remove(ResourceTypes.Events, "apps", (string)Written()[0]["metadata"]!["name"]!));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Record(recorder, "again");
        await FlushAsync(recorder);
        Assert.Equal(2, (int?)Assert.Single(Written())["count"]);
    }

    [Fact]
    public async Task Run_Stopped_SendsWhatIsLeftFirst()
    {
        using var recorder = Recorder();
        using var stop = new CancellationTokenSource();
        var running = recorder.RunAsync(stop.Token);
        Record(recorder, "again");
        await Eventually.TrueAsync(() => Written().Count == 1, "it is sent at once");
        Record(recorder, "again");   // not due for another second
        await stop.CancelAsync();
        _ = await Eventually.WithinAsync(running.ContinueWith(_ => true, TaskScheduler.Default), "it ends");
        Assert.Equal(2, (int?)Assert.Single(Written())["count"]);
    }

    private EventRecorder Recorder(EventRecorderOptions? options = null) =>
        new(_server.Connect(_clock), options ?? new() { Component = "watcher", Instance = "pod-1" }, _clock, NullLogger<EventRecorder>.Instance);

    private static void Record(EventRecorder recorder, string message, string name = "web", string reason = "TrafficMoved") =>
        recorder.Record(ResourceTypes.ConfigMaps, new V1ConfigMap { Metadata = new() { Name = name, NamespaceProperty = "apps", Uid = "uid-" + name } },
            EventSeverity.Warning, reason, "Failover", message);

    private static async Task FlushAsync(EventRecorder recorder) => _ = await recorder.FlushAsync(all: false, TestContext.Current.CancellationToken);

    private IReadOnlyList<JsonObject> Written() => _server.All(ResourceTypes.Events);
}
