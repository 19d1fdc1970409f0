using System.Globalization;
using Resilience.Cost.Model;

namespace Resilience.Cost.Tests.Model;

public sealed class CostModelTests
{
    /// <summary>Teaching: 0.1 x 0.12 = 0.012 a pod-hour. OpenCost, 250m and 256Mi: 0.25 x 0.031611 + 0.25 x 0.004237 = 0.008962.</summary>
    [Theory]
    //                     strategy           pod-hours by hand                        teaching            opencost
    [InlineData(StrategyNames.AlwaysOnBoth, "14600", /* 2 x 10 x 730 */               "175.20", "130.8452")]
    [InlineData(StrategyNames.AlwaysOnOne, "7300", /* 10 x 730 */                     "87.60", "65.4226")]
    [InlineData(StrategyNames.WarmStandby, "9490", /* (10 + ceil 2.5) x 730 */        "113.88", "85.04938")]
    [InlineData(StrategyNames.PeakScaling, "4380", /* (10 x 8 + 4 x 16) / 24 x 730 */ "52.56", "39.25356")]
    [InlineData(StrategyNames.ScaleToZero, "2607.142857143", /* 10 x 730 x 60/168 */  "31.285714285716", "23.365214285715566")]
    [InlineData(StrategyNames.PredictiveFloor, "1642.5", /* 9/4 x 730 */              "19.71", "14.720085")]
    [InlineData(StrategyNames.PredictiveStandby, "2372.5", /* 9/4 and 4/4 x 730 */    "28.47", "21.262345")]
    public void Price_OfEveryStrategy_IsTheHandCalculation(string name, string podHours, string teaching, string openCost)
    {
        var use = TimelineUse.Of(Examples.Decisions(), standbyPercent: 25);

        var cost = CostModel.Price(name, Examples.Scenario, Examples.Teaching, use);

        Assert.Equal(Exact(podHours), cost.PodHours);
        Assert.Equal(Exact(teaching), cost.Usd);
        Assert.Equal(Exact(openCost), CostModel.Price(name, Examples.Scenario, Examples.OpenCost, use).Usd);
    }

    [Theory]
    [InlineData(StrategyNames.AlwaysOnBoth, "1.752")]    // 175.20 for 100 million
    [InlineData(StrategyNames.PeakScaling, "0.5256")]
    [InlineData(StrategyNames.ScaleToZero, "0.3476190476")]     // 10% arrive while it is down: 31.2857 for 90 million
    [InlineData(StrategyNames.PredictiveFloor, "0.2161741935")] // 30 of 340 requests were above capacity: 19.71 for 91.176 million
    public void Price_PerMillionGoodRequests_CountsOnlyTheGood(string name, string usd)
    {
        var cost = CostModel.Price(name, Examples.Scenario, Examples.Teaching, TimelineUse.Of(Examples.Decisions(), 25));

        Assert.Equal(Exact(usd), cost.UsdPerMillionGoodRequests!.Value, 9);
    }

    [Fact]
    public void Price_WithNoGoodRequests_HasNoPricePerMillion() =>
        Assert.Null(CostModel.Price(StrategyNames.AlwaysOnOne, Examples.Scenario with { RequestsPerMonth = 0 }, Examples.Teaching).UsdPerMillionGoodRequests);

    [Fact]
    public void Price_OfAStandbyOfNothing_IsTheOneSlot() =>
        Assert.Equal(
            CostModel.Price(StrategyNames.AlwaysOnOne, Examples.Scenario, Examples.Teaching).Usd,
            CostModel.Price(StrategyNames.WarmStandby, Examples.Scenario with { StandbyPercent = 0 }, Examples.Teaching).Usd);

    [Theory]
    [InlineData("peek-scaling", "did you mean \"peak-scaling\"?")]
    [InlineData("predictive", "did you mean \"predictive-floor\"?")]
    public void Price_OfAnUnknownStrategy_NamesTheNearest(string typed, string hint)
    {
        var problem = Assert.Throws<CostInputException>(() => CostModel.Price(typed, Examples.Scenario, Examples.Teaching));

        Assert.Contains(hint, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Price_PredictiveWithoutATimeline_SaysWhatItNeeds() =>
        Assert.Contains("--replay", Assert.Throws<CostInputException>(
            () => CostModel.Price(StrategyNames.PredictiveFloor, Examples.Scenario, Examples.Teaching)).Message, StringComparison.Ordinal);

    private static decimal Exact(string figure) => decimal.Parse(figure, CultureInfo.InvariantCulture);
}
