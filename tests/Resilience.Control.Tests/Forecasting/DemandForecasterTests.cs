using CsCheck;
using Resilience.Control.Forecasting;

namespace Resilience.Control.Tests.Forecasting;

public sealed class DemandForecasterTests
{
    //           points of history                expected stage
    [Theory]
    [InlineData(0, ForecastStage.Silent)]
    [InlineData(29, ForecastStage.Silent)]      // 29 points say nothing yet: the reactive autoscaler is alone
    [InlineData(31, ForecastStage.Warming)]
    [InlineData(287, ForecastStage.Warming)]
    [InlineData(289, ForecastStage.Young)]
    [InlineData(600, ForecastStage.Full)]
    public void Stage_FollowsTheLadder(int points, ForecastStage expected)
    {
        var forecaster = Synthetic.Forecaster().Feed(Synthetic.Days(3).Take(points));
        Assert.Equal(expected, forecaster.Stage);
        Assert.Equal(expected != ForecastStage.Silent, forecaster.HasForecast);
    }

    [Fact]
    public void Warming_TrustsTheLastValueAndTwoAutoregressionsEqually()
    {
        var forecaster = Synthetic.Forecaster().Feed(Synthetic.Days(1).Take(200));
        var shares = forecaster.Shares(0).Where(share => share.Weight > 0).ToArray();
        Assert.Equal(["ar", "ar_log", "naive"], shares.Select(share => share.Model).Order());
        Assert.All(shares, share => Assert.Equal(1.0 / 3, share.Weight, 1e-9));
    }

    [Fact]
    public void Full_OnASeasonalSeries_BeatsRepeatingTheLastValue()
    {
        var forecaster = Synthetic.Forecaster().Feed(Synthetic.Days(9));
        Assert.True(forecaster.SkillAgainstNaive > 0.2, $"skill {forecaster.SkillAgainstNaive}");
        Assert.True(forecaster.SkillAgainstMedian > 0.8);
        Assert.True(forecaster.IsForecastable);
    }

    [Fact]
    public void Series_ThatNothingForecastsBetter_IsForecastByItsLastValue()
    {
        var (random, level) = (new Random(11), 40);
        var forecaster = Synthetic.Forecaster().Feed(Enumerable.Range(0, 9 * 288).Select(_ => (double)(level = random.Next(60) == 0 ? random.Next(10, 100) : level)));
        for (var h = 0; h < 3; h++)
        {
            Assert.Equal(("naive", 1), forecaster.Champion(h));
            Assert.Equal(forecaster.Series.Values[^1], forecaster.Point(h));
        }
    }

    [Fact]
    public void Coverage_IsTheShareOfOutcomesThatTheirOwnQuantilesCovered()
    {
        var values = Synthetic.Days(8);
        var forecaster = Synthetic.Forecaster(horizons: [1, 3]);
        var workspace = new ForecastWorkspace();
        var pending = new Queue<double>();
        List<bool> covered = [];
        foreach (var value in values)
        {
            forecaster.Feed([value], workspace);
            pending.Enqueue(forecaster.Quantile(1, 0.9));
            if (pending.Count > 3 && pending.Dequeue() is var quantile && !double.IsNaN(quantile))
            {
                covered.Add(values[forecaster.Series.RealPoints - 1] <= quantile);
            }
        }

        var window = covered.TakeLast(2 * 288).ToArray();
        Assert.Equal(window.Count(one => one) / (double)window.Length, forecaster.Coverage(1, 0.9), 0.01);
        Assert.InRange(forecaster.Coverage(0, 0.99), 0.975, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => forecaster.Coverage(0, 0.5));
    }

    [Fact]
    public void Coverage_BeforeThereAreQuantiles_IsNotANumber() =>
        Assert.True(double.IsNaN(Synthetic.Forecaster().Feed(Synthetic.Days(1).Take(40)).Coverage(0, 0.99)));

    [Fact]
    public void IsForecastable_OfNoiseWithoutMemory_IsFalse()
    {
        var forecaster = Synthetic.Forecaster().Feed(Synthetic.Noise(9 * 288));
        Assert.False(forecaster.IsForecastable, $"skill against the mean {forecaster.SkillAgainstMedian}");
    }

    [Fact]
    public void Quantiles_AreMonotoneAndWeightsSumToOne_ForAnySeries() =>
        Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[40, 700], Gen.Double[0, 20], Gen.Int[0, 50]).Sample(
            (seed, points, noise, missingPercent) =>
            {
                var random = new Random(seed);
                var values = Synthetic.Days(3, seed, noise: noise).Take(points).Select(value => random.Next(100) < missingPercent ? double.NaN : value);
                var forecaster = Synthetic.Forecaster(horizons: [1, 3]).Feed(values);
                for (var h = 0; h < 2 && forecaster.HasForecast; h++)
                {
                    Assert.True(forecaster.Point(h) >= 0 && double.IsFinite(forecaster.Point(h)));
                    Assert.Equal(1, forecaster.Shares(h).Sum(share => share.Weight), 1e-9);
                    var levels = new[] { 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.999 }.Select(q => forecaster.Quantile(h, q)).ToArray();
                    Assert.True(double.IsNaN(levels[0]) || levels.Zip(levels.Skip(1)).All(pair => pair.First <= pair.Second));
                }
            },
            iter: 15);

    [Fact]
    public void Forecasts_NeverDependOnTheFuture() =>
        Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[600, 1_400]).Sample(
            (seed, cut) =>
            {
                var past = Synthetic.Days(5, seed);
                var other = past.Take(cut).Concat(Synthetic.Noise(past.Length - cut, seed + 1)).ToArray();
                Assert.Equal(Rows(past, cut), Rows(other, cut));
            },
            iter: 4);

    [Fact]
    public void Forecasts_AreTheSameInEveryRun()
    {
        var values = Synthetic.Days(8);
        var first = Synthetic.Forecaster(trees: true).Feed(values);
        var second = Synthetic.Forecaster(trees: true).Feed(values);
        for (var h = 0; h < 3; h++)
        {
            Assert.Equal(first.Point(h), second.Point(h));
            Assert.Equal(first.Quantile(h, 0.99), second.Quantile(h, 0.99));
        }
    }

    [Fact]
    public void Restore_GivesBackWeightsAndCalibration()
    {
        var values = Synthetic.Days(10);
        var lived = Synthetic.Forecaster().Feed(values);
        var restored = Synthetic.Forecaster();
        restored.Restore(values, new ForecastWorkspace());

        Assert.Equal(lived.Point(1), restored.Point(1), 0.03 * lived.Point(1));
        Assert.Equal(lived.Quantile(1, 0.99), restored.Quantile(1, 0.99), 0.05 * lived.Quantile(1, 0.99));
        Assert.Equal(lived.SkillAgainstNaive, restored.SkillAgainstNaive, 0.1);
    }

    /// <summary>A young service without noise must not be given replicas for noise that only rounding makes.</summary>
    [Theory]
    [InlineData(25, 45)]
    [InlineData(35, 100)]
    [InlineData(35, 600)]
    [InlineData(55, 600)]
    [InlineData(25, 2_000)]
    [InlineData(0.1, 700)]
    public void ConstantSeries_YoungOrNot_IsForecastExactly(double value, int minutes)
    {
        var forecaster = Synthetic.Forecaster(minutes: 1, horizons: [1, 2], trees: true).Feed(Synthetic.Constant(minutes, value));
        for (var h = 0; h < 2; h++)
        {
            Assert.Equal(value, forecaster.Point(h), value * 1e-6);
            Assert.True(double.IsNaN(forecaster.Quantile(h, 0.99)) || forecaster.Quantile(h, 0.99) <= value * 1.0001, $"q.99 at {h} is {forecaster.Quantile(h, 0.99)}");
        }
    }

    [Fact]
    public void ConstantSeries_IsForecastExactly()
    {
        var forecaster = Synthetic.Forecaster(trees: true).Feed(Synthetic.Constant(4 * 288));
        Assert.Equal(100, forecaster.Point(2), 1e-6);
        Assert.InRange(forecaster.Quantile(2, 0.99), 100, 100.001);
    }

    [Fact]
    public void ZeroSeries_IsForecastAsZero()
    {
        var forecaster = Synthetic.Forecaster(trees: true).Feed(Synthetic.Constant(4 * 288, 0));
        Assert.Equal(0, forecaster.Point(0), 1e-6);
        Assert.InRange(forecaster.Quantile(0, 0.99), 0, 1e-6);
    }

    [Fact]
    public void LongGap_IsStaleUntilItEndsAndThenRecovers()
    {
        var values = Synthetic.Days(8);
        var forecaster = Synthetic.Forecaster().Feed(values.Take(2_000));
        forecaster.Feed(Enumerable.Repeat(double.NaN, 60));
        Assert.True(forecaster.Series.IsStale);
        Assert.False(forecaster.HasForecast);

        forecaster.Feed(values.Skip(2_060).Take(20));
        Assert.True(forecaster.HasForecast);
        Assert.Equal(values[2_080], forecaster.Point(0), 0.15 * values[2_080]);
    }

    [Fact]
    public void Outage_OfExactZeros_DoesNotPoisonTheNextDay()
    {
        var values = Synthetic.Days(9);
        Array.Fill(values, 0, 6 * 288, 48);
        var forecaster = Synthetic.Forecaster().Feed(values.Take((7 * 288) + 20));
        var expected = values[(7 * 288) + 20];
        Assert.Equal(expected, forecaster.Point(0), 0.12 * expected);
    }

    [Fact]
    public void DaylightShift_WithAZone_KeepsTheDayInPlace()
    {
        var zone = TimeZoneInfo.CreateCustomTimeZone(
            "test", TimeSpan.FromHours(1), "test", "test", "test summer",
            [TimeZoneInfo.AdjustmentRule.CreateAdjustmentRule(
                new DateTime(2026, 1, 1), new DateTime(2026, 12, 31), TimeSpan.FromHours(1),
                TimeZoneInfo.TransitionTime.CreateFixedDateRule(new DateTime(1, 1, 1, 2, 0, 0), 3, 9),
                TimeZoneInfo.TransitionTime.CreateFixedDateRule(new DateTime(1, 1, 1, 3, 0, 0), 10, 9))]);
        var clock = new SeasonalClock(Synthetic.Start, TimeSpan.FromMinutes(5), zone);
        var nineLocalBefore = (6 * 288) + (8 * 12);      // 09:00 local is 08:00 UTC before the shift on 9 March
        var nineLocalAfter = (8 * 288) + (7 * 12);       // and 07:00 UTC after it
        Assert.Equal(clock.Phase(nineLocalBefore), clock.Phase(nineLocalAfter));
        Assert.Equal(nineLocalBefore, clock.SameTimeBefore(nineLocalAfter, 2));

        var values = Enumerable.Range(0, 10 * 288).Select(i => 1200 - (600 * Math.Cos(2 * Math.PI * clock.Phase(i) / 288d))).ToArray();
        var aware = Synthetic.Forecaster(horizons: [12], zone: zone).Feed(values.Take((7 * 288) + 60));
        Assert.Equal(values[(7 * 288) + 71], aware.Point(0), 0.03 * values[(7 * 288) + 71]);
    }

    [Fact]
    public void Append_OnTheHotPath_DoesNotAllocate()
    {
        var values = Synthetic.Days(9);
        var forecaster = Synthetic.Forecaster(trees: true).Feed(values.Take(7 * 288));
        foreach (var value in values.Skip(7 * 288).Take(50))
        {
            forecaster.Append(value);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        var sum = 0d;
        foreach (var value in values.AsSpan((7 * 288) + 50, 200))
        {
            forecaster.Append(value);
            sum += forecaster.Point(0) + forecaster.Quantile(0, 0.99);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(sum > 0);
    }

    [Fact]
    public void Challenger_ThatKnowsTheFuture_EntersThePoolAndWins()
    {
        var values = Synthetic.Days(6, noise: 4);
        var interval = TimeSpan.FromMinutes(5);
        var options = ForecasterOptions.For(interval, [1, 2]) with { GradientBoosting = false };
        var forecaster = new DemandForecaster(new DemandSeries(interval, Synthetic.Start, options.RetainPoints(interval)), options, [new Oracle(values)]);
        forecaster.Feed(values.Take(800));
        Assert.False(forecaster.Shares(0).Single(share => share.Model == "oracle").InPool && forecaster.Series.Count < 144);

        forecaster.Feed(values.Skip(800).Take(800));
        Assert.Equal("oracle", forecaster.Champion(0).Model);
        Assert.True(forecaster.Champion(0).Share > 0.99);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1e12)]
    public void Challenger_ThatAnswersNonsense_NeverHurts(double answer)
    {
        var values = Synthetic.Days(4);
        var interval = TimeSpan.FromMinutes(5);
        var options = ForecasterOptions.For(interval, [1]) with { GradientBoosting = false };
        var forecaster = new DemandForecaster(new DemandSeries(interval, Synthetic.Start, options.RetainPoints(interval)), options, [new Broken(answer)]);
        forecaster.Feed(values);
        var alone = new DemandForecaster(new DemandSeries(interval, Synthetic.Start, options.RetainPoints(interval)), options).Feed(values);
        Assert.Equal(alone.Point(0), forecaster.Point(0));
    }

    private static List<BacktestRow> Rows(double[] values, int cut)
    {
        var rows = new List<BacktestRow>();
        var trace = Synthetic.Trace(values);
        var windows = new BacktestWindows(TimeSpan.FromDays(2), TimeSpan.FromDays(1), TimeSpan.FromDays(3), TimeSpan.FromDays(1), [1, 3], 2);
        Backtest.Run(trace, windows, windows.ToOptions(trace.Interval) with { GradientBoosting = false }, TimeProvider.System, row =>
        {
            if (row.Origin < cut)
            {
                rows.Add(row with { Actual = 0 });
            }
        });
        return rows;
    }

    private sealed class Oracle(double[] values) : IForecaster
    {
        public string Name => "oracle";

        public bool IsReady => true;

        public void Fit(TrainingSet training, int horizonIndex)
        {
        }

        public void Observe(in ForecastInput input)
        {
        }

        public double Forecast(in ForecastInput input) => values[Math.Min(values.Length - 1, input.Position + input.Horizon)];
    }

    private sealed class Broken(double answer) : IForecaster
    {
        public string Name => "broken";

        public bool IsReady => true;

        public void Fit(TrainingSet training, int horizonIndex)
        {
        }

        public void Observe(in ForecastInput input)
        {
        }

        public double Forecast(in ForecastInput input) => answer;
    }
}
