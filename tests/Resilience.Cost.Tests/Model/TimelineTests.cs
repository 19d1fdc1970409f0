using Resilience.Cost.Model;

namespace Resilience.Cost.Tests.Model;

public sealed class TimelineTests
{
    private static readonly DateTimeOffset Monday = new(2026, 11, 2, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void TimelineUse_OfTheReplay_IsTheHandCalculation()
    {
        var use = TimelineUse.Of(Examples.Decisions(), standbyPercent: 50);

        Assert.Equal(240m, use.Seconds);
        Assert.Equal(540m, use.PodSeconds);          // (2 + 3 + 3 + 1) x 60
        Assert.Equal(360m, use.StandbyPodSeconds);   // (1 + 2 + 2 + 1) x 60: whole pods, row by row
        Assert.Equal(3, use.PeakPods);               // 150 / 60 = 2.5 pods
        Assert.Equal(new TimelineLoadUse(340, 30, 150, OverPodSeconds: 120, UnderPodSeconds: 60, Violations: 1, Rows: 4), use.Load);
        Assert.Equal(310m / 340m, use.GoodShare);
    }

    [Fact]
    public void WhatIfReplay_ScalesToAMonth()
    {
        var cost = WhatIf.Replay(TimelineUse.Of(Examples.Decisions(), 50), Examples.Teaching)!;

        Assert.Equal(365m, cost.OverPodHours);       // half a pod on average x 730
        Assert.Equal(4.38m, cost.OverUsd);
        Assert.Equal(182.5m, cost.UnderPodHours);    // a quarter of a pod x 730
        Assert.Equal(328_500m, cost.BadRequests);    // 30 in 240 s
        Assert.Equal(1_642_500m, cost.RequestsInViolation);
        Assert.Equal(25m, cost.ViolationPercent);
    }

    [Fact]
    public void ReplicaTimeline_RowBeforeAHole_HoldsThroughIt()
    {
        var timeline = Plain((0, 1), (60, 2), (120, 4), (420, 1));

        Assert.Equal(1, timeline.Holes);
        Assert.Equal(300m, timeline.LongestSeconds);
        Assert.Equal(480m, timeline.TotalSeconds);   // the last row holds for the median 60 s
        Assert.Equal(60m + 120m + (4 * 300m) + 60m, TimelineUse.Of(timeline, 0).PodSeconds);
        Assert.Null(TimelineUse.Of(timeline, 0).Load);
    }

    [Fact]
    public void NeededPods_WithNoPodReady_UsesTheLastKnownCapacity()
    {
        var timeline = new ReplicaTimeline(
        [
            new(Monday, 0, new(90, 0, 0)),           // before anything is known: the first row that knows
            new(Monday.AddMinutes(1), 2, new(90, 2, 120)),
            new(Monday.AddMinutes(2), 2, new(130, 0, 0)),
        ]);

        Assert.Equal([2m, 2m, 3m], TimelineUse.NeededPods(timeline));
    }

    [Fact]
    public void ReplayScenario_FindsTheDailyPeakAndTheOnHours()
    {
        // A week of hours: 6 pods' worth of requests from 9 to 12 UTC on weekdays, else 2 pods' worth.
        var rows = Enumerable.Range(0, 168).Select(hour => Row(hour, hour % 24 is >= 9 and < 12 && hour / 24 < 5 ? 600 : 200)).ToArray();
        var timeline = new ReplicaTimeline(rows);

        var implied = ReplayScenario.Of(timeline, TimelineUse.Of(timeline, 0), new WeeklyHours(3, 7), new WeeklyHours(3, 5));

        Assert.Equal(6, implied.Replicas);
        Assert.Equal(2, implied.OffPeakReplicas);
        Assert.Equal(9, implied.PeakStartHour);
        Assert.Equal(9, implied.OnStartHour);
        Assert.Equal(168m * 200 + 15 * 400, timeline.Rows.Sum(row => row.Load!.Demand));
        Assert.Equal(100m * 30_600 / 39_600, implied.OffHoursRequestPercent!.Value, 9);   // all but the 15 busy hours
        Assert.Equal(39_600m * 730 / 168, implied.RequestsPerMonth!.Value, 9);

        static TimelineRow Row(int hour, decimal demand) => new(Monday.AddHours(hour), demand / 100, new(demand, demand / 100, demand));
    }

    [Theory]
    [InlineData("2026-11-02T07:59:59Z", false)]
    [InlineData("2026-11-02T08:00:00Z", true)]
    [InlineData("2026-11-02T17:59:59Z", true)]
    [InlineData("2026-11-02T18:00:00Z", false)]
    [InlineData("2026-11-02T09:00:00+02:00", false)]  // 07:00 UTC
    [InlineData("2026-11-07T12:00:00Z", false)]       // Saturday
    public void WeeklyHours_Contains_CountsFromMondayInUtc(string instant, bool inside) =>
        Assert.Equal(inside, new WeeklyHours(10, 5, StartHour: 8).Contains(DateTimeOffset.Parse(instant, System.Globalization.CultureInfo.InvariantCulture)));

    private static ReplicaTimeline Plain(params (int Second, decimal Pods)[] rows) =>
        new([.. rows.Select(row => new TimelineRow(Monday.AddSeconds(row.Second), row.Pods))]);
}
