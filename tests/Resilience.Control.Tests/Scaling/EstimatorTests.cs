using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Scaling;

public sealed class EstimatorTests
{
    [Fact]
    public void Capacity_IsThePlateauWhileRequestsAreRefused()
    {
        var estimator = new CapacityEstimator();
        estimator.Add(new(40, 0.05, 0.4, 0));
        for (var i = 0; i < 5; i++)
        {
            estimator.Add(new(98 + i, 0.5, 0.95, 0.1));
        }

        Assert.Equal("saturation", estimator.Estimate.Basis);
        Assert.Equal(100, estimator.Estimate.PerReplica, 1.0);
    }

    [Fact]
    public void Capacity_WithoutRefusals_IsWhereLatencyDoubles()
    {
        var estimator = new CapacityEstimator();
        for (var load = 10; load <= 90; load += 10)
        {
            estimator.Add(new(load, load < 70 ? 0.05 : 0.15, double.NaN, 0));
        }

        Assert.Equal("latency knee", estimator.Estimate.Basis);
        Assert.InRange(estimator.Estimate.PerReplica, 70, 90);
    }

    [Fact]
    public void Capacity_WithOnlyCpu_IsExtrapolatedFromCpuPerRequest()
    {
        var estimator = new CapacityEstimator();
        for (var i = 0; i < 20; i++)
        {
            estimator.Add(new(30, double.NaN, 0.3, 0));
        }

        Assert.Equal("cpu", estimator.Estimate.Basis);
        Assert.Equal(85, estimator.Estimate.PerReplica, 0.5);
    }

    [Fact]
    public void Capacity_OfAFasterRelease_IsLearnedAnew()
    {
        var estimator = new CapacityEstimator();
        for (var i = 0; i < 5; i++)
        {
            estimator.Add(new(100, 0.5, 0.95, 0.1));
        }

        estimator.Add(new(180, 0.05, 0.8, 0));
        Assert.True(estimator.Estimate.PerReplica >= 180);
    }

    [Theory]
    [InlineData(double.NaN, 0)]
    [InlineData(-5, 0)]
    [InlineData(10, double.NaN)]
    [InlineData(10, 1.5)]
    public void Capacity_FromImpossibleObservations_IsUnknown(double throughput, double rejected)
    {
        var estimator = new CapacityEstimator();
        estimator.Add(new(throughput, 0.1, 0.5, rejected));
        Assert.Equal("unknown", estimator.Estimate.Basis);
    }

    [Fact]
    public void LeadTime_IsAHighPercentileOfTheNewestStartUps()
    {
        var estimator = new LeadTimeEstimator();
        Assert.Null(estimator.Estimate);
        for (var i = 1; i <= 100; i++)
        {
            estimator.Add(TimeSpan.FromSeconds(i <= 50 ? 600 : i));
        }

        Assert.Equal(TimeSpan.FromSeconds(95), estimator.Estimate);
        Assert.Equal(3, estimator.Steps(TimeSpan.FromMinutes(1)));
    }
}
