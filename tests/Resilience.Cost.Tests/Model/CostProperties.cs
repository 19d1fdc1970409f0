using CsCheck;
using Resilience.Cost.Model;
using Resilience.Cost.Output;

namespace Resilience.Cost.Tests.Model;

public sealed class CostProperties
{
    // The generators reach more than the 28 digits of a decimal.
    private const int Decimals = 12;

    private static readonly Gen<decimal> Price = Gen.Int[1, 1_000_000].Select(micros => micros / 1_000_000m);

    private static readonly Gen<PodShape> Shape = Gen.Select(Gen.Int[1, 64_000], Gen.Int[1, 256_000]).Select((milli, mebi) => new PodShape(milli / 1000m, mebi / 1024m));

    private static readonly Gen<PodRate> Rate = Gen.Select(Price, Price, Gen.Bool, Shape)
        .Select((cpu, memory, blended, shape) => Examples.RateOf(cpu, blended ? null : memory, shape));

    private static readonly Gen<Scenario> Scenarios =
        Gen.Select(Gen.Int[1, 500], Gen.Int[0, 100], Gen.Int[0, 24], Gen.Int[1, 7], Gen.Int[0, 24], Gen.Int[1, 7], Gen.Int[0, 100])
            .Select((replicas, offPeakShare, peakHours, peakDays, onHours, onDays, standby) => Examples.Scenario with
            {
                Replicas = replicas,
                OffPeakReplicas = replicas * offPeakShare / 100,
                Peak = new WeeklyHours(peakHours, peakDays),
                On = new WeeklyHours(onHours, onDays),
                StandbyPercent = standby,
            });

    private static readonly Gen<TimelineUse> Timelines = Gen.Select(Gen.Int[1, 3600], Gen.Int[0, 50]).Array[2, 50].Select(rows =>
    {
        var at = new DateTimeOffset(2026, 11, 2, 0, 0, 0, TimeSpan.Zero);
        return TimelineUse.Of(new ReplicaTimeline([.. rows.Select(row => new TimelineRow(at = at.AddSeconds(row.Item1), row.Item2))]), standbyPercent: 30);
    });

    [Fact]
    public void Usd_NeverFallsWhenReplicasGrow() =>
        Gen.Select(Scenarios, Rate, Gen.Int[1, 50]).Sample((scenario, rate, more) =>
            Assert.All(StrategyNames.FromScenario, name => Assert.True(
                CostModel.Price(name, scenario, rate).Usd <= CostModel.Price(name, scenario with { Replicas = scenario.Replicas + more }, rate).Usd)));

    [Fact]
    public void Usd_GrowsInProportionToThePrice() =>
        Gen.Select(Scenarios, Timelines, Price, Shape, Gen.Int[2, 9]).Sample((scenario, timeline, price, shape, times) =>
            Assert.All(StrategyNames.All, name => Assert.Equal(
                times * CostModel.Price(name, scenario, Examples.RateOf(price, null, shape), timeline).Usd,
                CostModel.Price(name, scenario, Examples.RateOf(times * price, null, shape), timeline).Usd, Decimals)));

    [Fact]
    public void Savings_PlusCost_IsTheBaseline() =>
        Gen.Select(Scenarios, Rate, Timelines, Gen.Int[0, StrategyNames.All.Count - 1].Select(index => StrategyNames.All[index])).Sample((scenario, rate, timeline, baseline) =>
        {
            var report = CostReport.Of(StrategyNames.All, baseline, scenario, rate, timeline);
            Assert.All(report.Strategies, strategy => Assert.Equal(report.Baseline.Usd, report.SavingsOf(strategy).Usd + strategy.Usd, Decimals));
        });

    [Fact]
    public void Strategies_CostAtMostBothSlotsAlwaysOn() =>
        Gen.Select(Scenarios, Rate).Sample((scenario, rate) =>
        {
            // Hours are rounded to 1e-9 before they meet 500 pods.
            var most = CostModel.Price(StrategyNames.AlwaysOnBoth, scenario, rate).Usd + 1e-6m;
            Assert.All(StrategyNames.FromScenario, name => Assert.True(CostModel.Price(name, scenario, rate).Usd <= most));
        });

    [Fact]
    public void FocusRows_SumToEachStrategy_AndPriceTimesQuantityIsTheCost() =>
        Gen.Select(Scenarios, Rate, Timelines).Sample(
            (scenario, rate, timeline) =>
            {
                var report = CostReport.Of(StrategyNames.All, StrategyNames.AlwaysOnBoth, scenario, rate, timeline);
                var rows = CsvTable.Parse(FocusExport.Write(report, new DateOnly(2026, 11, 1)));
                Assert.All(report.Strategies, strategy => Assert.Equal(
                    strategy.Usd, rows.Where(row => row["SubAccountId"] == strategy.Name).Sum(row => row.Number("BilledCost")), Decimals));
                Assert.All(rows, row => Assert.Equal(row.Number("ListCost"), row.Number("ListUnitPrice") * row.Number("PricingQuantity"), Decimals));
            },
            iter: 50);
}
