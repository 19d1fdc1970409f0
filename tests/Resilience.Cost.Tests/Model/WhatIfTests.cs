using Resilience.Cost.Model;

namespace Resilience.Cost.Tests.Model;

public sealed class WhatIfTests
{
    [Fact]
    public void Standby_OfAQuarter_IsThreeOfTenPods() =>
        Assert.Equal(
            new StandbyCost(25, 3, 2190, 0.036m, 26.28m),   // ceil(2.5) x 730 x 0.012
            WhatIf.Standby(Examples.Scenario, Examples.Teaching));

    [Fact]
    public void Failovers_CostOnlyThePodsThatWereNotThere() =>
        Assert.Equal(
            [(10, 0.012m), (7, 0.0084m), (0, 0m)],          // pods x 0.1 h x 0.012
            WhatIf.Failovers(Examples.Scenario, Examples.Teaching).Select(failover => (failover.ExtraPods, failover.UsdEach)));

    [Fact]
    public void Failovers_InAMonth_AreTheirNumberTimesOne() =>
        Assert.Equal(0.048m, WhatIf.Failovers(Examples.Scenario, Examples.Teaching)[0].UsdPerMonth);

    [Fact]
    public void ForecastMiss_TooHighCostsMoney_TooLowCostsRequests() =>
        Assert.Equal(
            // 10 x 1.15 and 10 x 0.85, both rounded up: 12 and 9 pods. 1 pod x 50/s x 1,800 s.
            new ForecastMissCost(15, 0.5m, ExtraPods: 2, OverUsd: 0.012m, MissingPods: 1, BadRequests: 90_000),
            WhatIf.ForecastMiss(Examples.Scenario, Examples.Teaching));
}
