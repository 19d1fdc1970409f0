using Resilience.Cost.Model;
using Resilience.Cost.Prices;

namespace Resilience.Cost.Tests.Model;

public sealed class PodRateTests
{
    [Fact]
    public void UsdPerHour_OfAPlan_IsReplicasTimesThePodHour()
    {
        Assert.Equal(0.012m, PodRate.Default.UsdPerPodHour);
        Assert.Equal(0.084m, PodRate.Default.UsdPerHour(7));
        Assert.Equal(0m, PodRate.Default.UsdPerHour(0));
    }

    [Fact]
    public void Measure_OfARun_IsReplicaSecondsTimesThePrice()
    {
        // Four pods for 60 s answered 12,000 requests well: 240 / 3600 x 0.012 = 0.0008 USD.
        var cost = PodRate.Default.Measure(TimeSpan.FromSeconds(240), 12_000);

        Assert.Equal(0.0008m, cost.Usd);
        Assert.Equal(0.0008m / 0.012m, cost.UsdPerMillionGoodRequests!.Value, 12);
        Assert.Equal(cost, PodRate.Default.Measure(240m, 12_000));
    }

    [Fact]
    public void Measure_WithNothingAnsweredWell_HasNoPricePerMillion() =>
        Assert.Equal(new MeasuredCost(0.0008m, null), PodRate.Default.Measure(240m, 0));

    [Fact]
    public void UsdPerPodHour_UnderSeparatePrices_AddsMemory() =>
        Assert.Equal(0.0031611m + 0.000529625m, new PodRate(PriceBook.Default.Get("opencost"), PodShape.Default).UsdPerPodHour);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 1)]
    public void Constructor_OfAShapeWithoutSize_IsRefused(int cores, int gib) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PodRate(PriceBook.Default.Get(), new PodShape(cores, gib)));
}
