using Resilience.Lab.Reporting;
using Resilience.Lab.Running;

namespace Resilience.Lab.Tests.Running;

public sealed class RunCostsTests
{
    /// <summary>0.012 USD per pod-hour: the shipped default price of a 100m pod.</summary>
    private const double UsdPerPodSecond = 0.012 / 3600;

    /// <summary>Two pods for 10 s, then four; 100 good answers per second throughout.</summary>
    private static readonly ReplicaMeter Replicas = Meter(second => second < 10 ? 1 : 3);
    private static readonly SecondReport[] Seconds = [.. Enumerable.Range(0, 20).Select(second => new SecondReport(second, 100, 0, 2, 9, 100, 0, 1, 1))];

    [Fact]
    public void Report_PricesThePodTimeOfBothSlots()
    {
        var cost = new RunCosts(Replicas, Seconds).Report([]);

        Assert.Equal(60 * UsdPerPodSecond, cost.Usd, 8);
        Assert.Equal(Math.Round(60 * UsdPerPodSecond / 2_000 * 1e6, 4), cost.UsdPerMillionGoodRequests);
        Assert.Equal((null, null), (cost.UsdPerMillionBefore, cost.UsdPerMillionAfter));
        Assert.Contains("0.12 USD per vCPU-hour and 0.1 vCPU per pod", cost.Basis, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_WithoutAGoodAnswer_HasNoPricePerRequest() => Assert.Null(new RunCosts(Replicas, []).Report([]).UsdPerMillionGoodRequests);

    [Fact]
    public void Price_OfAScalingEvent_IsBeforeAndAfter()
    {
        var costs = new RunCosts(Replicas, Seconds);
        var priced = Assert.Single(costs.Price([new ObservedScaling(DateTimeOffset.UnixEpoch, "blue", 1, 3)], [10]));

        var before = Math.Round(2 * UsdPerPodSecond / 100 * 1e6, 4);
        Assert.Equal(new ScalingEventReport(10, "blue", 1, 3, before, Math.Round(4 * UsdPerPodSecond / 100 * 1e6, 4)), priced);
        Assert.Equal((priced.UsdPerMillionBefore, priced.UsdPerMillionAfter), (costs.Report([10]).UsdPerMillionBefore, costs.Report([10]).UsdPerMillionAfter));
    }

    /// <summary>Green has one pod all the time.</summary>
    private static ReplicaMeter Meter(Func<int, int> blue)
    {
        var meter = new ReplicaMeter();
        for (var second = 0; second <= 20; second++)
        {
            meter.Sample(TimeSpan.FromSeconds(second), new SlotCount(blue(second), blue(second)), new SlotCount(1, 1));
        }

        return meter;
    }
}
