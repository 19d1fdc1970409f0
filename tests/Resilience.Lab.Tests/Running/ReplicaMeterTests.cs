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

        Assert.Equal(expected, meter.ScaleUpLatency(load.RateAt, 45, "blue"));
    }
}
