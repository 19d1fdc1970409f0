using Resilience.Control.Failover;

namespace Resilience.Control.Tests.Failover;

public sealed class RescueTests
{
    [Fact]
    public void Decide_WithoutState_TakesChargeAndMovesNothing()
    {
        var scene = new Scene();
        var step = scene.Decide();
        Assert.Null(step.RouteTo);
        Assert.Equal(FailoverPhase.Serving, step.State.Phase);
        Assert.Equal(Slot.Blue, step.State.Active);
        Assert.Equal(DecisionReason.Watching, Assert.Single(step.Decisions).Reason);
    }

    //          ready on green, for s   route to
    [Theory]
    [InlineData(0, 0.0, null)]          // nowhere to go
    [InlineData(1, 1.9, null)]          // not proved yet
    [InlineData(1, 2.0, Slot.Green)]    // at the limit it is proved
    [InlineData(2, 60.0, Slot.Green)]
    public void Decide_NothingServesOnTheActiveSlot_GoesWhereAPodHasProvedStable(int ready, double seconds, Slot? routeTo)
    {
        var scene = new Scene(green: 0);
        scene.Decide();
        scene.Desired[Slot.Green] = 2;
        scene.Fill(Slot.Green, ready);
        scene.Change(Slot.Green, pod => pod with { Since = scene.Now.AddSeconds(-seconds) });
        scene.Lose(Slot.Blue, 2);
        Assert.Equal(routeTo, scene.After(0).RouteTo);
    }

    [Fact]
    public void Decide_ActiveScaledToZero_MovesAtOnceThoughItsPodsStillAnswer()
    {
        var scene = new Scene();
        scene.Decide();
        scene.ScaleAway(Slot.Blue);
        var step = scene.After(0.01);
        Assert.Equal(Slot.Green, step.RouteTo);
        Assert.Equal(SwitchKind.Rescue, step.State.LastSwitch!.Kind);
        Assert.Equal(2, step.State.LastSwitch.Needed);   // what it had a moment ago, read from the leaving pods
        var said = Assert.Single(step.Decisions);
        Assert.Contains("blue has 0 serving of 0 wanted, 2 leaving", said.Message, StringComparison.Ordinal);
        Assert.True(said.IsWarning);
    }

    [Fact]
    public void Decide_StandbySettlesLater_AsksToBeCalledJustThen()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Change(Slot.Green, pod => pod with { Since = scene.Now.AddSeconds(-0.5) });
        scene.Lose(Slot.Blue, 2);
        var step = scene.After(0);
        Assert.Null(step.RouteTo);
        Assert.Equal(DecisionReason.SlotLost, Assert.Single(step.Decisions).Reason);
        Assert.Equal(TimeSpan.FromSeconds(1.5), step.RecheckIn);
        Assert.Equal(Slot.Green, scene.After(1.5).RouteTo);
    }

    [Fact]
    public void Decide_DuringHoldDown_RescuesAllTheSame()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.After(1);
        scene.Heal(Slot.Blue);
        scene.After(10);
        scene.Lose(Slot.Green, 2);
        Assert.Equal(Slot.Blue, scene.After(1).RouteTo);
        Assert.True(scene.State!.HoldDownUntil > scene.Now);
    }

    [Fact]
    public void Decide_SlotsAlternateQuickly_RescuesAtFiveTenTwentySeconds()
    {
        var scene = new Scene(limits: new() { ReadyFor = TimeSpan.Zero });
        scene.Decide();
        for (var tick = 0; tick < 1000; tick++)
        {
            scene.Lose(scene.Active!.Value, 2);
            scene.Heal(scene.Active!.Value.Other());
            scene.After(0.1);
        }
        var gaps = scene.Moves.Zip(scene.Moves.Skip(1), (a, b) => (b.At - a.At).TotalSeconds).ToArray();
        Assert.Equal([5, 10, 20, 40], gaps.Take(4).Select(gap => Math.Round(gap)));
        Assert.Contains(scene.Said, said => said.Reason == DecisionReason.RescueLimited);
    }

    [Theory]
    [InlineData(BothDownPolicy.Stay, null)]
    [InlineData(BothDownPolicy.LeastBad, Slot.Green)]   // Ready for 0.1 s only, but better than nothing
    public void Decide_BothDown_FollowsThePolicy(BothDownPolicy policy, Slot? routeTo)
    {
        var scene = new Scene(limits: new() { BothDown = policy });
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.Change(Slot.Green, pod => pod with { Since = scene.Now });
        Assert.Equal(routeTo, scene.After(0.1).RouteTo);
    }

    [Fact]
    public void Decide_BothDown_SaysSoOnceAndTakesTheFirstThatComesBack()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.Lose(Slot.Green, 2);
        scene.Run(5);
        Assert.Single(scene.Said, said => said.Reason == DecisionReason.BothSlotsDown);
        Assert.Empty(scene.Moves);
        scene.Heal(Slot.Green);
        scene.Run(3);
        Assert.Equal(Slot.Green, Assert.Single(scene.Moves).Switch.To);
    }

    [Fact]
    public void Decide_ActiveComesBackFirst_TrafficStays()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 2);
        scene.Lose(Slot.Green, 2);
        scene.After(1);
        scene.Heal(Slot.Blue);
        scene.Run(5);
        Assert.Empty(scene.Moves);
        Assert.Equal(FailoverPhase.Serving, scene.State!.Phase);
    }

    [Fact]
    public void Decide_HungButReady_MovesWhenTheOtherSlotAnswers()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Probe(Slot.Blue, answers: false);
        scene.After(0.25);
        Assert.Empty(scene.Moves);   // nobody has answered since: the prober may be deaf
        scene.Probe(Slot.Green, answers: true);
        var step = scene.After(0.5);
        Assert.Equal(Slot.Green, step.RouteTo);
        Assert.Equal(scene.Now.AddSeconds(-0.75), step.State.LastSwitch!.FirstSign);
        Assert.Contains("2 Ready but not answering", step.Decisions[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decide_BothSlotsSilentTogether_NothingMovesAndTheProberIsDoubted()
    {
        var scene = new Scene();
        scene.Probe(Slot.Blue, answers: true);
        scene.Probe(Slot.Green, answers: true);
        scene.Decide();
        scene.After(0.1);
        scene.Probe(Slot.Blue, answers: false);
        scene.Probe(Slot.Green, answers: false);
        scene.Run(60);
        Assert.Empty(scene.Moves);
        Assert.Single(scene.Said, said => said.Reason == DecisionReason.ProberDoubted);
    }

    [Fact]
    public void Decide_FailuresBeforeAnotherPodCouldAnswer_AreNoDoubtYet()
    {
        var scene = new Scene();
        scene.Probe(Slot.Green, answers: true);
        scene.Decide();
        scene.After(0.1);
        scene.Probe(Slot.Blue, answers: false);   // refused: three failures within a moment
        Assert.Equal(TimeSpan.FromSeconds(0.5), scene.Decide().RecheckIn);
        scene.After(0.499);
        Assert.DoesNotContain(scene.Said, said => said.Reason == DecisionReason.ProberDoubted);
        scene.After(0.001);
        Assert.Single(scene.Said, said => said.Reason == DecisionReason.ProberDoubted);
    }

    [Fact]
    public void Decide_OneIsLostLongAgoAndTheOtherNow_TheLastOneIsTheFirstSign()
    {
        var scene = new Scene(green: 4, limits: new() { MinReady = new(1, IsPercent: false) });
        scene.Decide();
        scene.Lose(Slot.Blue, 1);
        scene.Run(600);
        scene.Lose(Slot.Blue, 1);
        var lostAt = scene.Now;
        Assert.Equal(lostAt, scene.After(0.02).State.LastSwitch!.FirstSign);   // not ten minutes before
    }

    [Theory]
    [InlineData(FailoverMode.Observe)]
    [InlineData(FailoverMode.Paused)]
    public void Decide_ObserveAndPaused_NeverMove(FailoverMode mode)
    {
        var scene = new Scene(limits: new() { Mode = mode });
        scene.Decide();
        scene.ScaleAway(Slot.Blue);
        scene.Run(10);
        Assert.Empty(scene.Moves);
        Assert.Equal(mode == FailoverMode.Observe ? 1 : 0, scene.Said.Count(said => said.Reason == DecisionReason.WouldMove));
    }

    [Fact]
    public void Decide_SelectorMatchesNeither_IsDegradedAndIdleUntilItMatchesAgain()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Active = null;
        scene.Lose(Slot.Blue, 2);
        scene.Run(10);
        Assert.Equal(FailoverPhase.Degraded, scene.State!.Phase);
        Assert.Single(scene.Said, said => said.Reason == DecisionReason.SelectorUnknown);
        Assert.Empty(scene.Moves);
        scene.Active = Slot.Green;   // not where it was: somebody chose
        scene.After(1);
        Assert.Equal(SwitchKind.External, scene.State!.LastSwitch!.Kind);
    }

    [Fact]
    public void Decide_ClockGoesBackwards_WaitsLongerAndStaysCalm()
    {
        var scene = new Scene();
        scene.Decide();
        scene.Lose(Slot.Blue, 1);
        scene.After(0);
        var step = scene.After(-3600);
        Assert.Null(step.RouteTo);
        Assert.True(step.RecheckIn > TimeSpan.FromHours(1));
    }
}
