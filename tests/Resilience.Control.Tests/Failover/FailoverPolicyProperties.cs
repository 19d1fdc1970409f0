using CsCheck;
using Resilience.Control.Failover;

namespace Resilience.Control.Tests.Failover;

/// <summary>Promises that hold over any history of pods coming and going.</summary>
public sealed class FailoverPolicyProperties
{
    private static readonly Gen<(double Seconds, int What, int Slot, int Count)[]> Histories =
        Gen.Select(Gen.Double[0.05, 30], Gen.Int[0, 9], Gen.Int[0, 1], Gen.Int[0, 4]).Array[1, 120];

    private static Scene Play((double Seconds, int What, int Slot, int Count)[] history, FailoverLimits limits, Action<Scene, FailoverView, FailoverState?, FailoverStep> check)
    {
        var scene = new Scene(limits: limits);
        foreach (var (seconds, what, slotNumber, count) in history)
        {
            Happen(scene, what, (Slot)slotNumber, count);
            // Decide as often as the worker would: at once, then whenever the step asks for it, until the next event.
            var end = scene.Now.AddSeconds(seconds);
            for (TimeSpan? wait = TimeSpan.Zero; wait is { } pause && scene.Now + pause <= end;)
            {
                scene.Pass(pause);
                var (view, before) = (scene.View(), scene.State);
                var step = scene.Decide();
                check(scene, view, before, step);
                wait = step.RecheckIn;
            }
            scene.Pass(end - scene.Now);
        }
        return scene;
    }

    private static void Happen(Scene scene, int what, Slot slot, int count)
    {
        switch (what)
        {
            case 0: scene.Lose(slot, count); break;
            case 1: scene.Heal(slot); break;
            case 2: scene.ScaleAway(slot); break;
            case 3: scene.Desired[slot] = count; scene.Fill(slot, count); break;
            case 4: scene.Begin(slot, count); break;
            case 5: scene.Clear(slot); break;
            case 6: scene.Probe(slot, answers: false); break;
            case 7: scene.Probe(slot, answers: true); break;
            case 8: scene.Lose(slot, 1); break;
            default: scene.Heal(slot); scene.Heal(slot.Other()); break;
        }
    }

    private static FailoverLimits Auto => new() { Failback = FailbackPolicy.Automatic, StableFor = TimeSpan.FromSeconds(20) };

    [Fact]
    public void Decide_AnyHistory_MovesOptionallyAtMostOncePerHoldDown() => Histories.Sample(history =>
    {
        var optional = new List<DateTimeOffset>();
        Play(history, Auto, (scene, view, before, step) =>
        {
            if (step.RouteTo is not null && step.State.LastSwitch!.Kind is SwitchKind.Optional or SwitchKind.Failback)
            {
                Assert.False(before!.HoldDownUntil > view.ObservedAt, "an optional move was made in hold-down");
                Assert.True(optional.Count == 0 || view.ObservedAt - optional[^1] >= scene.Limits.HoldDown, "two optional moves in one hold-down");
                optional.Add(view.ObservedAt);
            }
        });
    }, iter: 2_000);

    [Fact]
    public void Decide_AnyHistory_NeverMovesToASlotWithoutAReadyPod() => Histories.Sample(history =>
        Play(history, Auto with { BothDown = BothDownPolicy.LeastBad }, (_, view, _, step) =>
        {
            if (step.RouteTo is { } to)
            {
                Assert.Contains(view[to].Pods, pod => pod is { Ready: true, Terminating: false });
            }
        }), iter: 2_000);

    [Fact]
    public void Decide_AnyHistory_RescuesWheneverItMay() => Histories.Sample(history =>
        Play(history, Auto, (_, view, before, step) =>
        {
            var active = SlotHealth.Assess(view.Active!.Value, view, Auto);
            var standby = SlotHealth.Assess(view.Active.Value.Other(), view, Auto);
            if (active.Serving == 0 && standby.Settled > 0 && !(before?.RescueNotBefore > view.ObservedAt))
            {
                Assert.NotNull(step.RouteTo);
            }
        }), iter: 2_000);

    [Fact]
    public void Decide_AnyHistory_AsksToBeCalledBeforeAStandbySettles() => Histories.Sample(history =>
        Play(history, Auto, (scene, view, _, step) =>
        {
            var active = SlotHealth.Assess(view.Active!.Value, view, Auto);
            var standby = SlotHealth.Assess(view.Active.Value.Other(), view, Auto);
            if (step.RouteTo is null && active.Serving == 0 && standby.NextSettlesIn is { } settles && standby.Settled == 0)
            {
                Assert.True(step.RecheckIn <= settles, $"would sleep {step.RecheckIn} though the standby settles in {settles}");
            }
        }), iter: 1_000);

    [Fact]
    public void Decide_AnyHistoryInObserveOrPaused_TouchesNothing() => Histories.Sample(history =>
    {
        foreach (var mode in (FailoverMode[])[FailoverMode.Observe, FailoverMode.Paused])
        {
            Play(history, Auto with { Mode = mode }, (_, _, _, step) =>
            {
                Assert.Null(step.RouteTo);
                Assert.Null(step.Borrow);
                Assert.Empty(step.Return);
            });
        }
    }, iter: 500);

    [Fact]
    public void Decide_SameInput_SameStep() => Histories.Sample(history =>
        Play(history, Auto, (scene, view, before, step) =>
        {
            var again = FailoverPolicy.Decide(before, view, scene.Limits);
            Assert.Equal(step.State, again.State);
            Assert.Equal(step.RouteTo, again.RouteTo);
            Assert.Equal(step.RecheckIn, again.RecheckIn);
        }), iter: 300);

    [Fact]
    public void Decide_NothingHappens_SettlesAndStaysSilent() => Histories.Sample(history =>
    {
        var scene = Play(history, Auto, (_, _, _, _) => { });
        // The same instant again: whatever there was to do has been done, so that no two decisions chase each other.
        scene.Decide();
        scene.Decide();
        var step = scene.Decide();
        Assert.Empty(step.Decisions);
        Assert.Null(step.RouteTo);
    }, iter: 1_000);

    [Fact]
    public void Histories_AreNotBoring()
    {
        var kinds = new HashSet<SwitchKind>();
        Histories.Sample(history =>
        {
            lock (kinds)
            {
                kinds.UnionWith(Play(history, Auto, (_, _, _, _) => { }).Moves.Select(move => move.Switch.Kind));
            }
        }, iter: 500);
        // A run that never moves proves nothing.
        Assert.Superset(new HashSet<SwitchKind> { SwitchKind.Rescue, SwitchKind.Optional, SwitchKind.Failback }, kinds);
    }
}
