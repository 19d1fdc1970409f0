using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.LocalCluster;
using Resilience.LocalCluster.Machinery;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;
using Resilience.ServiceDefaults;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests;

public sealed class AgentEndToEndTests
{
    /// <summary>The embedded cluster with RBAC enforced, the shipped manifests, and the agent with the token of its ServiceAccount.</summary>
    [Fact]
    public async Task ShippedManifests_WithRbacEnforced_TheAgentWritesItsFloorsStatusAndEvents()
    {
        var stop = TestContext.Current.CancellationToken;
        var folder = Directory.CreateTempSubdirectory("resilience-agent-").FullName;
        await using var cluster = await EmbeddedCluster.StartAsync(new() { DataDirectory = folder, PodRuntime = PodRuntime.Null, EnforceRbac = true }, stop);
        using var admin = ClusterConnection.Create(new() { KubeconfigPath = cluster.KubeconfigPath }, TimeProvider.System);
        var manifests = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "intelligent"))
            .Select(item => item is { Kind: "Deployment", Name: "scaling-agent" or "failover-watcher" } ? null : item);
        await new ManifestApplier(admin.Api, TimeProvider.System).ApplyAsync(manifests, "distributed-resilience", null, stop);
        var kubeconfig = cluster.Services.GetRequiredService<IServiceAccountKubeconfigs>().PathFor("distributed-resilience", "scaling-agent");

        var key = new ScalerKey("distributed-resilience", "web");
        var planning = new FakeTimeProvider(AgentBed.Start.AddSeconds(1));
        var (store, source) = (new FakeStore(), new FakeSource(planning) { Demand = (_, _) => 700 });
        store.AppendDemand(key, [.. Enumerable.Range(1, 600).Select(i => new DemandSample(AgentBed.Start.AddMinutes(-i), 700)).Reverse()]);
        using var host = Host(kubeconfig, planning, store, source);
        await host.StartAsync(stop);
        var worker = host.Services.GetRequiredService<ScalerWorker>();
        await Eventually.TrueAsync(() => worker.Find(key) is { IsRestored: true }, "the agent leads and has restored its scaler");
        planning.Advance(AgentBed.Interval);
        worker.EnqueueAll();
        await Eventually.TrueAsync(() => store.Decisions(key).Count > 0, "it decides");

        var decision = store.Decisions(key)[^1];
        Assert.All(decision.Writes, write => Assert.Equal("written", write.Result));
        Assert.Equal(4, (await admin.Api.GetAsync(ResourceTypes.HorizontalPodAutoscalers, key.Namespace, "web-blue", stop)).Spec.MinReplicas);
        Assert.Equal(2, (await admin.Api.GetAsync(ResourceTypes.HorizontalPodAutoscalers, key.Namespace, "web-green", stop)).Spec.MinReplicas);
        PredictiveAutoscaler? published = null;
        for (var tries = 0; tries < 500 && published?.Status?.Floor != 4; tries++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, stop);
            published = await admin.Api.GetAsync(ResourceTypes.PredictiveAutoscalers, key.Namespace, "web", stop);
        }
        Assert.Equal(4, published!.Status!.Floor);
        Assert.Equal("BlueGreen web", published.Status.Target);
        var events = new List<string>();
        for (var tries = 0; tries < 500 && !events.Contains("FloorChanged"); tries++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, stop);
            events = [.. (await admin.Api.ListAsync(ResourceTypes.Events, new(key.Namespace), stop)).Items.Select(item => item.Reason)];
        }
        Assert.Contains("FloorChanged", events);
        await host.StopAsync(stop);
        Assert.Equal("", (await admin.Api.GetAsync(ResourceTypes.Leases, key.Namespace, "scaling-agent", stop)).Spec.HolderIdentity ?? "");
    }

    /// <summary>Every kind of request that the agent makes is allowed, and nothing is allowed that it does not use.</summary>
    [Fact]
    public async Task Requests_AreExactlyWhatTheRolesAllow()
    {
        await using var bed = new AgentBed();
        bed.Apply();
        bed.Remember(600, _ => 35);
        bed.Source.Demand = (_, _) => 35;
        var conflicts = 1;
        bed.Server.Inject = request => request.Method == "PATCH" && request.Path.EndsWith("/web-blue", StringComparison.Ordinal) && Interlocked.Decrement(ref conflicts) >= 0
            ? RequestFault.Conflict : RequestFault.None;
        bed.Server.Put(ResourceTypes.Deployments, Asleep(bed));
        var host = await bed.StartAsync();
        await bed.StepAsync(host);
        for (var times = 0; times < 2; times++)
        {
            bed.PutScaler(change: spec => spec["lead"] = "soon");
            await Eventually.TrueAsync(() => bed.Condition("SpecValid") == "Refused", "the spec is refused");
            bed.PutScaler();
            await Eventually.TrueAsync(() => bed.Condition("SpecValid") == "Accepted", "the spec is accepted");
        }
        await Eventually.TrueAsync(() => bed.Server.Requests.ToArray().Any(request => request is { Method: "PATCH" } && request.Path.Contains("/events/", StringComparison.Ordinal)),
            "a repeated Event is counted");
        await bed.StopAsync(host);

        var used = bed.Server.Requests.ToArray().Select(AgentPermissions.Of).ToHashSet();
        used.Add("get configmaps");   // by the source of recorded demand, which this bed replaces
        Assert.Equal(AgentPermissions.All().Distinct().Order(StringComparer.Ordinal), used.Order(StringComparer.Ordinal));

        static System.Text.Json.Nodes.JsonObject Asleep(AgentBed bed)
        {
            var item = bed.Server.Get(ResourceTypes.Deployments, "shop", "web-green")!;
            item["spec"]!["replicas"] = 0;
            return item;
        }
    }

    /// <summary>The agent's own schedule: one decision for each interval, on a clock that runs sixty times as fast.</summary>
    [Fact]
    public async Task TimeScale_OneDecisionForEachIntervalOfThePlanningClock()
    {
        await using var bed = new AgentBed();
        bed.Apply();
        var started = TimeProvider.System.GetUtcNow();
        var planning = new PlanningClock(TimeProvider.System, 300, started);
        var source = new FakeSource(planning) { Demand = (_, _) => 35 };
        var host = await bed.StartAsync(configure: services => services
            .Replace(ServiceDescriptor.Singleton(planning)).Replace(ServiceDescriptor.Singleton<IDemandSource>(source)));
        await Eventually.TrueAsync(() => bed.Store.Decisions(AgentBed.Web).Count >= 6, "six minutes pass in little more than a second");
        var instants = bed.Store.Decisions(AgentBed.Web).Select(decision => decision.At).ToList();
        Assert.All(instants, at => Assert.Equal(0, at.UtcTicks % AgentBed.Interval.Ticks));
        Assert.Equal(instants.Distinct(), instants);
        Assert.True(instants[^1] - started > TimeSpan.FromMinutes(4));
        Assert.NotNull(host);
    }

    /// <summary>Each instrument is there under its name and unit, tagged with namespace and scaler.</summary>
    [Fact]
    public async Task Metrics_AreNamedAndTaggedAsDocumented()
    {
        await using var bed = new AgentBed();
        bed.Apply();
        bed.Remember(600, _ => 35);
        bed.Source.Demand = (_, _) => 35;
        var host = await bed.StartAsync();
        var metrics = host.Services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>();
        using var floor = new MetricCollector<double>(metrics, AgentMetrics.MeterName, "resilience.scaling.floor");
        using var forecast = new MetricCollector<double>(metrics, AgentMetrics.MeterName, "resilience.scaling.forecast");
        using var limited = new MetricCollector<int>(metrics, AgentMetrics.MeterName, "resilience.scaling.limited");
        using var decisions = new MetricCollector<long>(metrics, AgentMetrics.MeterName, "resilience.scaling.decisions");
        using var violations = new MetricCollector<long>(metrics, AgentMetrics.MeterName, "resilience.scaling.violations");
        using var readings = new MetricCollector<long>(metrics, AgentMetrics.MeterName, "resilience.scaling.readings");
        await bed.StepAsync(host, 2);
        floor.RecordObservableInstruments();
        forecast.RecordObservableInstruments();
        limited.RecordObservableInstruments();
        var seen = floor.LastMeasurement!;
        Assert.Equal(4, seen.Value);
        Assert.Equal(("shop", "web"), (seen.Tags["namespace"], seen.Tags["scaler"]));
        Assert.Equal(["0.5", "0.9", "0.99"], forecast.GetMeasurementSnapshot().Select(measurement => measurement.Tags["quantile"]));
        Assert.Equal(["max", "budget", "cluster"], limited.GetMeasurementSnapshot().Select(measurement => measurement.Tags["limit"]));
        Assert.Equal(["raise", "keep"], decisions.GetMeasurementSnapshot().Select(measurement => measurement.Tags["change"]));
        Assert.Equal(2, violations.GetMeasurementSnapshot().Count);   // 35 a second on two replicas of 10
        Assert.All(readings.GetMeasurementSnapshot(), measurement => Assert.Equal("ok", measurement.Tags["outcome"]));
    }

    private static IHost Host(string kubeconfig, TimeProvider planning, FakeStore store, FakeSource source)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.ClearProviders();
        builder.Services.AddMetrics();
        builder.Services.AddSingleton(new PodIdentity(IPAddress.Loopback, "agent", "distributed-resilience", null, 0, 0, TimeSpan.Zero));
        builder.AddScalingAgent();
        builder.Services.Configure<ClusterConnectionOptions>(options => options.KubeconfigPath = kubeconfig);
        builder.Services.Configure<AgentOptions>(options => options.GradientBoosting = false);
        builder.Services.AddSingleton<IAgentStore>(store).AddSingleton<IDemandSource>(source);
        builder.Services.Replace(ServiceDescriptor.Singleton(new PlanningClock(planning, 1, AgentBed.Start)));
        return builder.Build();
    }
}
