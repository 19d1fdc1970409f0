using CsCheck;

namespace Resilience.LoadGenerator.Tests;

public sealed class LoadProfileTests
{
    private static readonly Gen<LoadProfile> AnyProfile =
        Gen.Select(Gen.Double[0.1, 5], Gen.OneOf(Gen.Const(0.0), Gen.Double[0, 500])).Array[1, 8].Select(static segments =>
        {
            var at = 0.0;
            var points = new List<RatePoint> { new(TimeSpan.Zero, segments[0].Item2) };
            foreach (var (width, rps) in segments)
            {
                at += width;
                points.Add(new(TimeSpan.FromSeconds(at), rps));
            }

            return LoadProfile.FromPoints("any", points);
        });

    [Fact]
    public void RequestsBefore_IsTheIntegralOfTheRate() => AnyProfile.Sample(static profile =>
    {
        const double step = 0.001;
        var sum = 0.0;
        for (var t = step / 2; t < 10; t += step)
        {
            sum += profile.RateAt(TimeSpan.FromSeconds(t)) * step;
        }

        Assert.Equal(sum, profile.RequestsBefore(TimeSpan.FromSeconds(10)), 1 + (sum * 0.001));
    }, iter: 50);

    [Fact]
    public void TimeOf_InvertsRequestsBefore() => Gen.Select(AnyProfile, Gen.Double[0, 1]).Sample(static (profile, share) =>
    {
        var requests = share * profile.RequestsBefore(TimeSpan.FromSeconds(20));
        if (profile.TimeOf(requests) is { } time)
        {
            Assert.Equal(requests, profile.RequestsBefore(time), 1e-3);
        }
        else
        {
            Assert.Equal(0, profile.Points[^1].Rps);
        }
    }, iter: 2_000);

    [Fact]
    public void Arrivals_Constant_AreAsManyAsTheIntegralSaysAndInOrder() => AnyProfile.Sample(static profile =>
    {
        var due = Arrivals(Plan(profile, 10, LoadGenerator.Arrivals.Constant));
        Assert.Equal(profile.RequestsBefore(TimeSpan.FromSeconds(10)), due.Count, 1.001);
        Assert.True(due.Zip(due.Skip(1)).All(static pair => pair.First <= pair.Second));
    }, iter: 200);

    [Fact]
    public void Arrivals_ConstantRate_AreEvenlySpacedFromZero()
    {
        var due = Arrivals(Plan(LoadProfile.Constant(200), 2, LoadGenerator.Arrivals.Constant));
        Assert.Equal(400, due.Count);
        Assert.All(due.Select(static (at, i) => at.TotalMilliseconds - (5.0 * i)), static error => Assert.InRange(error, -0.001, 0.001));
    }

    [Fact]
    public void Arrivals_Poisson_HaveTheRateAndTheSpreadOfIndependentUsersAndReplayBySeed()
    {
        var plan = Plan(LoadProfile.Ramp(100, 300, TimeSpan.FromSeconds(100)), 100, LoadGenerator.Arrivals.Poisson);
        var due = Arrivals(plan);
        Assert.InRange(due.Count, 20_000 - (4 * 142), 20_000 + (4 * 142));
        // On the profile's own scale the gaps are exponential: standard deviation equals mean.
        var gaps = due.Zip(due.Skip(1), (a, b) => plan.Profile.RequestsBefore(b) - plan.Profile.RequestsBefore(a)).ToArray();
        var mean = gaps.Average();
        Assert.InRange(Math.Sqrt(gaps.Average(gap => (gap - mean) * (gap - mean))) / mean, 0.95, 1.05);
        Assert.Equal(due, Arrivals(plan));
        Assert.NotEqual(due, Arrivals(plan with { Seed = 2 }));
    }

    [Fact]
    public void Shapes_AskForWhatTheirNamesSay()
    {
        static double At(LoadProfile profile, double seconds) => Math.Round(profile.RateAt(TimeSpan.FromSeconds(seconds)), 6);
        var second = TimeSpan.FromSeconds(1);
        var ramp = LoadProfile.Ramp(10, 30, 10 * second);
        var steps = LoadProfile.Steps(new(TimeSpan.Zero, 10), new(5 * second, 50));
        var spike = LoadProfile.Spike(10, 100, 5 * second, 2 * second);
        var day = LoadProfile.Diurnal(10, 110, 24 * second, 48 * second);
        Assert.Equal([10, 20, 30, 30], new[] { 0, 5, 10, 60.0 }.Select(t => At(ramp, t)));
        Assert.Equal([10, 10, 50, 50], new[] { 0, 4.999, 5, 60 }.Select(t => At(steps, t)));
        Assert.Equal([10, 100, 100, 10], new[] { 4.999, 5, 6.999, 7 }.Select(t => At(spike, t)));
        Assert.Equal([10, 110, 10, 110], new[] { 0, 12, 24, 36.0 }.Select(t => At(day, t)));
        Assert.Equal(60, day.RequestsBefore(48 * second) / 48, 0.01);
    }

    [Fact]
    public void Trace_IsReadWithScaleAndSpeed()
    {
        var profile = TraceCsv.Read(new StringReader("timestamp_utc,value\n2026-01-01T00:00:00Z,60\n2026-01-01T00:01:00Z,120\n"), speedUp: 60, scale: 0.5);
        Assert.Equal([new(TimeSpan.Zero, 30), new(TimeSpan.FromSeconds(1), 60)], profile.Points);
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("time,load\n", "line 1: has no column named value")]
    [InlineData("timestamp_utc,value\n", "the file has a header and no rows")]
    [InlineData("timestamp_utc,value\nyesterday,5\n", "line 2: \"yesterday\" is not a time")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z\n", "line 2: has 1 columns, the first line has 2")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,-5\n", "line 2: -5 is negative")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,NaN\n", "line 2: has no value")]
    [InlineData("timestamp_utc,value\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:00Z,1\n", "line 3: 2026-01-01T00:00:00Z appears twice")]
    public void Trace_Malformed_NamesTheLineAndWhatWasExpected(string csv, string message) =>
        Assert.StartsWith(message, Assert.Throws<FormatException>(() => TraceCsv.Read(new StringReader(csv))).Message, StringComparison.Ordinal);

    private static LoadPlan Plan(LoadProfile profile, double seconds, Arrivals arrivals) =>
        new() { Url = new Uri("http://127.0.0.1/"), Profile = profile, Duration = TimeSpan.FromSeconds(seconds), Arrivals = arrivals };

    private static List<TimeSpan> Arrivals(LoadPlan plan)
    {
        var schedule = new ArrivalSchedule(plan);
        var due = new List<TimeSpan>();
        while (schedule.Next() is { } at)
        {
            due.Add(at);
        }

        return due;
    }
}
