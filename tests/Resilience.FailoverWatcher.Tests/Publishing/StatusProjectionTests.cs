using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Publishing;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher.Tests.Publishing;

public sealed class StatusProjectionTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void BlueGreen_ManyMoves_KeepsTheLastTwentyNewestFirst()
    {
        var blueGreen = new BlueGreen();
        for (var move = 0; move < 25; move++)
        {
            blueGreen = Applied(blueGreen, Status(Timed(Now.AddMinutes(move))));
        }
        Assert.Equal(20, blueGreen.Status!.History!.Count);
        Assert.Equal(Now.AddMinutes(24), blueGreen.Status.History[0].Time);
        Assert.Equal(Now.AddMinutes(5), blueGreen.Status.History[^1].Time);
    }

    [Fact]
    public void BlueGreen_NewLeaderKnowsNoTiming_ThePredecessorsIsKept()
    {
        var timed = Timed(Now);
        var told = Applied(new(), Status(timed));
        var retold = Applied(told, Status(timed with { DetectedAt = null, PatchedAt = null }));
        Assert.Equal(7, Assert.Single(retold.Status!.History!).PatchMilliseconds);
        Assert.Equal(7, retold.Status.LastSwitch!.PatchMilliseconds);
    }

    [Fact]
    public void BlueGreen_ConditionUnchanged_KeepsItsTransitionTime()
    {
        var first = Applied(new(), Status(null));
        var later = Applied(first, Status(null), Now.AddHours(1));
        Assert.All(later.Status!.Conditions!, condition => Assert.Equal(Now.UtcDateTime, condition.LastTransitionTime));
        var lost = Applied(later, Status(null) with { Blue = new(0, 2, false) }, Now.AddHours(2));
        Assert.Equal(Now.AddHours(2).UtcDateTime, lost.Status!.Conditions!.Single(condition => condition.Type == "Serving").LastTransitionTime);
    }

    [Fact]
    public void Switchover_EachPhase_AddsAStepAndEndsTheOneBefore()
    {
        var switchover = new Switchover();
        foreach (var (phase, at) in new[] { (SwitchoverPhase.Prescaling, Now), (SwitchoverPhase.Verifying, Now.AddSeconds(20)), (SwitchoverPhase.Switched, Now.AddSeconds(30)) })
        {
            var body = StatusProjection.Switchover(switchover, new("u", "n", phase, at, Slot.Blue, Slot.Green, phase.ToString()));
            switchover.Status = body["status"]!.Deserialize<SwitchoverStatus>(ClusterJson.Options);
        }
        Assert.Equal(["Prescaling", "Verifying", "Switched"], switchover.Status!.Steps!.Select(step => step.Name));
        Assert.Equal(Now.AddSeconds(20), switchover.Status.Steps![0].FinishedAt);
        Assert.Equal(Now, switchover.Status.StartedAt);
        Assert.Equal(Now.AddSeconds(30), switchover.Status.FinishedAt);
    }

    private static SwitchTiming Timed(DateTimeOffset at) =>
        new(new(at, SwitchKind.Rescue, Slot.Blue, Slot.Green, "because", at, 2), at, at, at.AddMilliseconds(7));

    private static FailoverStatus Status(SwitchTiming? last) => new()
    {
        Mode = FailoverMode.Auto, Active = Slot.Blue, Blue = new(2, 2, true), Green = new(2, 2, true), LastSwitch = last,
    };

    private static BlueGreen Applied(BlueGreen current, FailoverStatus status, DateTimeOffset? now = null)
    {
        JsonObject body = StatusProjection.BlueGreen(current, status, status.LastSwitch is { } last ? [last] : [], now ?? Now);
        return new() { Status = body["status"].Deserialize<BlueGreenStatus>(ClusterJson.Options) };
    }
}
