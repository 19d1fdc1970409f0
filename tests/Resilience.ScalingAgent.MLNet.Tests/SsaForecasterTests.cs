using System.Runtime.InteropServices;
using Resilience.Control.Forecasting;

namespace Resilience.ScalingAgent.MLNet;

/// <summary>The library is not here: its declared signatures throw whenever they are called. So a guard that works is one under which nothing throws.</summary>
public sealed class SsaForecasterTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 2, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    [Fact]
    public void Refit_OfASeriesWithShape_AsksTheLibrary() =>
        Assert.Throws<NotSupportedException>(() => Refit(Enumerable.Range(0, 200).Select(i => 100 + (50 * Math.Sin(i / 10d)))));

    [Fact]
    public void Refit_OfAConstantSeries_DoesNotAskTheLibrary() => Assert.False(Refit(Enumerable.Repeat(100d, 200)));

    [Fact]
    public void Refit_OfASeriesShorterThanTwoWindows_DoesNotAskTheLibrary()
    {
        // 17 points allow a window of 7, and below 8 there is nothing to decompose.
        var challenger = new SsaForecaster(3);
        var forecaster = Forecaster(challenger);
        foreach (var i in Enumerable.Range(0, 17))
        {
            forecaster.Append(i % 5);
        }

        forecaster.Refit(new ForecastWorkspace());
        Assert.False(challenger.IsReady);
    }

    [Fact]
    public void WhyNotOn_NamesTheArchitecturesWithoutNativeCode()
    {
        Assert.Null(SsaChallengers.WhyNotOn(Architecture.X64));
        Assert.Contains("Arm64", SsaChallengers.WhyNotOn(Architecture.Arm64), StringComparison.Ordinal);
    }

    private static bool Refit(IEnumerable<double> values)
    {
        var challenger = new SsaForecaster(3);
        var forecaster = Forecaster(challenger);
        foreach (var value in values)
        {
            forecaster.Append(value);
        }

        forecaster.Refit(new ForecastWorkspace());
        return challenger.IsReady;
    }

    private static DemandForecaster Forecaster(SsaForecaster challenger)
    {
        var options = ForecasterOptions.For(Interval, [1, 2, 3]) with { GradientBoosting = false };
        return new DemandForecaster(new DemandSeries(Interval, Start, options.RetainPoints(Interval)), options, [challenger]);
    }
}
