using Resilience.Control.Failover;

namespace Resilience.Control.Tests.Failover;

public sealed class SwitchoverTests
{
    private static SwitchoverRequest Request(string uid = "u1") => new(uid, "drill", Slot.Green) { Reason = "practice" };

    [Fact]
    public void Decide_HealthyTarget_MovesAtOnceAndIsFinalAfterVerification()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Switchovers.Add(Request());
        var step = scene.After(0);
        Assert.Equal(Slot.Green, step.RouteTo);
        Assert.Equal(SwitchoverPhase.Verifying, step.State.Switchover!.Phase);
        Assert.Null(step.State.HoldDownUntil);   // counted apart: neither obeys nor starts a hold-down
        scene.Run(11);
        Assert.Equal(SwitchoverPhase.Switched, scene.State!.Switchover!.Phase);
        Assert.Single(scene.Moves);
    }

    [Fact]
    public void Decide_DuringHoldDown_IsExempt()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Active = Slot.Green;
        scene.After(1);
        scene.Switchovers.Add(new("u1", "back", Slot.Blue));
        Assert.Equal(Slot.Blue, scene.After(1).RouteTo);
    }

    [Fact]
    public void Decide_TargetLosesHealthWhileVerified_RollsBackOnce()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Switchovers.Add(Request());
        scene.After(0);
        scene.Lose(Slot.Green, 1);
        var step = scene.After(5);
        Assert.Equal(Slot.Blue, step.RouteTo);
        Assert.Equal(SwitchoverPhase.RolledBack, step.State.Switchover!.Phase);
        scene.Run(60);
        Assert.Equal(2, scene.Moves.Count);
    }

    [Fact]
    public void Decide_NeedsApproval_WaitsForIt()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Switchovers.Add(Request() with { NeedsApproval = true });
        scene.Run(5);
        Assert.Equal(SwitchoverPhase.AwaitingApproval, scene.State!.Switchover!.Phase);
        Assert.Empty(scene.Moves);
        scene.Switchovers[0] = scene.Switchovers[0] with { Verdict = new(Approved: true, "Ada") };
        Assert.Equal(Slot.Green, scene.After(0.1).RouteTo);
    }

    public static TheoryData<string, SwitchoverPhase> Objections => new()
    {
        { "rejected", SwitchoverPhase.Rejected },
        { "expired", SwitchoverPhase.Expired },
        { "wrong precondition", SwitchoverPhase.Failed },
        { "already there", SwitchoverPhase.Switched },   // nothing to do is success
    };

    [Theory]
    [MemberData(nameof(Objections))]
    public void Decide_CannotOrNeedNotBeCarriedOut_EndsWithoutMoving(string what, SwitchoverPhase phase)
    {
        var scene = new Scene();
        scene.Decide();
        scene.Switchovers.Add(what switch
        {
            "rejected" => Request() with { NeedsApproval = true, Verdict = new(Approved: false, "Ada") },
            "expired" => Request() with { ExpiresAt = scene.Now },
            "wrong precondition" => Request() with { ExpectedActive = Slot.Green },
            _ => Request() with { To = Slot.Blue },
        });
        var step = scene.After(0.1);
        Assert.Equal(phase, step.State.Switchover!.Phase);
        Assert.NotEmpty(step.State.Switchover.Message);
        scene.Run(5);
        Assert.Empty(scene.Moves);
    }

    [Fact]
    public void Decide_TargetTooSmall_PrescalesFirst()
    {
        var scene = new Scene(blue: 3, green: 1);
        scene.Decide();
        scene.Switchovers.Add(Request());
        scene.After(0.1);
        Assert.Equal(SwitchoverPhase.Prescaling, scene.State!.Switchover!.Phase);
        Assert.Equal(3, scene.Floors[Slot.Green]);
        Assert.Empty(scene.Moves);
        scene.Fill(Slot.Green, 3);
        Assert.Equal(Slot.Green, scene.After(1).RouteTo);
    }

    [Fact]
    public void Decide_PrescaledTargetDoesNotCome_FailsAndReturnsTheFloor()
    {
        var scene = new Scene(blue: 3, green: 1);
        scene.Decide();
        scene.Switchovers.Add(Request());
        scene.Run(62);
        Assert.Equal(SwitchoverPhase.Failed, scene.State!.Switchover!.Phase);
        Assert.Equal(1, scene.Floors[Slot.Green]);
        Assert.Empty(scene.Moves);
    }

    [Fact]
    public void Decide_SeveralRequests_CarriesThemOutOneAfterAnother()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Switchovers.Add(Request());
        scene.Switchovers.Add(new("u2", "back", Slot.Blue));
        scene.Run(5);
        Assert.Single(scene.Moves);   // the first is still being verified
        scene.Run(30);
        Assert.Single(scene.Moves);   // it is done, but as long as it still looks open its end has not been told
        scene.Switchovers.RemoveAt(0);
        scene.Run(1);
        Assert.Equal([Slot.Green, Slot.Blue], scene.Moves.Select(move => move.Switch.To));
    }

    [Fact]
    public void Decide_DeletedWhileWaiting_IsForgotten()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Switchovers.Add(Request() with { NeedsApproval = true });
        scene.After(1);
        scene.Switchovers.Clear();
        scene.After(1);
        Assert.Null(scene.State!.Switchover);
        Assert.Empty(scene.Moves);
    }

    [Fact]
    public void Decide_InObserve_StaysPendingAndSaysWhy()
    {
        var scene = new Scene(limits: new() { Mode = FailoverMode.Observe });
        scene.Decide();
        scene.Switchovers.Add(Request());
        scene.Run(5);
        Assert.Equal(SwitchoverPhase.Pending, scene.State!.Switchover!.Phase);
        Assert.Contains("Observe", scene.State.Switchover.Message, StringComparison.Ordinal);
        Assert.Empty(scene.Moves);
    }
}
