using Resilience.Control.Failover;

namespace Resilience.Control.Tests.Failover;

public sealed class OptionalMoveTests
{
    //          desired lost starting  sick
    [Theory]
    [InlineData(4, 1, 0, false)]   // 3 of 4 is 75%: at the limit is enough
    [InlineData(4, 2, 0, true)]
    [InlineData(2, 1, 0, true)]
    [InlineData(2, 0, 1, false)]   // a pod that never was Ready is no loss
    [InlineData(10, 1, 7, false)]  // a scale-up from 3 to 10 in which one pod fails has lost a tenth, not 80%
    [InlineData(0, 2, 0, false)]   // nothing is wanted, so nothing is missing
    public void IsSick_CountsOnlyLosses(int desired, int lost, int starting, bool isSick)
    {
        var scene = new Scene(blue: Math.Max(0, desired - starting));
        scene.Desired[Slot.Blue] = desired;
        scene.Begin(Slot.Blue, starting);
        scene.Lose(Slot.Blue, lost);
        Assert.Equal(isSick, SlotHealth.Assess(Slot.Blue, scene.View(), scene.Limits).IsSick(scene.Limits.MinReady));
    }

    [Fact]
    public void IsSick_RolloutReplacesPods_IsNever()
    {
        // maxUnavailable 1: at every moment one old pod is leaving and one new one is starting.
        var scene = new Scene();
        scene.Decide();
        for (var round = 0; round < 2; round++)
        {
            scene.Change(Slot.Blue, pod => pod.Name == $"blue-{round}" ? pod with { Terminating = true } : pod);
            scene.Begin(Slot.Blue);
            scene.Run(5);
            scene.Heal(Slot.Blue);
            scene.Run(5);
        }
        Assert.Empty(scene.Moves);
        Assert.DoesNotContain(scene.Said, said => said.Reason == DecisionReason.LossSuspected);
    }

    [Fact]
    public void Decide_PartialLossLasts_MovesAfterConfirmation()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 1);
        var suspected = scene.After(0);
        Assert.Equal(FailoverPhase.Suspect, suspected.State.Phase);
        Assert.Equal(TimeSpan.FromSeconds(2), suspected.RecheckIn);
        Assert.Null(scene.After(1.9).RouteTo);
        var moved = scene.After(0.1);
        Assert.Equal(Slot.Green, moved.RouteTo);
        Assert.Equal(SwitchKind.Optional, moved.State.LastSwitch!.Kind);
        Assert.Equal(scene.Now.AddSeconds(60), moved.State.HoldDownUntil);
    }

    [Fact]
    public void Decide_LossPassesBeforeConfirmation_StaysAndSaysRecovered()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 1);
        scene.After(0);
        scene.Fill(Slot.Blue, 2);
        var step = scene.After(1);
        Assert.Equal(FailoverPhase.Serving, step.State.Phase);
        Assert.Equal(DecisionReason.Recovered, Assert.Single(step.Decisions).Reason);
    }

    [Fact]
    public void Decide_PodCrashesInALoop_ComingBackForAMomentDoesNotHideTheLoss()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 1);
        scene.After(0);
        scene.Heal(Slot.Blue);
        scene.After(1);
        Assert.Equal(FailoverPhase.Suspect, scene.State!.Phase);   // Ready for 1 s, and once burnt
        scene.Lose(Slot.Blue, 1);
        Assert.Equal(Slot.Green, scene.After(1).RouteTo);
    }

    [Fact]
    public void Decide_StandbyTooSmall_IsEnlargedThenUsed()
    {
        var scene = new Scene(blue: 4, green: 1);
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.Run(2.5);
        Assert.Equal(FailoverPhase.Preparing, scene.State!.Phase);
        Assert.Equal(4, scene.Floors[Slot.Green]);
        Assert.Empty(scene.Moves);
        scene.Fill(Slot.Green, 4);
        scene.Desired[Slot.Green] = 4;
        scene.Run(1);
        Assert.Equal(Slot.Green, Assert.Single(scene.Moves).Switch.To);
        scene.Run(60);
        Assert.Equal(4, scene.Floors[Slot.Green]);   // kept until the autoscaler has seen the load
        scene.Run(70);
        Assert.Equal(1, scene.Floors[Slot.Green]);
    }

    [Theory]
    [InlineData(true, 3, "allows 3 at most")]
    [InlineData(false, 9, "switched off")]
    public void Decide_StandbyCannotCarryTheLoad_RefusesOnceWithTheReason(bool prescale, int max, string because)
    {
        var scene = new Scene(blue: 4, green: 1, limits: new() { Prescale = prescale }) { MaxReplicas = max };
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.Run(30);
        Assert.Empty(scene.Moves);
        Assert.Equal(1, scene.Floors[Slot.Green]);
        var said = Assert.Single(scene.Said, said => said.Reason == DecisionReason.MoveRefused);
        Assert.Contains(because, said.Message, StringComparison.Ordinal);
        Assert.Contains("4 settled pods are needed, 1 are there", said.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decide_EnlargedStandbyDoesNotCome_RefusesAndReturnsTheFloor()
    {
        var scene = new Scene(blue: 4, green: 1);
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.Run(63);
        Assert.Equal(FailoverPhase.Refused, scene.State!.Phase);
        Assert.Equal(1, scene.Floors[Slot.Green]);
        Assert.Empty(scene.Moves);
    }

    [Fact]
    public void Decide_SecondLossInHoldDown_WaitsForItsEnd()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 1);
        scene.Run(2.5);
        scene.Fill(Slot.Blue, 2);
        scene.Run(5);
        scene.Lose(Slot.Green, 1);
        scene.Run(40);
        Assert.Single(scene.Moves);
        Assert.Contains(scene.Said, said => said.Reason == DecisionReason.HoldDown);
        scene.Run(20);
        Assert.Equal(2, scene.Moves.Count);
        Assert.Equal(1, scene.State!.HoldDownLevel);
        Assert.Equal(TimeSpan.FromSeconds(120), scene.State.HoldDownUntil - scene.Moves[1].At);   // doubled
    }

    [Theory]
    [InlineData(110, 1)]   // 50 s after a hold-down of 60 s: still troubled
    [InlineData(130, 0)]   // 70 s after: forgiven
    public void Decide_NextMoveAfterAQuietTime_StartsSmallAgain(double seconds, int level)
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.After(0);
        scene.Heal(Slot.Blue);
        scene.Run(seconds);
        scene.Lose(Slot.Green, 2);
        scene.After(0);
        Assert.Equal(level, scene.State!.HoldDownLevel);
    }

    [Fact]
    public void Decide_Acknowledged_EndsTheHoldDownOnce()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 1);
        scene.Run(2.5);
        scene.Fill(Slot.Blue, 2);
        scene.Lose(Slot.Green, 1);
        scene.Run(5);
        scene.Acknowledgement = "seen by Ada";
        scene.Run(0.2);
        Assert.Equal(2, scene.Moves.Count);
        Assert.Single(scene.Said, said => said.Reason == DecisionReason.Acknowledged);
    }

    [Fact]
    public void Decide_SomebodyElseMovesTraffic_AdoptsItAndHoldsDown()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Active = Slot.Green;
        var step = scene.After(1);
        Assert.Null(step.RouteTo);
        Assert.Equal(SwitchKind.External, step.State.LastSwitch!.Kind);
        scene.Lose(Slot.Green, 1);
        scene.Run(55);
        Assert.Empty(scene.Moves);
        scene.Run(10);
        Assert.Single(scene.Moves);
    }

    [Theory]
    [InlineData(FailbackPolicy.Automatic, 1, 0)]
    [InlineData(FailbackPolicy.Manual, 0, 1)]
    [InlineData(FailbackPolicy.Never, 0, 0)]
    public void Decide_PreferredSlotIsWellAgain_FollowsThePolicy(FailbackPolicy policy, int failbacks, int hints)
    {
        var scene = new Scene(limits: new() { Failback = policy, StableFor = TimeSpan.FromSeconds(90) });
        scene.Decide();
        scene.ScaleAway(Slot.Blue);
        scene.Run(1);
        scene.Desired[Slot.Blue] = 2;
        scene.Fill(Slot.Blue, 2);
        scene.Run(85);
        Assert.Single(scene.Moves);   // not stable for long enough yet
        scene.Run(60);
        Assert.Equal(failbacks, scene.Moves.Count(move => move.Switch.Kind == SwitchKind.Failback));
        Assert.Equal(hints, scene.Said.Count(said => said.Reason == DecisionReason.FailBackReady));
    }

    [Fact]
    public void Decide_PreferredSlotFlaps_TheStableTimeStartsAgain()
    {
        var scene = new Scene(limits: new() { Failback = FailbackPolicy.Automatic, StableFor = TimeSpan.FromSeconds(60) });
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.Run(1);
        for (var flap = 0; flap < 10; flap++)
        {
            scene.Heal(Slot.Blue);
            scene.Run(20);
            scene.Lose(Slot.Blue, 1);
            scene.Run(1);
        }
        Assert.Single(scene.Moves);
    }

    [Fact]
    public void Decide_APersonMovedTraffic_FailbackDoesNotUndoIt()
    {
        var scene = new Scene(limits: new() { Failback = FailbackPolicy.Automatic, StableFor = TimeSpan.FromSeconds(10) });
        scene.Decide();
        scene.Switchovers.Add(new("u1", "to-green", Slot.Green));
        scene.Run(0.2);
        scene.Switchovers.Clear();
        scene.Run(300);
        Assert.Equal(SwitchKind.Switchover, Assert.Single(scene.Moves).Switch.Kind);
    }

    [Fact]
    public void Decide_ColdStandbyIsNeeded_IsWokenAndUsed()
    {
        var scene = new Scene(green: 0);
        scene.Decide();
        Assert.Null(scene.Last.Borrow);   // a cold standby stays cold while nothing is wrong
        scene.ScaleAway(Slot.Blue);
        var step = scene.After(0.1);
        Assert.True(step.Borrow is { Slot: Slot.Green, Wake: true, Replicas: 2 });
        scene.Clear(Slot.Blue);
        scene.Begin(Slot.Green, 2);
        scene.Run(3);
        Assert.Equal(2, scene.State!.Needed);   // still known when the pods that it was read from are gone
        scene.Heal(Slot.Green);
        scene.Run(3);
        Assert.Equal(Slot.Green, Assert.Single(scene.Moves).Switch.To);
    }

    [Fact]
    public void Decide_FloorAboveTheAutoscalersMaximum_IsClampedAndSaidSo()
    {
        var scene = new Scene(blue: 8, green: 1) { MaxReplicas = 5 };
        scene.Decide();
        scene.ScaleAway(Slot.Blue);
        scene.After(0.1);
        scene.After(0.1);
        Assert.Equal(5, scene.Floors[Slot.Green]);
        Assert.Contains(scene.Said, said => said.Reason == DecisionReason.FloorChanged && said.Message.Contains("8 would be needed", StringComparison.Ordinal));
    }

    [Fact]
    public void Decide_WokenSlotWithoutAutoscaler_KeepsItsReplicasWhileItHasTheTraffic()
    {
        var scene = new Scene(green: 0) { MaxReplicas = null };
        scene.Decide();
        scene.ScaleAway(Slot.Blue);
        scene.After(0.1);
        scene.Clear(Slot.Blue);
        scene.Fill(Slot.Green, 2);
        scene.Run(600);   // far beyond the time a floor is held
        Assert.Single(scene.Moves);
        Assert.Equal(2, scene.Desired[Slot.Green]);
    }
}
