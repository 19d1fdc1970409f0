using Resilience.Lab.Experiments;

namespace Resilience.Lab.Tests.Experiments;

public sealed class DayCourseTests
{
    private static readonly TimeSpan Noon = TimeSpan.FromHours(12);

    /// <summary>From 20 at 04:00 to 100 at 16:00, and nothing else; the load begins at noon.</summary>
    private static readonly CourseSpec Smooth = new() { Shape = "diurnal", LowRps = 20, HighRps = 100, StartsAt = Noon, HistoryDays = 7 };

    [Theory]
    //          hours since noon   requests/s of the cosine
    [InlineData(0, 80)]            // two thirds of the way up: (1 - cos 120°) / 2 = 0.75
    [InlineData(4, 100)]           // the top, twelve hours after the low
    [InlineData(-8, 20)]           // the low of the day itself
    [InlineData(-8 - 24, 20)]      // and of the day before
    [InlineData(-2, 60)]           // half-way
    [InlineData(40_000, 77.9)]     // beyond what was drawn the last minute holds
    public void RateAt_OfASmoothDay_IsACosine(double hours, double expected) =>
        Assert.Equal(expected, new DayCourse(Smooth).RateAt(TimeSpan.FromHours(hours)), hours > 100 ? 60 : 0.05);

    [Theory]
    //          minutes after 10:00   factor, of a burst of 3 with flanks of 10 min around 20 min
    [InlineData(-1, 1.0)]
    [InlineData(5, 2.0)]
    [InlineData(10, 3.0)]
    [InlineData(29, 3.0)]
    [InlineData(35, 2.0)]
    [InlineData(41, 1.0)]
    public void RateAt_InABurst_RisesStaysAndFalls(int minutes, double factor)
    {
        var flat = Smooth with { LowRps = 50, HighRps = 50, Bursts = [Burst(3)] };
        var since = TimeSpan.FromHours(10) + TimeSpan.FromMinutes(minutes) - Noon;

        Assert.Equal(50 * factor, new DayCourse(flat).RateAt(since), 1e-6);
        Assert.Equal(50 * factor, new DayCourse(flat).RateAt(since - TimeSpan.FromDays(1)), 1e-6);
    }

    [Fact]
    public void RateAt_InASurge_OnlyTheDayOfTheRunHasIt()
    {
        var course = new DayCourse(Smooth with { LowRps = 50, HighRps = 50, Surges = [new SurgeSpec(TimeSpan.FromHours(13), TimeSpan.FromHours(1), 2, TimeSpan.FromMinutes(1), null)] });

        Assert.Equal(100, course.RateAt(TimeSpan.FromMinutes(90)), 1e-6);
        Assert.Equal(50, course.RateAt(TimeSpan.FromMinutes(90) - TimeSpan.FromDays(1)), 1e-6);
    }

    [Theory]
    [InlineData(-4, 0.5)]   // the run is on a Wednesday: Saturday
    [InlineData(-3, 0.5)]   // Sunday
    [InlineData(-2, 1)]
    [InlineData(-5, 1)]     // Friday
    public void RateAt_OnAWeekend_IsTheShareAskedFor(int days, double share)
    {
        var flat = Smooth with { LowRps = 50, HighRps = 50, Weekend = 0.5, Bursts = [Burst(3) with { At = Noon - TimeSpan.FromMinutes(15) }] };

        // The burst is one of weekdays.
        Assert.Equal(50 * share * (share < 1 ? 1 : 3), new DayCourse(flat).RateAt(TimeSpan.FromDays(days)), 1e-6);
    }

    [Fact]
    public void LunchDip_IsDeepestAtHalfPastTwelve()
    {
        var course = new DayCourse(Smooth with { LowRps = 50, HighRps = 50, LunchDip = 0.4 });

        Assert.Equal(30, course.RateAt(TimeSpan.FromMinutes(30)), 1e-6);
        Assert.InRange(course.RateAt(TimeSpan.FromHours(3)), 49.9, 50);
    }

    [Fact]
    public void Noise_IsOfTheSizeAskedFor_AndKeepsTheMean()
    {
        var course = new DayCourse(Smooth with { LowRps = 50, HighRps = 50, Noise = 0.1, HistoryDays = 28 });
        var minutes = Enumerable.Range(0, 28 * 1_440).Select(minute => course.RateAt(TimeSpan.FromMinutes(-minute)) / 50).ToArray();

        Assert.Equal(1, minutes.Average(), 0.01);
        Assert.Equal(0.1, Math.Sqrt(minutes.Average(share => (share - 1) * (share - 1))), 0.01);
    }

    [Fact]
    public void SameSeed_SameDay_AnotherSeed_AnotherDay()
    {
        var noisy = Smooth with { Noise = 0.1, Bursts = [Burst(2) with { Jitter = TimeSpan.FromMinutes(5), Vary = 0.2 }] };
        double[] Day(int seed) => [.. Enumerable.Range(0, 100).Select(i => new DayCourse(noisy with { Seed = seed }).RateAt(TimeSpan.FromMinutes(i)))];

        Assert.Equal(Day(1), Day(1));
        Assert.NotEqual(Day(1), Day(2));
    }

    [Fact]
    public void History_IsWholeIntervalsUpToTheInstantAskedFor()
    {
        var course = new DayCourse(Smooth with { HistoryDays = 2 });
        var interval = TimeSpan.FromMinutes(30);

        var rows = course.History(interval, TimeSpan.FromHours(-1)).ToArray();

        // Two days and twelve hours lie before noon; one hour of them is not asked for.
        Assert.Equal((48 + 12 - 1) * 2, rows.Length);
        Assert.Equal(TimeSpan.FromHours(-1.5), rows[^1].SinceStart);
        Assert.All(rows.Zip(rows.Skip(1)), pair => Assert.Equal(interval, pair.Second.SinceStart - pair.First.SinceStart));
        Assert.Equal(course.RateAt(TimeSpan.FromHours(-1.25)), rows[^1].Rps, 0.05);
    }

    [Fact]
    public void WithRate_ScalesTheDay_AndWithSeed_DrawsAnother()
    {
        var experiment = ExperimentCatalog.Find("predictive-vs-reactive");
        var (doubled, drawn) = (experiment.WithRate(experiment.Load.Course!.HighRps * 2), experiment.WithSeed(2));

        Assert.Equal(2 * experiment.Load.Rps, doubled.Load.Rps, 1e-6);
        Assert.Equal(2 * experiment.Load.Course.LowRps, doubled.Load.Course!.LowRps, 1e-6);
        Assert.Equal(experiment.Load.Course.Seed + 1, drawn.Load.Course!.Seed);
        Assert.Equal(experiment.Load, experiment.WithSeed(1).Load);
    }

    private static BurstSpec Burst(double factor) =>
        new(TimeSpan.FromHours(10), TimeSpan.FromMinutes(20), factor, TimeSpan.FromMinutes(10), TimeSpan.Zero, 0, Weekdays: true);
}
