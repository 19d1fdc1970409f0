using Resilience.Control.Forecasting;

namespace Resilience.Control.Tests.Forecasting;

public sealed class BacktestTests
{
    private static readonly BacktestWindows Windows =
        new(TimeSpan.FromDays(4), TimeSpan.FromDays(2), TimeSpan.FromDays(3), TimeSpan.FromDays(1), [1, 2, 3], 2);

    [Fact]
    public void Run_OnASeasonalTrace_BeatsNaiveAndIsCalibrated()
    {
        var trace = Synthetic.Trace(Synthetic.Days(10));
        var result = Backtest.Run(trace, Windows, Windows.ToOptions(trace.Interval) with { GradientBoosting = false }, TimeProvider.System);

        Assert.All(result.Scores, score =>
        {
            Assert.Equal((3 * 288) - score.Horizon, score.Forecasts);
            Assert.True(score.RelNaive < 0.9, $"h {score.Horizon}: {score.RelNaive}");
            Assert.InRange(score.Coverage90, 0.86, 0.95);
            Assert.InRange(score.Coverage99, 0.97, 1);
        });
    }

    [Fact]
    public void Run_OnAConstantTrace_ScoresAsGoodAsNaive()
    {
        var trace = Synthetic.Trace(Synthetic.Constant(10 * 288));
        var result = Backtest.Run(trace, Windows, Windows.ToOptions(trace.Interval), TimeProvider.System);
        Assert.All(result.Scores, score => Assert.Equal(1, score.Coverage99));
        Assert.Equal(0, result.Scores[0].Smape, 1e-6);
    }

    [Fact]
    public void Run_OnATraceShorterThanItsWindows_SaysHowManyPointsItNeeds()
    {
        var trace = Synthetic.Trace(Synthetic.Days(4));
        var error = Assert.Throws<ArgumentException>(() => Backtest.Run(trace, Windows, Windows.ToOptions(trace.Interval), TimeProvider.System));
        Assert.Contains("1152 points", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 7, 5, "5,10,15", 3)]
    [InlineData(5, 6, 5, "1,2,3", 2)]
    [InlineData(30, 56, 60, "1,3,6", 1)]
    [InlineData(60, 84, 60, "1,3,6", 1)]
    public void For_TakesItsDefaultsFromTheInterval(int minutes, int train, int evaluation, string horizons, int lead)
    {
        var windows = BacktestWindows.For(TimeSpan.FromMinutes(minutes));
        Assert.Equal((train, evaluation, horizons, lead), (windows.Train.Days, windows.Evaluation.Days, string.Join(',', windows.Horizons), windows.Lead));
    }
}
