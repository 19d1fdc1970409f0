using Resilience.Lab.Reporting;
using Resilience.Lab.Running;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.Lab.Tests.Running;

public sealed class ForecastScoreTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>100 requests/s for ten seconds, then 200; one of each ten fails, which is demand too.</summary>
    private static readonly SecondReport[] Seconds = [.. Enumerable.Range(0, 20).Select(i => new SecondReport(i, i < 10 ? 90 : 180, i < 10 ? 10 : 20, 2, 9, 90, 0, 2, 2))];

    [Theory]
    [InlineData(2, 4.5, 100.0)]
    [InlineData(9.5, 10.5, 150.0)]     // seconds that are cut count by their share
    [InlineData(12, 20, 200.0)]
    [InlineData(18, 20.5, null)]       // not over when the load ended
    [InlineData(-1, 1, null)]
    public void Held_AgainstWhatCame(double from, double until, double? actual) =>
        Assert.Equal(actual, Assert.Single(ForecastScore.Held([Decision(100, 120, from, until)], Start, Seconds)).Actual);

    [Fact]
    public void Wape_IsTheSumOfErrorsOverTheSumOfDemand()
    {
        var held = ForecastScore.Held([Decision(90, 120, 2, 4), Decision(150, 160, 12, 14), Decision(null, null, 14, 16), Decision(999, 999, 0, 1)], Start, Seconds);

        // |90-100| + |150-200| over 100 + 200; the warm-up and a decision without a forecast do not count.
        Assert.Equal(0.2, ForecastScore.Wape(held, from: 1));
        Assert.Equal(0.5, ForecastScore.Coverage99(held, from: 1));
        Assert.Null(ForecastScore.Wape([], 0));
        Assert.Null(ForecastScore.Coverage99([], 0));
    }

    [Theory]
    //          lead s   target on the planning clock, in steps of 300 s after the decision
    [InlineData(300, 0, 1)]
    [InlineData(301, 1, 2)]      // a lead between two grid points is planned for up to the next one
    [InlineData(600, 1, 2)]
    public void From_TakesTheLastIntervalOfTheLeadToTheWallClock(double lead, int from, int until)
    {
        var planning = new PlanningTime(Start, 100);
        var body = new DecisionRecord
        {
            At = planning.At(Start.AddSeconds(30)), Mode = "Auto", Target = "BlueGreen web", IntervalSeconds = 300, Demand = 80,
            Forecast = new ForecastRecord { Stage = "Full", P50 = 90, P99 = 120 }, Lead = new LeadRecord(lead, "given"), Capacity = new CapacityRecord(36, "given"),
            SloQuantile = 0.975, Floor = 4, Reason = "because", Risk = 0.02, GivenUp = "1 of 5 replicas", PodsWithoutRoom = 2, Cost = new CostRecord { PricePerReplicaHour = 0.012 },
        };
        var entry = new EntryView(7, body.At, "distributed-resilience", "web", EntryKind.Decision, null, "", body.ToBody());

        var decision = AgentDecision.From(entry, planning);

        Assert.Equal(30, (decision.At - Start).TotalSeconds, 1e-6);
        Assert.Equal((30 + (from * 3.0), 30 + (until * 3.0)), (Math.Round((decision.TargetFrom - Start).TotalSeconds, 6), Math.Round((decision.TargetUntil - Start).TotalSeconds, 6)));
        Assert.Equal((7, 4, 0.02, "1 of 5 replicas", 2), (decision.Number, decision.Floor, decision.Risk, decision.GivenUp, decision.PodsWithoutRoom));
    }

    private static AgentDecision Decision(double? p50, double? p99, double from, double until) =>
        new(1, Start, Start, 100, 3, "because", "Full", p50, p99, Start.AddSeconds(from), Start.AddSeconds(until));
}
