using Microsoft.Extensions.Time.Testing;
using Resilience.Lab.Cli;
using Resilience.Lab.Drills;

namespace Resilience.Lab.Tests.Drills;

public sealed class DrillTests
{
    private static readonly Dictionary<string, double> NoParameters = [];
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Outage_ScalesAwayAndBack_AndTheRecordSaysHow()
    {
        var target = new FakeDrillTarget();
        var drill = await StartAsync(target, "outage", "blue");

        var (replicas, record) = target.Slot("blue");
        Assert.Equal((0, "outage", 2), (replicas, record!.Kind, record.Before));

        await drill.RestoreAsync();
        Assert.Equal((2, null), target.Slot("blue"));
    }

    [Fact]
    public async Task Hang_StopsAndContinues()
    {
        var target = new FakeDrillTarget();
        var drill = await StartAsync(target, "hang", "blue");
        Assert.Equal(["blue-1", "blue-2"], target.Stopped.Order());

        await drill.RestoreAsync();
        Assert.Empty(target.Stopped);
    }

    [Fact]
    public async Task Hang_WithoutDrillApi_GoesThroughTheFaultsAndEndsByItself()
    {
        var target = new FakeDrillTarget { HasDrillApi = false };
        var drill = await StartAsync(target, "hang", "green");
        Assert.Equal(20, (double)target.Faults["green-1"]["forSeconds"]!);

        await drill.RestoreAsync();
        Assert.Empty(target.Faults);
    }

    [Fact]
    public async Task Partial_HitsHalfThePods_AgainInEachNewLife()
    {
        var target = new FakeDrillTarget();
        await using var drill = await StartAsync(target, "partial", "blue");
        Assert.Equal(1, target.Kills["blue-1"]);
        Assert.False(target.Kills.ContainsKey("blue-2"));

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, target.Kills["blue-1"]);   // one life is ended once

        target.Pods["blue-1"] = new("blue-1", "a/1", true);
        await UntilAsync(() => target.Kills["blue-1"] == 2);
        Assert.False(target.Kills.ContainsKey("blue-2"));
    }

    [Fact]
    public async Task Flap_GoesDownAndUp()
    {
        var target = new FakeDrillTarget();
        var drill = await StartAsync(target, "flap", "blue");
        Assert.Equal(0, target.Slot("blue").Replicas);

        await UntilAsync(() => target.Slot("blue").Replicas == 2);
        await UntilAsync(() => target.Slot("blue").Replicas == 0);
        Assert.NotNull(target.Slot("blue").Record);

        await drill.RestoreAsync();
        Assert.Equal((2, null), target.Slot("blue"));
    }

    [Fact]
    public async Task Start_OnASlotThatIsHeld_IsRefused()
    {
        var target = new FakeDrillTarget();
        await using var first = await StartAsync(target, "outage", "blue");

        var refused = await Assert.ThrowsAsync<LabException>(() => StartAsync(target, "slow", "blue"));
        Assert.Contains("lab chaos heal", refused.Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_ThatFailsHalfWay_LeavesNothing()
    {
        var target = new FakeDrillTarget { SignalFails = true };

        _ = await Assert.ThrowsAsync<ClusterAccess.Api.ClusterException>(() => StartAsync(target, "hang", "blue"));
        Assert.Equal((2, null), target.Slot("blue"));
    }

    [Theory]
    [InlineData("outage")]
    [InlineData("hang")]
    [InlineData("slow")]
    [InlineData("flap")]
    [InlineData("partition")]
    public async Task Crew_EndedByAnAbort_UndoesEverything(string fault)
    {
        var target = new FakeDrillTarget();
        using var stop = new CancellationTokenSource();
        var crew = new DrillCrew(target, _time);
        _ = await crew.StartAsync(fault, "both", NoParameters, TimeSpan.FromSeconds(20), stop.Token);

        await stop.CancelAsync();
        await crew.DisposeAsync();

        Assert.Equal(((2, null), (2, null)), (target.Slot("blue"), target.Slot("green")));
        Assert.Empty(target.Stopped);
        Assert.Empty(target.Faults);
        Assert.Null(target.Network);
    }

    [Theory]
    [InlineData("active", "green")]
    [InlineData("standby", "blue")]
    public async Task Crew_FindsTheSlotWhenTheDrillStarts(string named, string hit)
    {
        var target = new FakeDrillTarget { Active = "green" };
        await using var crew = new DrillCrew(target, _time);

        var drill = Assert.Single(await crew.StartAsync("outage", named, NoParameters, TimeSpan.FromSeconds(1), CancellationToken.None));
        Assert.Equal(hit, drill.Slot);
    }

    [Fact]
    public async Task Heal_UndoesWhatAKilledLabLeft()
    {
        var target = new FakeDrillTarget();
        _ = await StartAsync(target, "outage", "green");

        Assert.Equal(["outage on green"], await DrillCrew.HealAsync(target, CancellationToken.None));
        Assert.Equal((2, null), target.Slot("green"));
        Assert.Empty(await DrillCrew.HealAsync(target, CancellationToken.None));
    }

    [Fact]
    public async Task KillLeader_KillsTheWatcherThatLeads()
    {
        var target = new FakeDrillTarget();
        await using var drill = await StartAsync(target, "kill-leader", "leader");

        Assert.Equal(("watcher-1", 1), (drill.Slot, target.Kills["watcher-1"]));
    }

    [Fact]
    public async Task RolloutRestart_LeavesNothingToUndo()
    {
        var target = new FakeDrillTarget();
        await using (await StartAsync(target, "rollout-restart", "green"))
        {
            Assert.Equal(["green"], target.Restarted);
            Assert.Equal((2, null), target.Slot("green"));
        }

        Assert.Empty(await DrillCrew.HealAsync(target, CancellationToken.None));
        Assert.Equal(["green"], target.Restarted);
    }

    [Fact]
    public void Record_ThatIsNotOurs_IsNotRead()
    {
        Assert.Null(DrillRecord.Parse("yes please"));
        Assert.Null(DrillRecord.Parse(null));
    }

    private Task<Drill> StartAsync(FakeDrillTarget target, string fault, string slot) =>
        Drill.StartAsync(target, _time, FaultCatalog.Find(fault), slot, NoParameters, TimeSpan.FromSeconds(20), CancellationToken.None);

    /// <summary>Moves time on until the drill's own loop has done its work.</summary>
    private async Task UntilAsync(Func<bool> holds)
    {
        for (var i = 0; i < 10_000 && !holds(); i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        Assert.True(holds(), "the drill did not do its work");
    }
}
