using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Queues;
using Resilience.ClusterAccess.Resources;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Reconciling;
using Resilience.ServiceDefaults;
using Resilience.Testing;

namespace Resilience.FailoverWatcher.Tests;

/// <summary>The whole watcher, with its real informers, queue, lease and patches, against an API server inside the process.</summary>
public sealed class WatcherEndToEndTests : IAsyncDisposable
{
    private const string Namespace = "shop";

    private readonly FakeApiServer _server = new();
    private readonly List<IHost> _hosts = [];
    private int _pods;

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    [Fact]
    public async Task SlotScaledAway_SelectorAndStateMoveInOneConditionalPatch()
    {
        Apply("web");
        await StartAsync("one");
        await Eventually.TrueAsync(() => State("web") is not null, "the watcher takes charge");
        ScaleAway("web-blue");
        await Eventually.TrueAsync(() => Version("web") == "green", "traffic moves");
        var patch = _server.Requests.Last(request => request.Method == "PATCH" && request.Path.EndsWith("/services/web", StringComparison.Ordinal)
            && request.Body?["spec"] is not null);
        Assert.NotNull(patch.Body!["metadata"]!["resourceVersion"]);
        Assert.NotNull(patch.Body["metadata"]!["annotations"]![ResilienceApi.FailoverAnnotation]);
        await Eventually.TrueAsync(() => (string?)Status("web")?["active"] == "green", "the status says so");
        var status = Status("web")!;
        Assert.Equal("rescue", (string?)status["lastSwitch"]!["kind"]);
        Assert.NotNull(status["lastSwitch"]!["patchedAt"]);
        Assert.Single(status["history"]!.AsArray());
        Assert.Equal("True", Condition("web", "Serving"));
        await Eventually.TrueAsync(() => _server.All(ResourceTypes.Events).Any(item => (string?)item["reason"] == "TrafficMoved"), "an Event tells why");
    }

    [Fact]
    public async Task ManyBlueGreens_EachIsLookedAfter()
    {
        for (var i = 0; i < 20; i++)
        {
            Apply($"app{i}");
        }
        await StartAsync("one");
        await Eventually.TrueAsync(() => Enumerable.Range(0, 20).All(i => State($"app{i}") is not null), "the watcher takes charge of all");
        ScaleAway("app7-blue");
        await Eventually.TrueAsync(() => Version("app7") == "green", "traffic moves");
        Assert.All(Enumerable.Range(0, 20).Where(i => i != 7), i => Assert.Equal("blue", Version($"app{i}")));
    }

    [Fact]
    public async Task LeaderStops_TheOtherTakesOverAtOnce()
    {
        Apply("web");
        var first = await StartAsync("one");
        await Eventually.TrueAsync(() => State("web") is not null, "the first leads");
        await StartAsync("two");
        var started = TimeProvider.System.GetTimestamp();
        await first.StopAsync(TestContext.Current.CancellationToken);
        ScaleAway("web-blue");
        await Eventually.TrueAsync(() => Version("web") == "green", "the second moves traffic");
        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 0, 4.5);   // well within the lease that a crash would cost
    }

    /// <summary>Virtual time: what passes on the clock is what the hand-over waited for, however busy the machine.</summary>
    [Fact]
    public async Task LeaderStopsWhileAnotherServiceTakesLong_TheOtherActsWithinASecond()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 1, 0, 0, TimeSpan.Zero));
        var slow = new SlowToStop();
        Apply("web");
        var first = await StartAsync("one", clock, services => services.AddHostedService(_ => slow));   // stops first, as the web server does
        await Eventually.TrueAsync(() => State("web") is not null, "the first leads");
        var second = await StartAsync("two", clock);
        var election = second.Services.GetRequiredService<LeaseElection>();
        await Eventually.TrueAsync(() => election.Holder.StartsWith("one_", StringComparison.Ordinal), "the second follows");

        var stopping = first.StopAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => Holder() == "", "the lease is handed back though the process is still stopping");
        Assert.False(stopping.IsCompleted);
        ScaleAway("web-blue");
        var stopped = clock.GetUtcNow();
        await Eventually.AfterAsync(clock, TimeSpan.FromMilliseconds(10), () => election.IsLeader, "the second leads");
        Assert.InRange((clock.GetUtcNow() - stopped).TotalSeconds, 0, 1);
        await Eventually.TrueAsync(() => Version("web") == "green", "and acts at once");
        slow.MayStop.SetResult();
        await stopping;
    }

    [Theory]
    [InlineData("Events")]
    [InlineData("Polling")]
    public async Task Detection_ByEventsActsAtOnceAndByPollingAtTheNextPollWithoutProbes(string mode)
    {
        using var probed = new TcpListener(IPAddress.Parse("127.0.1.3"), 0);   // the first pod of green
        probed.Start();
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 1, 0, 0, TimeSpan.Zero));
        Apply("web", spec => spec["health"] = new JsonObject { ["probe"] = new JsonObject { ["port"] = ((IPEndPoint)probed.LocalEndpoint).Port } });
        var host = await StartAsync("one", clock, services => services.Configure<WatcherOptions>(options => options.Detection = Enum.Parse<DetectionMode>(mode)));
        var informers = host.Services.GetRequiredService<WatcherInformers>();
        await Eventually.TrueAsync(() => State("web") is not null, "the watcher takes charge");
        ScaleAway("web-blue");
        await Eventually.TrueAsync(() => informers.Pods.List(Namespace).Count(pod => pod.Metadata.DeletionTimestamp is not null) == 2
            && informers.Deployments.Get(Namespace, "web-blue")!.Spec.Replicas == 0, "the caches know");
        if (mode == "Events")
        {
            await Eventually.TrueAsync(() => Version("web") == "green", "traffic moves without any time passing");
            await Eventually.TrueAsync(probed.Pending, "pods are probed");
            return;
        }

        Assert.Equal(0, host.Services.GetRequiredService<WorkQueue<BlueGreenKey>>().Depth);   // what is known has woken nobody
        clock.Advance(TimeSpan.FromSeconds(2.999));
        Assert.Equal(0, host.Services.GetRequiredService<WorkQueue<BlueGreenKey>>().Depth);
        Assert.Equal("blue", Version("web"));
        clock.Advance(TimeSpan.FromSeconds(0.001));
        await Eventually.TrueAsync(() => Version("web") == "green", "traffic moves at the poll");
        Assert.False(probed.Pending());
    }

    [Fact]
    public async Task ServerAnswersAreLostAndConflictsCome_TrafficStillMovesOnce()
    {
        Apply("web");
        await StartAsync("one");
        await Eventually.TrueAsync(() => State("web") is not null, "the watcher takes charge");
        var faults = new Queue<RequestFault>([RequestFault.Conflict, RequestFault.LoseRequest, RequestFault.ServerError, RequestFault.LoseResponse]);
        _server.Inject = request =>
        {
            lock (faults)
            {
                return request.Method == "PATCH" && request.Path.EndsWith("/services/web", StringComparison.Ordinal) && faults.TryDequeue(out var fault)
                    ? fault : RequestFault.None;
            }
        };
        ScaleAway("web-blue");
        await Eventually.TrueAsync(() => Version("web") == "green" && faults.Count == 0, "traffic moves");
        await Eventually.TrueAsync(() => (string?)Status("web")?["active"] == "green", "the status says so");
        Assert.Single(Status("web")!["history"]!.AsArray());
    }

    [Fact]
    public async Task ColdStandby_IsWokenAndItsFloorRaisedAndNoted()
    {
        Apply("web", green: 0);
        await StartAsync("one");
        await Eventually.TrueAsync(() => State("web") is not null, "the watcher takes charge");
        ScaleAway("web-blue");
        await Eventually.TrueAsync(() => (int?)_server.Get(ResourceTypes.Deployments, Namespace, "web-green")!["spec"]!["replicas"] == 2, "green is woken");
        var autoscaler = _server.Get(ResourceTypes.HorizontalPodAutoscalers, Namespace, "web-green")!;
        Assert.Equal(2, (int?)autoscaler["spec"]!["minReplicas"]);
        Assert.Equal("failover-watcher", (string?)autoscaler["metadata"]!["annotations"]![ResilienceApi.FloorOwnerAnnotation]);
        Assert.Equal("1", (string?)autoscaler["metadata"]!["annotations"]![ResilienceApi.FloorBeforeAnnotation]);
    }

    [Fact]
    public async Task Switchover_IsCarriedOutAndItsStepsAreTold()
    {
        Apply("web");
        await StartAsync("one");
        await Eventually.TrueAsync(() => State("web") is not null, "the watcher takes charge");
        _server.Put(ResourceTypes.Switchovers, Object(ResourceTypes.Switchovers, "drill", new()
        {
            ["spec"] = new JsonObject { ["blueGreen"] = "web", ["to"] = "green", ["reason"] = "practice" },
        }));
        await Eventually.TrueAsync(() => Version("web") == "green", "traffic moves");
        await Eventually.TrueAsync(() => Phase() == "Switched", "it is final after verification");
        var steps = _server.Get(ResourceTypes.Switchovers, Namespace, "drill")!["status"]!["steps"]!.AsArray();
        Assert.Equal(["Verifying", "Switched"], steps.Select(step => (string?)step!["name"]));

        string? Phase() => (string?)_server.Get(ResourceTypes.Switchovers, Namespace, "drill")!["status"]?["phase"];
    }

    [Fact]
    public async Task InvalidSpec_IsToldInTheConditionAndNothingMoves()
    {
        Apply("web", spec => spec["health"] = JsonNode.Parse("""{"probe":{"interval":"100ms","timeout":"1s"}}"""));
        await StartAsync("one");
        await Eventually.TrueAsync(() => Condition("web", "SpecValid") == "False", "the condition says so");
        ScaleAway("web-blue");
        Assert.Equal("blue", Version("web"));
    }

    private async Task<IHost> StartAsync(string name, TimeProvider? clock = null, Action<IServiceCollection>? change = null)
    {
        clock ??= TimeProvider.System;
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.ClearProviders();
        builder.Services.AddMetrics();
        builder.Services.AddSingleton(new PodIdentity(IPAddress.Loopback, name, Namespace, null, 0, 0, TimeSpan.Zero));
        builder.Services.AddSingleton(clock);
        builder.AddFailoverWatcher();
        builder.Services.Replace(ServiceDescriptor.Singleton(_server.Connect(clock, clock == TimeProvider.System ? null : TimeSpan.FromDays(1))));
        change?.Invoke(builder.Services);
        var host = builder.Build();
        _hosts.Add(host);
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    private void Apply(string name, Action<JsonObject>? change = null, int green = 2)
    {
        var slots = new JsonObject();
        foreach (var (slot, replicas) in (ReadOnlySpan<(string, int)>)[("blue", 2), ("green", green)])
        {
            slots[slot] = new JsonObject { ["deployment"] = $"{name}-{slot}", ["selector"] = new JsonObject { ["app"] = name, ["version"] = slot } };
            _server.Put(ResourceTypes.Deployments, Object(ResourceTypes.Deployments, $"{name}-{slot}", new()
            {
                ["spec"] = new JsonObject
                {
                    ["replicas"] = replicas, ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = name } }, ["template"] = new JsonObject(),
                },
            }));
            _server.Put(ResourceTypes.HorizontalPodAutoscalers, Object(ResourceTypes.HorizontalPodAutoscalers, $"{name}-{slot}", new()
            {
                ["spec"] = new JsonObject
                {
                    ["minReplicas"] = 1, ["maxReplicas"] = 5, ["scaleTargetRef"] = new JsonObject { ["apiVersion"] = "apps/v1", ["kind"] = "Deployment", ["name"] = $"{name}-{slot}" },
                },
            }));
            for (var i = 0; i < replicas; i++)
            {
                PutPod($"{name}-{slot}-{i}", name, slot);
            }
        }
        _server.Put(ResourceTypes.Services, Object(ResourceTypes.Services, name, new()
        {
            ["spec"] = new JsonObject { ["selector"] = new JsonObject { ["app"] = name, ["version"] = "blue" } },
        }));
        var spec = new JsonObject { ["service"] = name, ["slots"] = slots, ["failover"] = new JsonObject { ["verifyFor"] = "1s" } };
        change?.Invoke(spec);
        _server.Put(ResourceTypes.BlueGreens, Object(ResourceTypes.BlueGreens, name, new() { ["spec"] = spec }));
    }

    private void ScaleAway(string deployment)
    {
        var body = _server.Get(ResourceTypes.Deployments, Namespace, deployment)!;
        body["spec"]!["replicas"] = 0;
        _server.Put(ResourceTypes.Deployments, body);
        foreach (var pod in _server.All(ResourceTypes.Pods).Where(pod => ((string)pod["metadata"]!["name"]!).StartsWith(deployment + "-", StringComparison.Ordinal)))
        {
            pod["metadata"]!["deletionTimestamp"] = "2026-01-01T00:01:00Z";
            _server.Put(ResourceTypes.Pods, pod);
        }
    }

    private void PutPod(string name, string app, string version)
    {
        var pod = Object(ResourceTypes.Pods, name, new()
        {
            ["status"] = new JsonObject
            {
                ["phase"] = "Running", ["podIP"] = $"127.0.1.{++_pods}",
                ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = "True", ["lastTransitionTime"] = "2026-01-01T00:00:00Z" }),
            },
        });
        pod["metadata"]!["labels"] = new JsonObject { ["app"] = app, ["version"] = version };
        _server.Put(ResourceTypes.Pods, pod);
    }

    private static JsonObject Object(ResourceType type, string name, JsonObject rest)
    {
        rest["apiVersion"] = type.ApiVersion;
        rest["kind"] = type.Kind;
        rest["metadata"] = new JsonObject { ["namespace"] = Namespace, ["name"] = name };
        return rest;
    }

    private string? Holder() => (string?)_server.All(ResourceTypes.Leases).Single()["spec"]!["holderIdentity"];

    private string? Version(string service) => (string?)_server.Get(ResourceTypes.Services, Namespace, service)!["spec"]!["selector"]!["version"];

    private string? State(string service) => (string?)_server.Get(ResourceTypes.Services, Namespace, service)!["metadata"]!["annotations"]?[ResilienceApi.FailoverAnnotation];

    private JsonNode? Status(string blueGreen) => _server.Get(ResourceTypes.BlueGreens, Namespace, blueGreen)!["status"];

    private string? Condition(string blueGreen, string type) =>
        (string?)Status(blueGreen)?["conditions"]?.AsArray().FirstOrDefault(condition => (string?)condition!["type"] == type)?["status"];

    private sealed class SlowToStop : IHostedService
    {
        public TaskCompletionSource MayStop { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => MayStop.Task;
    }
}
