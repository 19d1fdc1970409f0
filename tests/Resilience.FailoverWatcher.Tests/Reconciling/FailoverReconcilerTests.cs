using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Tests.Reconciling;

public sealed class FailoverReconcilerTests : IDisposable
{
    private static readonly BlueGreenKey Key = new("shop", "web");

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly FakeLogger<FailoverReconciler> _log = new();
    private readonly FakeProber _prober = new();
    private readonly FakeCluster _cluster;
    private readonly FailoverReconciler _reconciler;

    public FailoverReconcilerTests()
    {
        _cluster = new(_clock);
        _cluster.Fill(Slot.Blue, 2);
        _cluster.Fill(Slot.Green, 2);
        _reconciler = Start();
    }

    public void Dispose() => _services.Dispose();

    [Fact]
    public async Task Reconcile_FirstTime_SavesAStateAndProbesBothSlots()
    {
        await ReconcileAsync();
        Assert.Null(Assert.Single(_cluster.Commits).RouteTo);
        Assert.Equal(["blue-0", "blue-1", "green-0", "green-1"], _prober.Watched);
        await ReconcileAsync();
        Assert.Single(_cluster.Commits);   // nothing changed, so nothing is written
    }

    [Fact]
    public async Task Reconcile_SlotLost_MovesSelectorAndStateInOneWriteFromTheCache()
    {
        await ReconcileAsync();
        _cluster.ScaleAway(Slot.Blue);
        _cluster.ChangedAt = _clock.GetUtcNow().AddMilliseconds(-3);
        await ReconcileAsync();
        Assert.Equal(Slot.Green, _cluster.Active);
        Assert.Equal(Slot.Green, _cluster.Commits[^1].RouteTo);
        Assert.DoesNotContain(ReadFrom.Server, _cluster.Reads);
        var (status, decisions) = _cluster.Published[^1];
        Assert.Equal(Slot.Green, status.Active);
        Assert.Equal(3, status.LastSwitch!.DecideMilliseconds);
        Assert.Equal(DecisionReason.TrafficMoved, decisions[0].Reason);
        Assert.Contains(_log.Collector.GetSnapshot(), line => line.Id.Name == "TrafficMoved");
    }

    [Fact]
    public async Task Reconcile_CacheIsOld_ReadsAfreshAndDecidesAgain()
    {
        await ReconcileAsync();
        _cluster.FreezeCache();
        _cluster.WriteByOther(active: Slot.Green);   // a person was faster
        _cluster.ScaleAway(Slot.Blue);
        await ReconcileAsync();
        Assert.Equal(Slot.Green, _cluster.Active);
        Assert.Equal(SwitchKind.External, _cluster.State!.LastSwitch!.Kind);   // respected, not done again
        Assert.Equal([ReadFrom.Cache, ReadFrom.Cache, ReadFrom.Server], _cluster.Reads);
    }

    [Fact]
    public async Task Reconcile_ConflictAfterConflict_GivesUpForTheQueueToRetry()
    {
        await ReconcileAsync();
        _cluster.ScaleAway(Slot.Blue);
        for (var i = 0; i < 10; i++)
        {
            _cluster.Faults.Enqueue(() =>
            {
                _cluster.WriteByOther();
                return CommitFault.None;
            });
        }
        await Assert.ThrowsAsync<StaleSnapshotException>(() => ReconcileAsync());
        Assert.Equal(6, _cluster.Faults.Count);
        _cluster.Faults.Clear();
        await ReconcileAsync();
        Assert.Equal(Slot.Green, _cluster.Active);
    }

    [Fact]
    public async Task Reconcile_RequestLost_TheNextPassMoves()
    {
        await ReconcileAsync();
        _cluster.ScaleAway(Slot.Blue);
        _cluster.Faults.Enqueue(() => CommitFault.LoseRequest);
        await Assert.ThrowsAsync<IOException>(() => ReconcileAsync());
        Assert.Equal(Slot.Blue, _cluster.Active);
        await ReconcileAsync();
        Assert.Equal(Slot.Green, _cluster.Active);
    }

    [Fact]
    public async Task Reconcile_ResponseLost_DoesNotMoveTwiceAndAnnouncesLate()
    {
        await ReconcileAsync();
        _cluster.ScaleAway(Slot.Blue);
        _cluster.Faults.Enqueue(() => CommitFault.LoseResponse);
        await Assert.ThrowsAsync<IOException>(() => ReconcileAsync());
        Assert.DoesNotContain(_cluster.Published, published => published.Decisions.Any(decision => decision.Reason == DecisionReason.TrafficMoved));
        await ReconcileAsync();
        Assert.Single(_cluster.Commits, commit => commit.RouteTo is not null);
        Assert.Contains(_cluster.Published[^1].Decisions, decision => decision.Reason == DecisionReason.TrafficMoved);
        Assert.Null(_cluster.Published[^1].Status.LastSwitch!.PatchedAt);   // nobody knows
    }

    [Fact]
    public async Task Reconcile_CrashAfterTheMove_TheSuccessorKeepsItAndTheHoldDown()
    {
        await ReconcileAsync();
        _cluster.ScaleAway(Slot.Blue);
        await ReconcileAsync();
        _cluster.Desired[Slot.Blue] = 2;
        _cluster.Fill(Slot.Blue, 2);
        var successor = Start();
        await successor.ReconcileAsync(Key, TestContext.Current.CancellationToken);
        Assert.Equal(Slot.Green, _cluster.Active);
        Assert.Equal(_clock.GetUtcNow().AddSeconds(60), _cluster.State!.HoldDownUntil);
        Assert.Equal(SwitchKind.Rescue, _cluster.Published[^1].Status.LastSwitch!.Switch.Kind);
    }

    [Fact]
    public async Task Reconcile_PausedOldLeaderWakes_CannotAct()
    {
        await ReconcileAsync();
        _cluster.FreezeCache();   // what the sleeper remembers
        var successor = Start();
        _cluster.ScaleAway(Slot.Blue);
        _cluster.WriteByOther(active: Slot.Green);
        await _reconciler.ReconcileAsync(Key, TestContext.Current.CancellationToken);
        Assert.Equal(Slot.Green, _cluster.Active);
        Assert.DoesNotContain(_cluster.Commits, commit => commit.RouteTo is not null);
        await successor.ReconcileAsync(Key, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(FailoverMode.Observe)]
    [InlineData(FailoverMode.Paused)]
    public async Task Reconcile_ObserveOrPaused_WritesNothing(FailoverMode mode)
    {
        _cluster.Limits = new() { Mode = mode };
        await ReconcileAsync();
        _cluster.ScaleAway(Slot.Blue);
        await ReconcileAsync();
        await ReconcileAsync();
        Assert.Empty(_cluster.Commits);
        Assert.Empty(_cluster.Borrowed);
        var said = _cluster.Published.SelectMany(published => published.Decisions).Count(decision => decision.Reason == DecisionReason.WouldMove);
        Assert.Equal(mode == FailoverMode.Observe ? 1 : 0, said);
    }

    [Fact]
    public async Task Reconcile_HungPods_MovesOnTheProbersWord()
    {
        await ReconcileAsync();
        var failedAt = _clock.GetUtcNow();
        _clock.Advance(TimeSpan.FromMilliseconds(750));
        foreach (var i in (int[])[0, 1])
        {
            _prober.Facts[$"uid-blue-{i}"] = new(failedAt, failedAt.AddSeconds(-1));
            _prober.Facts[$"uid-green-{i}"] = new(null, failedAt.AddMilliseconds(500));
        }
        await ReconcileAsync();
        Assert.Equal(Slot.Green, _cluster.Active);
        Assert.Equal(750, _cluster.Published[^1].Status.LastSwitch!.DetectMilliseconds);
    }

    [Fact]
    public async Task Reconcile_InvalidSpec_SaysWhyAndStops()
    {
        _cluster.InvalidSpec = "spec.health.probe.timeout must not exceed spec.health.probe.interval.";
        _cluster.ScaleAway(Slot.Blue);
        await ReconcileAsync();
        Assert.Empty(_cluster.Commits);
        Assert.Equal(_cluster.InvalidSpec, _cluster.Published[^1].Status.InvalidSpec);
    }

    [Fact]
    public async Task Reconcile_AnnotationIsGarbage_StartsAfresh()
    {
        _cluster.Spoil("{\"phase\":\"Dancing\"}");
        await ReconcileAsync();
        Assert.Equal(FailoverPhase.Serving, _cluster.State!.Phase);
    }

    [Fact]
    public async Task Reconcile_ServiceGone_StopsProbingAndWaitsForAnEvent()
    {
        await ReconcileAsync();
        _cluster.Exists = false;
        Assert.Null(await ReconcileAsync());
        Assert.Empty(_prober.Watched);
    }

    [Fact]
    public async Task Reconcile_Move_IsCountedByKind()
    {
        using var switches = new MetricCollector<long>(_services.GetRequiredService<IMeterFactory>(), FailoverMetrics.MeterName, "resilience.failover.switches");
        await ReconcileAsync();
        _cluster.ScaleAway(Slot.Blue);
        await ReconcileAsync();
        var measured = Assert.Single(switches.GetMeasurementSnapshot());
        Assert.Equal("rescue", measured.Tags["kind"]);
        Assert.Equal("green", measured.Tags["to"]);
    }

    private FailoverReconciler Start() => new(_cluster, _prober, new(_services.GetRequiredService<IMeterFactory>()), _clock, _log);

    private Task<TimeSpan?> ReconcileAsync() => _reconciler.ReconcileAsync(Key, TestContext.Current.CancellationToken);
}
