using System.Globalization;
using Resilience.Control.Forecasting;
using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Forecasting;

/// <summary>What is promised of any series, on families that no setting was chosen on. Some minutes; run with the slow tier.</summary>
public sealed class HeldOutTests
{
    /// <summary>Demand that stays at whole values for hours has no 90% quantile between them: what is covered is what there is.</summary>
    private static readonly string[] Lumpy = ["steps"];

    /// <summary>Nothing is better than its last value; what was lost until that showed in the record is a few tenths of a percent.</summary>
    private const string RandomWalk = "random-walk";

    public static TheoryData<string, int> Cases => [.. from name in DemandFamilies.Names from seed in (int[])[2, 3] select (name, seed)];

    [Theory(Explicit = true)]
    [Trait("tier", "slow")]
    [MemberData(nameof(Cases))]
    public void Forecasts_OfAnyFamily_AreNoWorseThanTheLastValueAndCalibrated(string family, int seed)
    {
        var trace = DemandFamilies.Create(family, seed);
        var windows = BacktestWindows.For(trace.Interval);
        var result = Backtest.Run(trace, windows, windows.ToOptions(trace.Interval), TimeProvider.System);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(' ', result.Scores.Select(score =>
            string.Create(CultureInfo.InvariantCulture, $"h{score.Horizon} {score.RelNaive:0.000} {score.Coverage90:0.000} {score.Coverage99:0.0000}"))));
        Assert.All(result.Scores, score =>
        {
            Assert.True(score.RelNaive <= (family == RandomWalk ? 1.005 : 1.002), $"h {score.Horizon}: {score.RelNaive}");
            Assert.InRange(score.Coverage90, 0.87, Lumpy.Contains(family) ? 1 : 0.94);
            Assert.InRange(score.Coverage99, 0.975, 0.998);
        });
    }

    [Theory(Explicit = true)]
    [Trait("tier", "slow")]
    [MemberData(nameof(Cases))]
    public void Floor_OfAnyFamily_KeepsItsBudgetOfViolations(string family, int seed)
    {
        var trace = DemandFamilies.Create(family, seed);
        var windows = BacktestWindows.For(trace.Interval);
        var result = Replay.Run(trace, new ReplayOptions
        {
            Policy = ReplayPolicy.Floor,
            Windows = windows,
            Lead = windows.Lead,
            Floor = new FloorPolicy { Quantile = 0.99, Hold = TimeSpan.FromMinutes(5) },
        });
        Assert.True(result.ViolationRatio <= 0.0125, $"{result.ViolationRatio:P2}");
    }
}
