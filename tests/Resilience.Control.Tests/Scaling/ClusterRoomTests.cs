using CsCheck;
using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Scaling;

public sealed class ClusterRoomTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);
    private static readonly FloorPolicy Policy = new() { Hold = TimeSpan.Zero, MaxReplicas = 50 };

    [Theory]
    //          need last placed waiting  floor  says what has no room
    [InlineData(8, 4, 4, 0, 8, false)]     // nobody waits: nothing is known against it
    [InlineData(8, 4, 3, 1, 4, true)]      // one waits already: more would wait, too
    [InlineData(8, 6, 3, 3, 6, true)]      // those that wait are not given back
    [InlineData(3, 6, 3, 3, 3, false)]     // less is needed: what is placed is enough
    [InlineData(5, 6, 3, 1, 5, true)]
    public void Plan_WhilePodsWait_AsksForNoMore(int need, int last, int placed, int waiting, int floor, bool noRoom)
    {
        var plan = FloorPlanner.Plan(Outlook(need * 100), 100, 3600, Policy, FloorState.Initial with { Floor = last }, new(placed, waiting));
        Assert.Equal(floor, plan.Floor);
        Assert.Equal(noRoom, plan.NoRoom is not null);
        Assert.Equal(noRoom ? Outlook(need * 100).Risk(placed * 100) : Outlook(need * 100).Risk(floor * 100), plan.Risk, 12);
    }

    /// <summary>However often it is asked while pods wait, the floor never climbs beyond what was asked for before.</summary>
    [Fact]
    public void Plan_AnyHistoryWithoutRoom_NeverAsksForMoreThanBefore() =>
        Gen.Select(Gen.Int[1, 40].Array[1, 50], Gen.Int[1, 10], Gen.Int[1, 5]).Sample((needs, placed, waiting) =>
        {
            var (state, highest) = (FloorState.Initial with { Floor = placed }, placed + waiting);
            foreach (var need in needs)
            {
                var plan = FloorPlanner.Plan(Outlook(need * 100), 100, 3600, Policy, state, new(placed, waiting));
                Assert.InRange(plan.Floor!.Value, 1, highest);
                state = plan.State;
            }
        });

    [Fact]
    public void Plan_WithoutForecast_ADeclaredPeakStillCounts()
    {
        var policy = Policy with { Calendar = [new("sale", Now.AddMinutes(5), Now.AddMinutes(60), 7)] };
        var blind = Outlook(0) with { Peaks = [], WhyNoForecast = "nothing is known" };
        var before = FloorPlanner.Plan(blind, 100, 3600, policy, FloorState.Initial);
        Assert.Null(before.Floor);
        var near = FloorPlanner.Plan(blind with { At = Now.AddMinutes(3) }, 100, 3600, policy, before.State);
        Assert.Equal(7, near.Floor);
        Assert.Equal("declared peak", Assert.Single(near.Adjustments).Rule);
        Assert.Equal(7, FloorPlanner.Plan(blind with { At = Now.AddMinutes(59) }, 100, 3600, policy, near.State).Floor);
        Assert.Null(FloorPlanner.Plan(blind with { At = Now.AddMinutes(60) }, 100, 3600, policy, near.State).Floor);
    }

    private static DemandOutlook Outlook(double peak) =>
        new(Now, TimeSpan.FromMinutes(3), peak, peak, peak, [.. DemandOutlook.Levels.Select((_, i) => peak * (1 - ((DemandOutlook.Levels.Count - 1 - i) * 1e-9)))], peak, null);
}
