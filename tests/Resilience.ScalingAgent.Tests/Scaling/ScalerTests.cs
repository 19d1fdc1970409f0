using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Scaling;

public sealed class ScalerTests : IAsyncDisposable
{
    private readonly AgentBed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    /// <summary>A repeatable demand that moves: a slow wave with a ripple.</summary>
    private static double Wave(DateTimeOffset at)
    {
        var minute = at.UtcTicks / TimeSpan.TicksPerMinute;
        return 35 + (10 * Math.Sin(minute * Math.PI / 90)) + (minute * 7919 % 13 / 5.0);
    }

    private static JsonArray DeclaredPeak(DateTimeOffset from, DateTimeOffset to, int replicas) =>
        new(new JsonObject { ["name"] = "sale", ["from"] = from.ToString("O"), ["to"] = to.ToString("O"), ["replicas"] = replicas });

    [Fact]
    public async Task Forecast_BecomesAFloorOnTheActiveSlotAndHalfOfItOnTheOther()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);

        Assert.Equal(4, _bed.Min("web-blue"));
        Assert.Equal(2, _bed.Min("web-green"));
        Assert.Equal("1", _bed.Note("web-blue", ResilienceApi.FloorInitialAnnotation));
        var decision = _bed.LastDecision();
        Assert.Equal((4, null, "blue", "BlueGreen web"), (decision.Floor, decision.FloorBefore, decision.ActiveSlot, decision.Target));
        Assert.Equal(["HorizontalPodAutoscaler shop/web-blue", "HorizontalPodAutoscaler shop/web-green"], decision.Writes.Select(write => write.Object));
        Assert.All(decision.Writes, write => Assert.Equal("written", write.Result));
        Assert.All(_bed.FloorWrites(), write => Assert.NotNull(write.Body!["metadata"]!["resourceVersion"]));
        await Eventually.TrueAsync(() => (int?)_bed.Status()?["floor"] == 4, "the status says so");
        Assert.Equal("InForce", _bed.Condition("FloorInForce"));
        Assert.Equal("Given", _bed.Condition("CapacityKnown"));
        Assert.Equal((double?)35, (double?)_bed.Status()!["demand"]);
        await Eventually.TrueAsync(() => _bed.Events().Contains("FloorChanged"), "an Event tells why");

        var writes = _bed.FloorWrites().Count;
        await _bed.StepAsync(host, 3);
        Assert.Equal(writes, _bed.FloorWrites().Count);   // nothing changed, nothing is written
    }

    [Fact]
    public async Task StopAfterAnyCycle_TheNextAgentDecidesAsIfNeverStopped()
    {
        const int steps = 100;
        var whole = await RunAsync(restarts: []);
        var interrupted = await RunAsync(restarts: [1, 7, 34, 65, 66, 90]);
        Assert.Equal(whole, interrupted);
        Assert.Contains(whole, line => line.Contains("forecast peak", StringComparison.Ordinal));   // the run is about forecasts

        async Task<List<string>> RunAsync(int[] restarts)
        {
            await using var bed = new AgentBed();
            bed.Apply(change: spec => spec["floor"] = new JsonObject { ["hold"] = "5m", ["maxFall"] = 1 });
            bed.Source.Demand = (_, at) => Wave(at);
            var host = await bed.StartAsync();
            for (var i = 1; i <= steps; i++)
            {
                await bed.StepAsync(host);
                if (restarts.Contains(i))
                {
                    await bed.StopAsync(host);
                    host = await bed.StartAsync($"after-{i}");
                }
            }
            return [.. bed.Store.Decisions(AgentBed.Web).Select(decision => $"{decision.At:u} {decision.Demand:R} {decision.FloorBefore} -> {decision.Floor} {decision.Risk:R} {decision.Reason}"),
                .. bed.Store.Outcomes(AgentBed.Web).Select(outcome => $"{outcome.Decision} {outcome.Summary}")];
        }
    }

    [Fact]
    public async Task LentFloor_IsLeftAloneUntilItIsReturned()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        _bed.Annotate(ResourceTypes.HorizontalPodAutoscalers, "web-blue", (ResilienceApi.FloorOwnerAnnotation, FieldManagers.FailoverWatcher),
            (ResilienceApi.FloorBeforeAnnotation, "1"), (ResilienceApi.FloorExpiresAnnotation, "2099-01-01T00:00:00Z"));
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal(1, _bed.Min("web-blue"));
        Assert.Equal(2, _bed.Min("web-green"));
        Assert.Contains("lent to failover-watcher", _bed.LastDecision().WhyNotWritten, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => _bed.Condition("FloorInForce") == "OnLoan", "the status says so");

        _bed.Server.Put(ResourceTypes.HorizontalPodAutoscalers, Returned());
        await Eventually.TrueAsync(() => _bed.Min("web-blue") == 4, "the floor is in force as soon as it is returned");

        JsonObject Returned()
        {
            var item = _bed.Server.Get(ResourceTypes.HorizontalPodAutoscalers, "shop", "web-blue")!;
            item["metadata"]!["annotations"] = null;
            return item;
        }
    }

    [Fact]
    public async Task FailoverBetweenTwoIntervals_FloorsFollowTheTrafficAtOnce_AndDemandStaysOneSeries()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal((4, 2), (_bed.Min("web-blue"), _bed.Min("web-green")));

        _bed.Select("web", "green");
        await Eventually.TrueAsync(() => _bed.Min("web-green") == 4 && _bed.Min("web-blue") == 2, "the floors change places");
        Assert.Single(_bed.Store.Decisions(AgentBed.Web));   // the same decision
        await _bed.StepAsync(host);
        Assert.Equal("green", _bed.LastDecision().ActiveSlot);
        Assert.Equal(4, _bed.LastDecision().Floor);
        var pods = _bed.Source.Pods[AgentBed.Web];
        Assert.Equal(3, pods.Count);   // of both slots
        Assert.Equal(["web-green-0"], pods.Where(pod => pod.Serves).Select(pod => pod.Name));
    }

    [Fact]
    public async Task FailoverDuringAReading_TheFloorGoesWhereTheTrafficIsThen()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        var worker = host.Services.GetRequiredService<ScalerWorker>();
        _bed.Source.Hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _bed.Planning.Advance(AgentBed.Interval);
        worker.EnqueueAll();
        _bed.Select("web", "green");
        var hold = _bed.Source.Hold;
        _bed.Source.Hold = null;
        hold.SetResult();
        await Eventually.TrueAsync(() => _bed.Min("web-green") == 4 && _bed.Min("web-blue") == 2, "the floors change places");
    }

    [Fact]
    public async Task PodsWaitForRoom_TheFloorIsNotRaisedFurtherAndThePlanSaysWhatItRisks()
    {
        _bed.Apply();
        _bed.PutPod("web-blue-2", "web", "blue", waits: true);
        _bed.Remember(600, _ => 75);
        _bed.Source.Demand = (_, _) => 75;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        var decision = _bed.LastDecision();
        Assert.Equal(3, decision.Floor);   // 8 are needed; 2 have a place and 1 waits
        Assert.Equal(1, decision.PodsWithoutRoom);
        Assert.Contains(decision.Adjustments, adjustment => adjustment.Rule == "cluster capacity");
        Assert.InRange(decision.Risk!.Value, 0.8, 1);
        await Eventually.TrueAsync(() => _bed.Condition("RoomInCluster") == "PodsWaitForRoom", "the status says so");

        _bed.PutPod("web-blue-2", "web", "blue");
        await Eventually.TrueAsync(() => host.Services.GetRequiredService<AgentInformers>().Pods.Get("shop", "web-blue-2")?.Status.Phase == "Running", "the cache knows");
        await _bed.StepAsync(host);
        Assert.Equal(8, _bed.LastDecision().Floor);
    }

    [Fact]
    public async Task NoDemandForLong_TheLastFloorIsKeptForItsTimeAndThenTheAutoscalerIsAlone_NeverZero()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        var failing = false;
        _bed.Source.Demand = (_, _) => failing ? double.NaN : 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        failing = true;
        await _bed.StepAsync(host, 10);   // short gaps are bridged by the series
        Assert.Equal(4, _bed.Min("web-blue"));
        await _bed.StepAsync(host, 5);
        Assert.Equal(4, _bed.Min("web-blue"));
        await _bed.StepAsync(host, 8);
        Assert.Equal(1, _bed.Min("web-blue"));   // what was there before the agent came
        Assert.Null(_bed.Note("web-blue", ResilienceApi.FloorScalerAnnotation));
        Assert.Null(_bed.LastDecision().Floor);
        Assert.Equal("reactive", Assert.Single(_bed.Store.Notices(AgentBed.Web)).Event);
        await Eventually.TrueAsync(() => _bed.Condition("FloorInForce") == "ReactiveOnly" && _bed.Condition("DemandMeasured") == "Missing", "the status says so");
        Assert.Equal("Stale", _bed.Condition("Forecasting"));
        Assert.DoesNotContain(_bed.FloorWrites(), write => (int?)write.Body!["spec"]?["replicas"] == 0);

        failing = false;
        await _bed.StepAsync(host, 2);
        Assert.Equal(4, _bed.Min("web-blue"));
        Assert.Equal(["reactive", "predictive"], _bed.Store.Notices(AgentBed.Web).Select(notice => notice.Event));
    }

    [Fact]
    public async Task ZeroAndBack_TheDeploymentSleepsAndIsWokenBeforeDemandComes()
    {
        var sale = AgentBed.Start.AddMinutes(6);
        _bed.Apply(change: spec =>
        {
            spec["demand"]!["source"] = "Prometheus";
            spec["demand"]!["prometheus"] = new JsonObject { ["url"] = "http://prometheus", ["query"] = "sum(x)" };
            spec["floor"] = new JsonObject { ["hold"] = "0s", ["min"] = 0 };
            spec["calendar"] = DeclaredPeak(sale, sale.AddHours(1), replicas: 3);
        });
        _bed.Remember(600, _ => 0);
        _bed.Source.Demand = (_, _) => 0;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal((0, 1), (_bed.Replicas("web-blue"), _bed.Min("web-blue")));
        await _bed.StepAsync(host, 3);
        Assert.Equal(0, _bed.Replicas("web-blue"));
        await _bed.StepAsync(host, 1);   // one lead before the declared opening
        Assert.Equal((3, 3), (_bed.Replicas("web-blue"), _bed.Min("web-blue")));
        Assert.Contains(_bed.Store.Decisions(AgentBed.Web), decision => decision.Wake);
    }

    [Fact]
    public async Task BudgetBinds_WhatIsGivenUpAndRiskedIsSaid()
    {
        _bed.Apply(change: spec => spec["price"] = new JsonObject { ["perReplicaHour"] = 1, ["monthlyBudget"] = 1900 });
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        var decision = _bed.LastDecision();
        Assert.Equal(1, decision.Floor);   // about 1900 USD for the rest of the month, 1.5 USD a floor replica with its standby
        Assert.StartsWith("3 of 4 replicas", decision.GivenUp, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => _bed.Condition("WithinBudget") == "BudgetBinds", "the status says so");
        Assert.Contains("Given up: 3 of 4 replicas", _bed.Condition("WithinBudget", "message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Observe_DecidesAndRecordsButWritesNothing_AndAutoTurnedObserveGivesBackOnce()
    {
        _bed.Apply(change: spec => spec["mode"] = "Observe");
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host, 2);
        Assert.Equal(4, _bed.LastDecision().Floor);
        Assert.Equal("mode is Observe", _bed.LastDecision().WhyNotWritten);
        Assert.Empty(_bed.FloorWrites());
        await Eventually.TrueAsync(() => _bed.Condition("FloorInForce") == "Observing", "the status says so");

        _bed.PutScaler();
        await Eventually.TrueAsync(() => _bed.Min("web-blue") == 4, "Auto acts at once");
        _bed.PutScaler(change: spec => spec["mode"] = "Observe");
        await Eventually.TrueAsync(() => _bed.Min("web-blue") == 1 && _bed.Min("web-green") == 1, "the floors are given back");
        Assert.Null(_bed.Note("web-blue", ResilienceApi.FloorInitialAnnotation));
    }

    [Fact]
    public async Task Deleted_EvenWhileNoAgentRan_TheFloorsAreGivenBack()
    {
        _bed.Apply(min: 2);
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal(4, _bed.Min("web-blue"));
        await _bed.StopAsync(host);
        _bed.Server.Remove(ResourceTypes.PredictiveAutoscalers, "shop", "web");
        await _bed.StartAsync("two");
        await Eventually.TrueAsync(() => _bed.Min("web-blue") == 2 && _bed.Min("web-green") == 2, "the floors are as they were");
    }

    [Fact]
    public async Task TwoScalersInTwoNamespaces_EachHasItsOwnDemandAndFloor()
    {
        var other = new ScalerKey("till", "web");
        _bed.Apply();
        _bed.Apply(ns: "till", change: spec => spec["capacityPerReplica"] = 5);
        _bed.Remember(600, _ => 35);
        _bed.Remember(600, _ => 35, other);
        _bed.Source.Demand = (key, _) => key.Namespace == "shop" ? 35 : double.NaN;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host, AgentBed.Web, other);
        Assert.Equal((4, 7), (_bed.Min("web-blue"), _bed.Min("web-blue", "till")));
        Assert.Equal((35, null), (_bed.LastDecision().Demand, _bed.LastDecision(other).Demand));
    }

    [Fact]
    public async Task SecondScalerOfTheSameTarget_KeepsItsHandsOff()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        _bed.PutScaler("rival", spec =>
        {
            spec["target"] = new JsonObject { ["autoscaler"] = "web-blue" };
            spec["capacityPerReplica"] = 1;
        });
        var rival = new ScalerKey("shop", "rival");
        await Eventually.TrueAsync(() => host.Services.GetRequiredService<ScalerWorker>().Find(rival) is not null, "the rival is looked at");
        await _bed.StepAsync(host, AgentBed.Web, rival);
        Assert.Equal("HorizontalPodAutoscaler shop/web-blue is already scaled by PredictiveAutoscaler web", _bed.LastDecision(rival).WhyNotWritten);
        Assert.Equal(4, _bed.Min("web-blue"));
    }

    [Fact]
    public async Task SomebodyWritesInBetween_TheChangeIsWorkedOutAnew()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var conflicts = 2;
        _bed.Server.Inject = request => request.Method == "PATCH" && request.Path.EndsWith("/web-blue", StringComparison.Ordinal) && Interlocked.Decrement(ref conflicts) >= 0
            ? RequestFault.Conflict : RequestFault.None;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal(4, _bed.Min("web-blue"));
        Assert.All(_bed.LastDecision().Writes, write => Assert.Equal("written", write.Result));
    }

    [Fact]
    public async Task AnotherScalerTakesTheFloorInBetween_ItIsNotTakenBackBeforeTheCachesKnow()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var once = 1;
        _bed.Server.Inject = request =>
        {
            if (request.Method != "PATCH" || !request.Path.EndsWith("/web-blue", StringComparison.Ordinal) || Interlocked.Exchange(ref once, 0) == 0)
            {
                return RequestFault.None;
            }
            _bed.Annotate(ResourceTypes.HorizontalPodAutoscalers, "web-blue", (ResilienceApi.FloorScalerAnnotation, "rival"));
            return RequestFault.Conflict;
        };
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal("PredictiveAutoscaler rival has just taken HorizontalPodAutoscaler shop/web-blue", _bed.Store.Decisions(AgentBed.Web)[0].WhyNotWritten);
        await Eventually.TrueAsync(() => _bed.Min("web-blue") == 4, "there is no such PredictiveAutoscaler, so what it left is taken over");
    }

    [Fact]
    public async Task ServerFails_TheDecisionSaysSoAndIsCarriedOutBeforeTheNextInterval()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var failures = 2;
        _bed.Server.Inject = request => request.Method == "PATCH" && request.Path.EndsWith("/web-blue", StringComparison.Ordinal) && Interlocked.Decrement(ref failures) >= 0
            ? RequestFault.ServerError : RequestFault.None;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Contains(_bed.LastDecision().Writes, write => write.Result != "written");
        await Eventually.TrueAsync(() => _bed.Min("web-blue") == 4, "it is tried again without waiting for another interval");
        Assert.Single(_bed.Store.Decisions(AgentBed.Web));
    }

    [Fact]
    public async Task LeadershipIsLostWhileAWriteIsUnderWay_NothingMoreIsWritten()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        var election = host.Services.GetRequiredService<LeaseElection>();
        await Eventually.TrueAsync(() => host.Services.GetRequiredService<ScalerWorker>().Find(AgentBed.Web) is { IsRestored: true }, "restored");
        _bed.Source.Hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _bed.Planning.Advance(AgentBed.Interval);
        host.Services.GetRequiredService<ScalerWorker>().EnqueueAll();
        var stopping = host.StopAsync(TestContext.Current.CancellationToken);   // hands the lease back at the first sign of a stop
        await Eventually.TrueAsync(() => !election.IsLeader, "the lease is gone");
        _bed.Source.Hold.SetResult();
        await stopping;
        Assert.Empty(_bed.FloorWrites());
    }

    [Fact]
    public async Task InvalidSpec_IsToldAndFreezesTheFloor()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        _bed.PutScaler(change: spec => spec["lead"] = "soon");
        await Eventually.TrueAsync(() => _bed.Condition("SpecValid") == "Refused", "the condition says so");
        Assert.Equal(4, _bed.Min("web-blue"));
        await Eventually.TrueAsync(() => _bed.Events().Contains("Refused"), "an Event says so");
        Assert.NotNull(host);
    }

    [Fact]
    public async Task CapacityIsNotKnown_NoFloorIsMade_AndADeclaredPeakStillCounts()
    {
        _bed.Apply(change: spec =>
        {
            spec["capacityPerReplica"] = "learn";
            spec["calendar"] = DeclaredPeak(AgentBed.Start.AddMinutes(5), AgentBed.Start.AddMinutes(8), replicas: 6);
        });
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal(1, _bed.Min("web-blue"));
        Assert.Contains("what one replica can serve is not known", _bed.LastDecision().Reason, StringComparison.Ordinal);
        await _bed.StepAsync(host, 3);
        Assert.Equal((6, 3), (_bed.Min("web-blue"), _bed.Min("web-green")));
        await _bed.StepAsync(host, 5);
        Assert.Equal(1, _bed.Min("web-blue"));
    }

    [Fact]
    public async Task LeadIsLearned_FromPodsThatStartUnderItsEyes_AndPlannedWithAfterARestartToo()
    {
        var wall = new FakeTimeProvider(AgentBed.Start);
        void WithStartUps(IServiceCollection services) => services.Replace(ServiceDescriptor.Singleton(new StartUpTimes(wall)));
        _bed.Apply(change: spec =>
        {
            spec["lead"] = "learn";
            spec["calendar"] = DeclaredPeak(AgentBed.Start.AddMinutes(8), AgentBed.Start.AddMinutes(30), replicas: 6);
        });
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync(configure: WithStartUps);
        await _bed.StepAsync(host);
        Assert.Equal((120, "assumed"), (_bed.LastDecision().Lead.Seconds, _bed.LastDecision().Lead.Basis));

        var pods = host.Services.GetRequiredService<AgentInformers>().Pods;
        string[] names = ["web-blue-7", "web-blue-8", "web-blue-9"];
        Array.ForEach(names, name => _bed.PutPod(name, "web", "blue", starts: true));
        await Eventually.TrueAsync(() => names.All(name => pods.Get("shop", name) is not null), "the pods are seen to start");
        wall.Advance(TimeSpan.FromMinutes(4));
        Array.ForEach(names, name => _bed.PutPod(name, "web", "blue"));
        await Eventually.TrueAsync(() => names.All(name => PodFacts.IsReady(pods.Get("shop", name)!)), "the pods are seen to be Ready");
        await _bed.StepAsync(host);
        // Four minutes of starting, the interval that a metric is late, the autoscaler's 15 s.
        Assert.Equal((315, "learned"), (_bed.LastDecision().Lead.Seconds, _bed.LastDecision().Lead.Basis));
        Assert.Equal(4, _bed.LastDecision().Floor);
        await _bed.StepAsync(host);
        Assert.Equal(6, _bed.LastDecision().Floor);   // six intervals before the sale; the assumed lead would have been two

        await _bed.StopAsync(host);
        host = await _bed.StartAsync("two", WithStartUps);
        await _bed.StepAsync(host);
        Assert.Equal((315, "learned"), (_bed.LastDecision().Lead.Seconds, _bed.LastDecision().Lead.Basis));
    }

    [Fact]
    public async Task CapacityIsLearned_OnceReplicasRefuseRequests_AndPlannedWithAfterARestartToo()
    {
        _bed.Apply(change: spec => spec["capacityPerReplica"] = "learn");
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        _bed.Source.Observation = new(9, LatencySeconds: 0.4, CpuUtilization: double.NaN, RejectedRatio: 0.1);
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host, 2);
        Assert.Null(_bed.LastDecision().Floor);   // twice is not yet evidence
        await _bed.StepAsync(host);
        Assert.Equal((9, "saturation"), (_bed.LastDecision().Capacity.PerReplica, _bed.LastDecision().Capacity.Basis));
        Assert.Equal((4, 2), (_bed.Min("web-blue"), _bed.Min("web-green")));

        _bed.Source.Observation = null;
        await _bed.StopAsync(host);
        host = await _bed.StartAsync("two");
        await _bed.StepAsync(host);
        Assert.Equal((9, "saturation", 4), (_bed.LastDecision().Capacity.PerReplica, _bed.LastDecision().Capacity.Basis, _bed.LastDecision().Floor));
    }

    [Fact]
    public async Task DropGuard_KeepsTheFloorWhileDemandMayComeBack_AndThenLetsItFall()
    {
        var guarded = await FloorsAsync(new JsonObject { ["hold"] = "0s", ["dropGuard"] = new JsonObject { ["fallPercent"] = 30, ["within"] = "3m", ["hold"] = "6m" } });
        var bare = await FloorsAsync(new JsonObject { ["hold"] = "0s" });
        Assert.All(bare.Take(2).Concat(guarded.Take(2)), decision => Assert.Equal(4, decision.Floor));
        var fell = bare.FindIndex(decision => decision.Floor < 4);
        Assert.InRange(fell, 2, 6);
        Assert.All(guarded.Skip(fell).Take(6), decision => Assert.Equal(4, decision.Floor));
        Assert.All(guarded.Skip(fell).Take(6), decision => Assert.Contains(decision.Adjustments, adjustment => adjustment.Rule == "drop guard"));
        Assert.Equal(bare[^1].Floor, guarded[^1].Floor);
        Assert.True(guarded[^1].Floor < 4);

        static async Task<List<DecisionRecord>> FloorsAsync(JsonObject floor)
        {
            await using var bed = new AgentBed();
            bed.Apply(change: spec => spec["floor"] = floor);
            bed.Remember(600, _ => 35);
            bed.Source.Demand = (_, at) => at < AgentBed.Start.AddMinutes(2) ? 35 : 5;
            var host = await bed.StartAsync();
            await bed.StepAsync(host, 25);
            return [.. bed.Store.Decisions(AgentBed.Web)];
        }
    }

    [Fact]
    public async Task RandomDemand_IsCalledNotForecastable_AndTheFloorComesFromItsUsualDistribution()
    {
        var random = new Random(7);
        var noise = Enumerable.Range(0, 4000).Select(_ => 20 + (20 * random.NextDouble())).ToArray();
        double Noise(DateTimeOffset at) => noise[(int)((at - AgentBed.Start.AddDays(-2)) / AgentBed.Interval)];
        _bed.Apply();
        _bed.Remember(2 * 24 * 60, Noise);
        _bed.Source.Demand = (_, at) => Noise(at);
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        await Eventually.TrueAsync(() => _bed.Condition("Forecasting") == "NotForecastable", "the status says so");
        Assert.Equal(4, _bed.LastDecision().Floor);   // 97.5% of 20 to 40 is 39.5
        Assert.Contains("usual peak", _bed.LastDecision().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RandomWalk_HasNoForecastBetterThanTheLastValue_SoNoFloorIsMade()
    {
        var random = new Random(11);
        var walk = new double[4000];
        walk[0] = 500;
        for (var i = 1; i < walk.Length; i++)
        {
            walk[i] = Math.Max(1, walk[i - 1] + ((random.NextDouble() - 0.5) * 40));
        }
        double Walk(DateTimeOffset at) => walk[(int)((at - AgentBed.Start.AddDays(-2)) / AgentBed.Interval)];
        _bed.Apply(change: spec => spec["capacityPerReplica"] = 100);
        _bed.Remember(2 * 24 * 60, Walk);
        _bed.Source.Demand = (_, at) => Walk(at);
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        await Eventually.TrueAsync(() => _bed.Condition("Forecasting") is not null, "the status says so");
        var skill = _bed.LastDecision().Forecast.SkillAgainstNaive;
        // Whatever the seed does to the record: a lost record means no floor, and only that.
        Assert.Equal(skill <= 0, _bed.Condition("Forecasting") == "NotBetterThanNaive");
        Assert.Equal(skill <= 0, _bed.LastDecision().Floor is null);
    }

    [Fact]
    public async Task OutcomesAreScoredOnceTheLeadIsOver()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        var demand = 35.0;
        _bed.Source.Demand = (_, _) => demand;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        var first = _bed.Store.Entries(AgentBed.Web, EntryKind.Decision)[0].Number;
        await _bed.StepAsync(host);
        Assert.Empty(_bed.Store.Outcomes(AgentBed.Web));
        demand = 50;
        await _bed.StepAsync(host);
        var outcome = Assert.Single(_bed.Store.Outcomes(AgentBed.Web));
        Assert.Equal(first, outcome.Decision);
        Assert.Equal((50, 50, 2, 20), (outcome.PeakDemand, outcome.EndDemand, outcome.ReadyReplicas, outcome.ReadyCapacity));
        Assert.True(outcome.Violated);
        Assert.Equal(1, outcome.FellAtQuantile);
        Assert.Equal(first, _bed.Store.Entries(AgentBed.Web, EntryKind.Outcome)[0].Refers);
    }

    [Fact]
    public async Task HistoryOfTheSource_IsReadWhenNothingIsKnown_AndKept()
    {
        _bed.Apply();
        _bed.Source.Demand = (_, _) => 35;
        _bed.Source.History = (_, until) => new([.. Enumerable.Range(1, 600).Select(i => new DemandSample(until - (AgentBed.Interval * i), 35)).Reverse()], null);
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal(4, _bed.Min("web-blue"));
        Assert.True(_bed.Store.ReadDemand(AgentBed.Web, DateTimeOffset.MinValue).Count > 600);
    }

    [Fact]
    public async Task Reset_ForgetsWhatIsInMemoryToo()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        var worker = host.Services.GetRequiredService<ScalerWorker>();
        var before = worker.Find(AgentBed.Web);
        _bed.Store.Reset(AgentBed.Web);
        await Eventually.TrueAsync(() => worker.Find(AgentBed.Web) is { IsRestored: true } now && now != before, "a new scaler takes over");
        await _bed.StepAsync(host);
        Assert.Equal("Silent", _bed.LastDecision().Forecast.Stage);
    }

    [Fact]
    public async Task StoreFails_TheStatusSaysSoAndTheAgentGoesOn()
    {
        _bed.Apply();
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        _bed.Store.Problem = "The disk is full.";
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal(4, _bed.Min("web-blue"));
        await Eventually.TrueAsync(() => _bed.Condition("MemoryKept") == "NotKept", "the status says so");
    }

    [Fact]
    public async Task DeploymentWithoutAutoscaler_ItsReplicasAreTheFloor()
    {
        _bed.Apply(autoscalers: false, change: spec => spec["target"] = new JsonObject { ["deployment"] = "web-blue" });
        _bed.Remember(600, _ => 35);
        _bed.Source.Demand = (_, _) => 35;
        var host = await _bed.StartAsync();
        await _bed.StepAsync(host);
        Assert.Equal(4, _bed.Replicas("web-blue"));
        Assert.Equal(1, _bed.Replicas("web-green"));
    }
}
