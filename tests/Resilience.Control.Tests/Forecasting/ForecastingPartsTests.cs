using Resilience.Control.Forecasting;
using Resilience.Control.Forecasting.Models;

namespace Resilience.Control.Tests.Forecasting;

/// <summary>The parts of the forecaster that have a right answer of their own.</summary>
public sealed class ForecastingPartsTests
{
    [Theory]
    [InlineData(1, 2)]
    [InlineData(63, 11)]
    [InlineData(64, 16)]
    [InlineData(201, 44)]
    public void NormalEquations_SumWeightedProductsOfColumns(int rows, int columns)
    {
        var random = new Random(rows);
        var stride = NormalEquations.Stride(columns);
        var table = new double[rows * stride];
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = i % stride < columns ? random.NextDouble() - 0.5 : 0;
        }

        var weights = Enumerable.Range(0, rows).Select(_ => random.NextDouble()).ToArray();
        var gram = new double[stride * stride];
        Array.Fill(gram, 7);   // what is there before does not count
        NormalEquations.Sum(table, stride, weights, new double[NormalEquations.ScratchLength(stride)], gram);

        for (var i = 0; i < columns; i++)
        {
            for (var j = i; j < columns; j++)
            {
                var expected = Enumerable.Range(0, rows).Sum(row => weights[row] * table[(row * stride) + i] * table[(row * stride) + j]);
                Assert.Equal(expected, gram[(i * stride) + j], 1e-9);
            }
        }
    }

    [Fact]
    public void ConvexMixture_OfTwoModelsThatErrOppositely_IsHalfOfEach()
    {
        var random = new Random(3);
        var mixture = new ConvexMixture(models: 3, memorySteps: 500);
        for (var i = 0; i < 2_000; i++)
        {
            var (actual, error) = (100 + (20 * random.NextDouble()), 10 * Synthetic.Normal(random));
            double[] forecasts = [actual + error, actual - error + Synthetic.Normal(random), 150];
            mixture.Learn(forecasts, Mixed(mixture, forecasts), actual);
        }

        var sum = mixture.Due(0) + mixture.Due(1) + mixture.Due(2);
        Assert.Equal(0.5, mixture.Due(0) / sum, 0.15);
        Assert.Equal(0.5, mixture.Due(1) / sum, 0.15);
    }

    [Fact]
    public void ConvexMixture_WhenTheBetterModelChanges_Follows()
    {
        var mixture = new ConvexMixture(models: 2, memorySteps: 100);
        for (var i = 0; i < 1_000; i++)
        {
            double[] forecasts = i < 500 ? [101, 130] : [130, 101];
            mixture.Learn(forecasts, Mixed(mixture, forecasts), 100);
        }

        Assert.True(mixture.Due(1) > 10 * mixture.Due(0), $"{mixture.Due(0)} {mixture.Due(1)}");
    }

    [Fact]
    public void VolatilityProfile_KnowsTheMinutesOfADailyJob_ButNotOfAnAccident()
    {
        var random = new Random(5);
        var profile = new VolatilityProfile(1_440);
        for (var minute = 0; minute < 4 * 1_440; minute++)
        {
            var phase = minute % 1_440;
            var job = phase is >= 600 and < 605 || (minute >= 1_440 && minute < 2_880 && phase is >= 900 and < 905);
            profile.Add(phase, (job ? 10 : 1) * Synthetic.Normal(random));
        }

        Assert.True(profile.At(602) > 3, $"the job: {profile.At(602)}");
        Assert.True(profile.At(602) > 2 * profile.At(902), $"the accident: {profile.At(902)}");
        Assert.True(profile.At(602) > 2 * profile.At(590), $"ten minutes before the job: {profile.At(590)}");
        Assert.InRange(profile.At(100), 0.5, 1.2);
    }

    [Fact]
    public void ConformalBand_AfterMoreMissesThanPromised_ReadsAHigherLevel_WithinLimits()
    {
        var band = new ConformalBand(windowPoints: 2_000, guardPoints: 60);
        var random = new Random(7);
        for (var i = 0; i < 2_000; i++)
        {
            band.Add(i < 1_900 ? random.NextDouble() : 0.2);   // a calm last hour, so that the guard says nothing
        }

        var before = band.Quantile(0.9);
        for (var i = 0; i < 5_000; i++)
        {
            band.Adapt(0, missed: i % 5 == 0);   // a fifth instead of a tenth
        }

        Assert.Equal(0.945, band.Quantile(0.9), 0.025);   // half the misses promised is the limit
        Assert.True(band.Quantile(0.9) > before);
        Assert.Equal(0.99, band.Quantile(0.99), 0.01);
        Assert.True(band.Quantile(0.5) < band.Quantile(0.7) && band.Quantile(0.7) < band.Quantile(0.9) && band.Quantile(0.9) < band.Quantile(0.99));
    }

    private static double Mixed(ConvexMixture mixture, double[] forecasts)
    {
        var sum = forecasts.Select((_, i) => mixture.Due(i)).Sum();
        return sum > 0 ? forecasts.Select((forecast, i) => forecast * mixture.Due(i)).Sum() / sum : forecasts.Average();
    }
}
