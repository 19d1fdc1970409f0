using Resilience.Control.Forecasting;

namespace Resilience.Control.Tests.Forecasting;

public sealed class DemandSeriesTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Fact]
    public void Append_AfterAShortGap_DrawsAStraightLine()
    {
        var series = new DemandSeries(Minute, Synthetic.Start, 100);
        series.Append(10);
        Assert.Equal(AppendResult.AppendedAfterGap, series.Append(Synthetic.Start + (4 * Minute), 50));

        Assert.Equal([10, 20, 30, 40, 50], series.Values.ToArray());
        Assert.Equal([true, false, false, false, true], Enumerable.Range(0, 5).Select(series.IsReal));
        Assert.Equal(2, series.RealPoints);
    }

    [Fact]
    public void Append_WhileAGapIsOpen_RepeatsTheLastValueAndTurnsStaleAfterTenMinutes()
    {
        var series = new DemandSeries(Minute, Synthetic.Start, 100);
        series.Append(10);
        for (var minute = 1; minute <= 10; minute++)
        {
            series.Append(double.NaN);
            Assert.False(series.IsStale);
        }

        series.Append(double.NaN);
        Assert.True(series.IsStale);
        Assert.Equal(10, series.Values[^1]);
    }

    [Theory]
    [InlineData(0, AppendResult.Late)]
    [InlineData(1, AppendResult.Duplicate)]
    [InlineData(2, AppendResult.Appended)]
    [InlineData(3, AppendResult.AppendedAfterGap)]
    public void Append_ByTime_TellsWhatItDid(int minute, AppendResult expected)
    {
        var series = new DemandSeries(Minute, Synthetic.Start, 100);
        series.Append(1);
        series.Append(2);
        Assert.Equal(expected, series.Append(Synthetic.Start + (minute * Minute) + TimeSpan.FromSeconds(59), 3));
    }

    [Fact]
    public void Append_BeyondItsMemory_KeepsPositionsAndSums()
    {
        var series = new DemandSeries(Minute, Synthetic.Start, 100);
        for (var i = 0; i < 1_000; i++)
        {
            series.Append(i);
        }

        Assert.InRange(series.Count, 100, 164);
        Assert.Equal(999, series.Offset + series.Count - 1);
        Assert.Equal(Synthetic.Start + (1_000 * Minute), series.End);
        Assert.Equal(series.Values.ToArray().Sum(), series.Cumulative[^1], 1e-6);
    }

    [Fact]
    public void Append_AfterAGapLongerThanItsMemory_StartsAfresh()
    {
        var series = new DemandSeries(Minute, Synthetic.Start, 100);
        series.Append(5);
        series.Append(Synthetic.Start + TimeSpan.FromDays(30), 7);

        Assert.Equal(1, series.RealPoints);
        Assert.Equal(Synthetic.Start + TimeSpan.FromDays(30) + Minute, series.End);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1)]
    public void Append_AnImpossibleValue_CountsAsMissing(double value)
    {
        var series = new DemandSeries(Minute, Synthetic.Start, 100);
        series.Append(5);
        series.Append(value);

        Assert.False(series.IsReal(1));
        Assert.Equal(5, series.Values[1]);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(0)]
    [InlineData(720)]
    public void Constructor_AnIntervalThatDoesNotDivideTheDay_IsRefused(int minutes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DemandSeries(TimeSpan.FromMinutes(minutes), Synthetic.Start, 100));
}
