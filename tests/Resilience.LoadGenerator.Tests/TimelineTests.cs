namespace Resilience.LoadGenerator.Tests;

public sealed class TimelineTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly string[] Slots = ["unknown", "blue", "green"];

    [Fact]
    public void GapAfter_FindsTheSilenceAroundAFaultAndCountsItsFailures()
    {
        var timeline = Failover();
        var gap = timeline.GapAfter(At(1_000), At(3_000));
        Assert.Equal(92, gap.ClientGapMs);
        Assert.Equal((At(998), At(1_090)), (gap.GapStart, gap.GapEnd));
        Assert.Equal(At(1_000), gap.FirstFailure);
        Assert.Equal(8, gap.FailedRequests);
        Assert.True(gap.Recovered);
    }

    [Fact]
    public void Timeline_NamesTheFirstNewAndTheLastOldReply()
    {
        var timeline = Failover();
        Assert.Equal(At(1_090), timeline.FirstGoodFrom("green", At(1_000)));
        Assert.Equal(At(1_100), timeline.FirstGoodFrom("green", At(1_090)));
        Assert.Equal(At(998), timeline.LastReplyFrom("blue", At(3_000)));
        Assert.Null(timeline.FirstGoodFrom("red", At(0)));
        Assert.Equal((8, 0), (timeline.FailedBetween(At(1_000), At(2_000)), timeline.FailedBetween(At(1_500), At(2_000))));
    }

    [Fact]
    public void GapAfter_WithoutRecovery_LastsToTheEndOfTheWindow()
    {
        var gap = new Timeline(Start, [Ok(100, 101, 1), Failed(200, 300), Failed(1_200, 1_300)], Slots).GapAfter(At(150), At(1_101));
        Assert.Equal((1_000, false, 1), (gap.ClientGapMs, gap.Recovered, gap.FailedRequests));
    }

    [Fact]
    public void GapAfter_NothingEverAnswered_IsTheWholeWindow()
    {
        var gap = new Timeline(Start, [], Slots).GapAfter(At(500), At(1_500));
        Assert.Equal((1_000, false, 0), (gap.ClientGapMs, gap.Recovered, gap.FailedRequests));
        Assert.Null(gap.FirstFailure);
    }

    [Fact]
    public void Series_CountsEachRequestInTheSecondItWasMeantFor()
    {
        var series = new Timeline(Start, [Ok(990, 1_500, 1), Ok(1_000, 1_010, 2), Failed(1_100, 3_100)], Slots).Series();
        Assert.Equal([(0, 1, 0, 510.0), (1, 1, 1, 10.0)], series.Select(static s => (s.Second, s.Ok, s.Failed, s.P99Ms)));
        Assert.Equal(1, series[1].PerSlot["green"]);
    }

    /// <summary>A request each 10 ms: blue answers within 8 ms until 990 ms, eight fail at once, green answers from 1,080 ms on.</summary>
    private static Timeline Failover() => new(
        Start,
        Enumerable.Range(0, 200).Select(static i => i * 10).Select(static at => at < 1_000 ? Ok(at, at + 8, 1) : at < 1_080 ? Failed(at, at + 1) : Ok(at, at + 10, 2)),
        Slots);

    private static DateTimeOffset At(int milliseconds) => Start + TimeSpan.FromMilliseconds(milliseconds);

    private static Sample Ok(int intended, int completed, byte slot) => new(intended * 1_000L, completed * 1_000L, Outcome.Ok, slot);

    private static Sample Failed(int intended, int completed) => new(intended * 1_000L, completed * 1_000L, Outcome.Broken, 0);
}
