using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;
using Resilience.ScalingAgent.Scaling;
using Resilience.ServiceDefaults;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests;

/// <summary>
/// The whole agent with its real informers, lease, queue and patches, against an API server inside the process. The planning
/// clock is moved by hand, one interval at a time; leases and watches run on the wall clock.
/// </summary>
internal sealed class AgentBed : IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 1, 5, 12, 0, 0, TimeSpan.Zero);
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    public static readonly ScalerKey Web = new("shop", "web");

    private readonly List<IHost> _hosts = [];
    private int _pods;

    public AgentBed()
    {
        Source = new(Planning);
    }

    public FakeTimeProvider Planning { get; } = new(Start.AddSeconds(1));

    public FakeApiServer Server { get; } = new();

    public FakeStore Store { get; } = new();

    public FakeSource Source { get; }

    public DateTimeOffset Now => Planning.GetUtcNow();

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    public async Task<IHost> StartAsync(string name = "one", Action<IServiceCollection>? configure = null)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.ClearProviders();
        builder.Services.AddMetrics().AddFakeLogging();
        builder.Services.AddSingleton(new PodIdentity(IPAddress.Loopback, name, "shop", null, 0, 0, TimeSpan.Zero));
        builder.AddScalingAgent();
        builder.Services.Configure<AgentOptions>(options =>
        {
            options.GradientBoosting = false;
            options.LeaseDuration = TimeSpan.FromSeconds(60);
            options.StatusInterval = TimeSpan.FromMilliseconds(50);
        });
        builder.Services.AddSingleton<IAgentStore>(Store).AddSingleton<IDemandSource>(Source);
        builder.Services.Replace(ServiceDescriptor.Singleton(Server.Connect(TimeProvider.System, TimeSpan.FromSeconds(20))));
        builder.Services.Replace(ServiceDescriptor.Singleton(new PlanningClock(Planning, 1, Start)));
        configure?.Invoke(builder.Services);
        var host = builder.Build();
        _hosts.Add(host);
        await host.StartAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => host.Services.GetRequiredService<LeaseElection>().IsLeader || _hosts.Count > 1, "the agent leads");
        return host;
    }

    public async Task StopAsync(IHost host)
    {
        await host.StopAsync(TestContext.Current.CancellationToken);
        _hosts.Remove(host);
        host.Dispose();
    }

    /// <summary>Moves the planning clock by an interval and waits until every scaler named has decided and fitted its models.</summary>
    public async Task StepAsync(IHost host, params ScalerKey[] keys)
    {
        keys = keys.Length == 0 ? [Web] : keys;
        var worker = host.Services.GetRequiredService<ScalerWorker>();
        // Not only restored: what was due already is decided at once, and would else happen before the clock moves or after, by luck.
        await Eventually.TrueAsync(() => keys.All(key => IsUpToDate(worker.Find(key))), "the scalers are restored, and nothing is due");
        var before = keys.ToDictionary(key => key, key => Store.Entries(key, EntryKind.Decision).Count);
        Planning.Advance(Interval);
        worker.EnqueueAll();
        await Eventually.TrueAsync(() => keys.All(key => Store.Entries(key, EntryKind.Decision).Count > before[key]), $"a decision at {Now:u}");
        await Eventually.TrueAsync(() => keys.All(key => IsSettled(worker.Find(key))), "the models are fitted");
    }

    public async Task StepAsync(IHost host, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await StepAsync(host);
        }
    }

    public DecisionRecord LastDecision(ScalerKey? key = null) => Store.Decisions(key ?? Web)[^1];

    /// <summary>Demand recorded before the agent starts.</summary>
    public void Remember(int intervals, Func<DateTimeOffset, double> demand, ScalerKey? key = null) => Store.AppendDemand(
        key ?? Web, [.. Enumerable.Range(1, intervals).Select(i => Start - (Interval * i)).Order().Select(at => new DemandSample(at, demand(at)))]);

    public void Apply(string name = "web", Action<JsonObject>? change = null, string ns = "shop", int min = 1, int max = 20, int green = 1, bool autoscalers = true)
    {
        var slots = new JsonObject();
        foreach (var (slot, replicas) in (ReadOnlySpan<(string, int)>)[("blue", 2), ("green", green)])
        {
            slots[slot] = new JsonObject { ["deployment"] = $"{name}-{slot}", ["selector"] = new JsonObject { ["app"] = name, ["version"] = slot } };
            Put(ResourceTypes.Deployments, ns, $"{name}-{slot}", new()
            {
                ["spec"] = new JsonObject
                {
                    ["replicas"] = replicas,
                    ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = name, ["version"] = slot } },
                    ["template"] = new JsonObject(),
                },
            });
            if (autoscalers)
            {
                Put(ResourceTypes.HorizontalPodAutoscalers, ns, $"{name}-{slot}", new()
                {
                    ["spec"] = new JsonObject
                    {
                        ["minReplicas"] = min, ["maxReplicas"] = max,
                        ["scaleTargetRef"] = new JsonObject { ["apiVersion"] = "apps/v1", ["kind"] = "Deployment", ["name"] = $"{name}-{slot}" },
                    },
                });
            }
            for (var i = 0; i < replicas; i++)
            {
                PutPod($"{name}-{slot}-{i}", name, slot, ns);
            }
        }
        Select(name, "blue", ns);
        Put(ResourceTypes.BlueGreens, ns, name, new() { ["spec"] = new JsonObject { ["service"] = name, ["slots"] = slots } });
        PutScaler(name, change, ns);
    }

    public void PutScaler(string name = "web", Action<JsonObject>? change = null, string ns = "shop")
    {
        var spec = new JsonObject
        {
            ["mode"] = "Auto",
            ["target"] = new JsonObject { ["blueGreen"] = name, ["standbyPercent"] = 50 },
            ["demand"] = new JsonObject { ["source"] = "Scrape", ["interval"] = "1m" },
            ["capacityPerReplica"] = 10,
            ["lead"] = "1m",
            ["floor"] = new JsonObject { ["hold"] = "0s" },
        };
        change?.Invoke(spec);
        var generation = (int?)Server.Get(ResourceTypes.PredictiveAutoscalers, ns, name)?["metadata"]?["generation"] ?? 0;
        var item = Object(ResourceTypes.PredictiveAutoscalers, ns, name, new() { ["spec"] = spec });
        item["metadata"]!["generation"] = generation + 1;
        Server.Put(ResourceTypes.PredictiveAutoscalers, item);
    }

    public void Select(string service, string slot, string ns = "shop") => Put(ResourceTypes.Services, ns, service, new()
    {
        ["spec"] = new JsonObject { ["selector"] = new JsonObject { ["app"] = service, ["version"] = slot } },
    });

    public void PutPod(string name, string app, string slot, string ns = "shop", bool waits = false, bool starts = false)
    {
        var condition = waits
            ? new JsonObject { ["type"] = "PodScheduled", ["status"] = "False", ["reason"] = "Unschedulable", ["lastTransitionTime"] = "2026-01-05T00:00:00Z" }
            : new JsonObject { ["type"] = "Ready", ["status"] = starts ? "False" : "True", ["lastTransitionTime"] = "2026-01-05T00:00:00Z" };
        var pod = Object(ResourceTypes.Pods, ns, name, new()
        {
            ["status"] = new JsonObject
            {
                ["phase"] = waits ? "Pending" : "Running", ["podIP"] = waits ? null : $"127.0.1.{++_pods}", ["conditions"] = new JsonArray(condition),
            },
        });
        pod["metadata"]!["labels"] = new JsonObject { ["app"] = app, ["version"] = slot };
        Server.Put(ResourceTypes.Pods, pod);
    }

    public void Annotate(ResourceType type, string name, params (string Name, string Value)[] notes)
    {
        var item = Server.Get(type, "shop", name)!;
        var annotations = item["metadata"]!["annotations"] as JsonObject ?? [];
        foreach (var (note, value) in notes)
        {
            annotations[note] = value;
        }
        item["metadata"]!["annotations"] = annotations.DeepClone();
        Server.Put(type, item);
    }

    public int? Min(string autoscaler = "web-blue", string ns = "shop") => (int?)Server.Get(ResourceTypes.HorizontalPodAutoscalers, ns, autoscaler)!["spec"]!["minReplicas"];

    public int? Replicas(string deployment = "web-blue", string ns = "shop") => (int?)Server.Get(ResourceTypes.Deployments, ns, deployment)!["spec"]!["replicas"];

    public string? Note(string autoscaler, string note) =>
        (string?)Server.Get(ResourceTypes.HorizontalPodAutoscalers, "shop", autoscaler)!["metadata"]!["annotations"]?[note];

    public JsonNode? Status(string name = "web", string ns = "shop") => Server.Get(ResourceTypes.PredictiveAutoscalers, ns, name)!["status"];

    public string? Condition(string type, string field = "reason") =>
        (string?)Status()?["conditions"]?.AsArray().FirstOrDefault(condition => (string?)condition!["type"] == type)?[field];

    public IReadOnlyList<string> Events() => [.. Server.All(ResourceTypes.Events).Select(item => (string)item["reason"]!)];

    public IReadOnlyList<FakeRequest> FloorWrites() => [.. Server.Requests.ToArray().Where(request => request.Method == "PATCH"
        && (request.Path.Contains("/horizontalpodautoscalers/", StringComparison.Ordinal) || request.Path.Contains("/deployments/", StringComparison.Ordinal)))];

    private bool IsUpToDate(Scaler? scaler)
    {
        if (scaler is not { IsRestored: true } || !scaler.Gate.Wait(0))
        {
            return false;
        }
        var upToDate = scaler.LastInterval >= DemandGrid.Floor(Now, Interval) - Interval;
        scaler.Gate.Release();
        return upToDate;
    }

    private static bool IsSettled(Scaler? scaler)
    {
        if (scaler is null || !scaler.Gate.Wait(0))
        {
            return false;
        }
        var settled = !scaler.NeedsRebuild && scaler.Forecaster is not { RefitDue: true };
        scaler.Gate.Release();
        return settled;
    }

    private void Put(ResourceType type, string ns, string name, JsonObject rest) => Server.Put(type, Object(type, ns, name, rest));

    private static JsonObject Object(ResourceType type, string ns, string name, JsonObject rest)
    {
        rest["apiVersion"] = type.ApiVersion;
        rest["kind"] = type.Kind;
        rest["metadata"] = new JsonObject { ["namespace"] = ns, ["name"] = name };
        return rest;
    }
}
