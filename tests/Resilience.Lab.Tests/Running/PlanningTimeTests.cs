using Resilience.Lab.Experiments;
using Resilience.Lab.Running;

namespace Resilience.Lab.Tests.Running;

public sealed class PlanningTimeTests
{
    private static readonly DateTimeOffset LoadStart = new(2026, 11, 24, 12, 34, 56, TimeSpan.Zero);
    private static readonly TimeSpan SevenOClock = TimeSpan.FromHours(7);

    [Theory]
    [InlineData(10)]
    [InlineData(120)]
    [InlineData(3_600)]
    public void For_BeginsAtTheTimeOfDayOfTheCourse_AndRunsFaster(double scale)
    {
        var planning = PlanningTime.For(LoadStart, SevenOClock, scale);

        Assert.Equal(new DateTimeOffset(2027, 1, 2, 7, 0, 0, TimeSpan.Zero), planning.At(LoadStart), TimeSpan.FromMilliseconds(1));
        Assert.Equal(scale, (planning.At(LoadStart.AddSeconds(1)) - planning.At(LoadStart)).TotalSeconds, 1e-3);
        Assert.Equal(LoadStart.AddSeconds(3), planning.WallAt(planning.At(LoadStart.AddSeconds(3))), TimeSpan.FromMilliseconds(1));

        // The agent refuses an instant in the future.
        Assert.True(planning.AgreesAt < LoadStart);
    }

    [Fact]
    public void For_HardlyCompressedTime_AgreesWhenTheLoadBegins() =>
        Assert.Equal(LoadStart, PlanningTime.For(LoadStart, SevenOClock, 2).At(LoadStart));

    [Fact]
    public void Csv_IsOnTheGridOfTheAgent_AndEndsBeforeNow()
    {
        var course = new DayCourse(new CourseSpec { Shape = "diurnal", LowRps = 50, HighRps = 50, StartsAt = SevenOClock, HistoryDays = 1 });
        var began = new DateTimeOffset(2027, 1, 2, 7, 0, 0, TimeSpan.Zero);

        var rows = AgentStart.Csv(course, TimeSpan.FromMinutes(5), began, began.AddMinutes(7)).TrimEnd().Split('\n');

        // 31 hours from midnight of the day before, and the interval from 07:00 that is over; the one from 07:05 is not.
        Assert.Equal(("timestamp_utc,value", "2027-01-01T00:00:00Z,50", "2027-01-02T07:00:00Z,50"), (rows[0], rows[1], rows[^1]));
        Assert.Equal(1 + (31 * 12) + 1, rows.Length);
    }

    [Fact]
    public void Calendar_HasWhatWasDeclared_OnTheAgentsClock()
    {
        var began = new DateTimeOffset(2027, 1, 2, 7, 0, 0, TimeSpan.Zero);
        SurgeSpec Surge(int hour, DeclaredPeak? declared) => new(TimeSpan.FromHours(hour), TimeSpan.FromMinutes(50), 2, TimeSpan.FromMinutes(5), declared);
        var spec = new CourseSpec { Shape = "diurnal", LowRps = 50, HighRps = 50, StartsAt = SevenOClock, Surges = [Surge(9, null), Surge(10, new DeclaredPeak("sale", 7))] };

        var entry = Assert.Single(AgentStart.Calendar(spec, began.AddMilliseconds(400)));

        Assert.Equal(("sale", 7, began.AddHours(3), began.AddHours(4)), (entry.Name, entry.Replicas, entry.From, entry.To));
    }
}
