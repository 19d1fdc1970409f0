using CsCheck;
using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Scaling;

public sealed class EstimatorMemoryTests
{
    /// <summary>An estimator that is restored from what another exported goes on exactly as that one would.</summary>
    [Fact]
    public void Capacity_RestoredAnywhere_GoesOnTheSame() =>
        Gen.Select(Gen.Select(Gen.Double[0.1, 100], Gen.Double[0, 2], Gen.Double[0, 1.2], Gen.Double[0, 0.02]).Array[1, 60], Gen.Int[0, 59]).Sample((seen, cut) =>
        {
            var whole = new CapacityEstimator();
            var first = new CapacityEstimator();
            for (var i = 0; i < seen.Length; i++)
            {
                var (throughput, latency, cpu, rejected) = seen[i];
                var observation = new CapacityObservation(throughput, latency, cpu, rejected);
                if (i == cut)
                {
                    var second = new CapacityEstimator();
                    second.Restore(first.Export());
                    first = second;
                }

                whole.Add(observation);
                first.Add(observation);
                Assert.Equal(whole.Estimate, first.Estimate);
            }
        });

    [Fact]
    public void Capacity_RestoredFromNonsense_KnowsNothing()
    {
        var estimator = new CapacityEstimator();
        estimator.Restore(new(-1, 9, double.NaN, 9, double.PositiveInfinity, 99, 0, null));
        Assert.Equal("unknown", estimator.Estimate.Basis);
    }

    [Fact]
    public void Lead_RestoredAnywhere_GoesOnTheSame() =>
        Gen.Select(Gen.Int[0, 4000].Array[1, 130], Gen.Int[0, 129]).Sample((seconds, cut) =>
        {
            var whole = new LeadTimeEstimator();
            var first = new LeadTimeEstimator();
            for (var i = 0; i < seconds.Length; i++)
            {
                if (i == cut)
                {
                    var second = new LeadTimeEstimator();
                    second.Restore(first.Export());
                    first = second;
                }

                whole.Add(TimeSpan.FromSeconds(seconds[i]));
                first.Add(TimeSpan.FromSeconds(seconds[i]));
                Assert.Equal(whole.Estimate, first.Estimate);
            }
        });
}
