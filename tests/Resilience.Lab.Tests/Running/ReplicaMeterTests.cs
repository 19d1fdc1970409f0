using Resilience.Lab.Experiments;
using Resilience.Lab.Running;

namespace Resilience.Lab.Tests.Running;

public sealed class ReplicaMeterTests
{
    //          load from 5 s  blue Ready at 0, 5, 10, 15 s   latency
    [Theory]
    [InlineData(200, new[] { 1, 1, 3, 5 }, 10.0)]   // 45 requests/s each: five pods are enough, three are not
    [InlineData(90, new[] { 1, 1, 2, 5 }, 5.0)]    // what comes after enough does not count
    [InlineData(45, new[] { 1, 1, 2, 5 }, null)]   // exactly what one pod can do is not too much
    [InlineData(500, new[] { 1, 1, 3, 5 }, null)]   // never enough
    [InlineData(200, new[] { 5, 5, 5, 5 }, null)]   // never too much
    public void ScaleUpLatency_IsFromTooMuchToEnough(double rps, int[] ready, double? expected)
    {
        var load = new LoadSpec(10, TimeSpan.FromSeconds(20), "constant", 0.5, TimeSpan.FromSeconds(2), "/", [new LoadStep(TimeSpan.FromSeconds(5), rps)]);
        var meter = new ReplicaMeter();
        for (var i = 0; i < ready.Length; i++)
        {
            meter.Sample(TimeSpan.FromSeconds(i * 5), new SlotCount(5, ready[i]), new SlotCount(1, 1));
        }

        var profile = LoadPlans.Profile(load, 1, load.Duration);
        Assert.Equal(expected, meter.ScaleUpLatency(second => profile.RateAt(TimeSpan.FromSeconds(second)), 45, "blue"));
    }

    [Fact]
    public void ScaleUpLatency_OfSeveralRushes_IsTheLongest_AndAllOfThemAreShort()
    {
        var meter = new ReplicaMeter();
        for (var second = 0; second <= 30; second++)
        {
            meter.Sample(TimeSpan.FromSeconds(second), new SlotCount(2, second is (>= 3 and < 5) or (>= 10 and < 17) ? 1 : 2) { Wanted = 2, Unschedulable = 1 }, new SlotCount(1, 1));
        }

        Assert.Equal(7, meter.ScaleUpLatency(_ => 60, 45, "blue"));
        Assert.Equal(2, meter.ScaleUpLatency(second => second < 9 ? 60 : 0, 45, "blue"));
        Assert.Equal(9, meter.ShortSeconds(_ => 60, 45, "blue"));
        Assert.Equal(7, meter.ShortSeconds(_ => 60, 45, "blue", from: 6));   // the warm-up does not count
        Assert.Equal((90, 60, 20), (meter.ReplicaSeconds(), meter.ReplicaSeconds(from: 10), meter.UnschedulableSeconds(from: 10)));
    }
}
