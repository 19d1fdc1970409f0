using CsCheck;
using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Scaling;

public sealed class FloorPlannerTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);
    private static readonly FloorPolicy Policy = new() { Quantile = 0.99, Hold = TimeSpan.FromMinutes(5), MaxReplicas = 50 };

    //          peak   min max expected
    [Theory]
    [InlineData(1000, 1, 50, 10)]       // exactly ten capacities need ten replicas, whatever the last bit says
    [InlineData(1000.1, 1, 50, 11)]
    [InlineData(0, 1, 50, 1)]
    [InlineData(0, 0, 50, 0)]
    [InlineData(9000, 1, 50, 50)]
    [InlineData(100, 4, 50, 4)]
    public void Plan_TakesTheFloorFromTheQuantile(double peak, int min, int max, int expected)
    {
        var plan = FloorPlanner.Plan(Outlook(peak, demand: peak), 100, 3600, Policy with { MinReplicas = min, MaxReplicas = max }, FloorState.Initial);
        Assert.Equal(expected, plan.Floor);
        Assert.Single(plan.Candidates, candidate => candidate.Verdict == "chosen");
    }

    [Fact]
    public void Plan_HoldsTheLargestNeedForTheHoldTime()
    {
        var state = FloorPlanner.Plan(Outlook(2000), 100, 3600, Policy, FloorState.Initial).State;
        for (var minute = 1; minute < 5; minute++)
        {
            var held = FloorPlanner.Plan(Outlook(1000, minute), 100, 3600, Policy, state);
            Assert.Equal(20, held.Floor);
            Assert.Equal("hold", Assert.Single(held.Adjustments).Rule);
            state = held.State;
        }

        Assert.Equal(10, FloorPlanner.Plan(Outlook(1000, 5), 100, 3600, Policy, state).Floor);
    }

    [Fact]
    public void Plan_LimitsRiseAndFallPerDecision()
    {
        var policy = Policy with { MaxRise = 3, MaxFall = 2, Hold = TimeSpan.Zero };
        var state = FloorState.Initial with { Floor = 10 };
        Assert.Equal(13, FloorPlanner.Plan(Outlook(4000), 100, 3600, policy, state).Floor);
        Assert.Equal(8, FloorPlanner.Plan(Outlook(100), 100, 3600, policy, state).Floor);
    }

    [Fact]
    public void Plan_WithADropGuard_DoesNotFollowASuddenFall()
    {
        var policy = Policy with { Hold = TimeSpan.Zero, DropGuard = DropGuard.Default };
        var state = FloorState.Initial with { Floor = 20 };
        var guarded = FloorPlanner.Plan(Outlook(700, demand: 600) with { RecentHigh = 2000 }, 100, 3600, policy, state);
        Assert.Equal(20, guarded.Floor);
        Assert.Equal(20, FloorPlanner.Plan(Outlook(700, 29, demand: 600), 100, 3600, policy, guarded.State).Floor);
        Assert.Equal(7, FloorPlanner.Plan(Outlook(700, 31, demand: 600), 100, 3600, policy, guarded.State).Floor);
    }

    [Fact]
    public void Plan_AsksForADeclaredPeakOneLeadEarlier()
    {
        var sale = new PlannedEvent("sale", Now + TimeSpan.FromMinutes(10), Now + TimeSpan.FromMinutes(70), 30);
        var policy = Policy with { Calendar = [sale] };
        Assert.Equal(10, FloorPlanner.Plan(Outlook(1000), 100, 3600, policy, FloorState.Initial).Floor);
        Assert.Equal(30, FloorPlanner.Plan(Outlook(1000, 7), 100, 3600, policy, FloorState.Initial).Floor);
        Assert.Equal(10, FloorPlanner.Plan(Outlook(1000, 70), 100, 3600, policy, FloorState.Initial).Floor);
    }

    [Fact]
    public void Plan_DuringABlackout_ChangesNothing()
    {
        var freeze = new PlannedEvent("freeze", Now, Now + TimeSpan.FromHours(1), null, IsBlackout: true);
        var plan = FloorPlanner.Plan(Outlook(4000), 100, 3600, Policy with { Calendar = [freeze] }, FloorState.Initial with { Floor = 9 });
        Assert.Equal(9, plan.Floor);
        Assert.Equal("blackout", plan.Adjustments[^1].Rule);
    }

    [Fact]
    public void Plan_UnderABudgetThatBinds_SaysWhatIsGivenUpAndAtWhatRisk()
    {
        // 20.5 days are left of November: 492 hours; 59.04 USD are 10 replicas of 0.012 USD for all of them.
        var policy = Policy with { MonthlyBudget = 59.04, Hold = TimeSpan.Zero };
        var plan = FloorPlanner.Plan(Outlook(2000, demand: 1000), 100, 3600, policy, FloorState.Initial);

        Assert.Equal(10, plan.Floor);
        Assert.StartsWith("10 of 20 replicas", plan.GivenUp, StringComparison.Ordinal);
        Assert.True(plan.Risk > 0.1);
        Assert.Contains(plan.Candidates, candidate => candidate is { Name: "without budget", Replicas: 20, Verdict: "rejected: over budget" });
    }

    [Fact]
    public void Plan_WithABudget_NeverGoesBelowMinReplicas()
    {
        var policy = Policy with { MinReplicas = 2, MonthlyBudget = 20 };
        var spent = FloorState.Initial with { Month = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero), SpentThisMonth = 20, LastDecision = Now, Floor = 5 };
        Assert.Equal(2, FloorPlanner.Plan(Outlook(2000), 100, 3600, policy, spent).Floor);

        // Where no more than the minimum is needed, no budget takes anything away.
        var quiet = FloorPlanner.Plan(Outlook(100), 100, 3600, policy with { Hold = TimeSpan.Zero }, spent);
        Assert.Equal((2, null), (quiet.Floor, quiet.GivenUp));
    }

    [Fact]
    public void Plan_WakesFromZeroWhenThereIsDemand()
    {
        var policy = Policy with { MinReplicas = 0 };
        var plan = FloorPlanner.Plan(Outlook(0, demand: 3), 100, 3600, policy, FloorState.Initial with { Floor = 0 });
        Assert.Equal(1, plan.Floor);
        Assert.True(plan.WakeFromZero);
    }

    [Fact]
    public void Plan_WithoutAForecast_KeepsTheFloorForAWhileAndNeverGoesToZero()
    {
        var state = FloorPlanner.Plan(Outlook(2000), 100, 3600, Policy, FloorState.Initial).State;
        var kept = FloorPlanner.Plan(Blind(10), 100, 3600, Policy, state);
        Assert.Equal(20, kept.Floor);
        var alone = FloorPlanner.Plan(Blind(11), 100, 3600, Policy, kept.State);
        Assert.Null(alone.Floor);
        Assert.Contains("the metrics are stale", alone.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_AnyHistory_StaysWithinLimitsAndCoversTheQuantile() =>
        Gen.Select(Gen.Double[0, 8_000].Array[1, 60], Gen.Int[0, 3], Gen.Int[4, 60], Gen.Int[0, 20]).Sample((peaks, min, max, holdMinutes) =>
        {
            var policy = Policy with { MinReplicas = min, MaxReplicas = max, Hold = TimeSpan.FromMinutes(holdMinutes) };
            policy.Validate();
            var state = FloorState.Initial;
            for (var i = 0; i < peaks.Length; i++)
            {
                var plan = FloorPlanner.Plan(Outlook(peaks[i], i), 100, 3600, policy, state);
                Assert.InRange(plan.Floor!.Value, min, max);
                Assert.True(plan.Floor == max || plan.Floor * 100.001 >= peaks[i]);
                Assert.True(plan.State.Needs.Count <= holdMinutes + 1);
                state = plan.State;
            }
        });

    [Theory]
    [InlineData("quantile")]
    [InlineData("min replicas 5 exceeds max replicas 3")]
    [InlineData("price")]
    [InlineData("monthly budget")]
    [InlineData("ends before it starts")]
    public void Validate_OfAnImpossiblePolicy_NamesTheSetting(string expected)
    {
        var policy = expected switch
        {
            "quantile" => Policy with { Quantile = 1 },
            "price" => Policy with { PricePerReplicaHour = 0 },
            "monthly budget" => Policy with { MinReplicas = 10, MonthlyBudget = 1 },
            "ends before it starts" => Policy with { Calendar = [new PlannedEvent("sale", Now, Now, 3)] },
            _ => Policy with { MinReplicas = 5, MaxReplicas = 3 },
        };
        Assert.Contains(expected, Assert.Throws<ArgumentException>(policy.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Risk_FallsAsCapacityGrows()
    {
        var outlook = Outlook(2000);
        var risks = Enumerable.Range(0, 40).Select(i => outlook.Risk(i * 100)).ToArray();
        Assert.True(risks.Zip(risks.Skip(1)).All(pair => pair.First >= pair.Second));
        Assert.Equal(0.01, outlook.Risk(2000), 1e-3);
    }

    /// <summary>Peak demand at the 99th percentile; the median is half of it.</summary>
    private static DemandOutlook Outlook(double peak, int minute = 0, double? demand = null)
    {
        var shares = new[] { 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.05, 1.2 };
        return new DemandOutlook(
            Now + TimeSpan.FromMinutes(minute), TimeSpan.FromMinutes(3), demand ?? peak / 2, demand ?? peak / 2, 1000, [.. shares.Select(share => share * peak)], peak / 2, null);
    }

    private static DemandOutlook Blind(int minute) =>
        new(Now + TimeSpan.FromMinutes(minute), TimeSpan.FromMinutes(3), 1000, 1000, 1000, [], 1000, "the metrics are stale");
}
