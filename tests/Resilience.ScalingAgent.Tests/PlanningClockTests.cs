using Microsoft.Extensions.Time.Testing;

namespace Resilience.ScalingAgent.Tests;

public sealed class PlanningClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _wall = new(Start);

    [Fact]
    public void Scaled_RunsFasterFromTheAgreedInstantOn()
    {
        var clock = new PlanningClock(_wall, 60, Start);
        Assert.Equal(Start, clock.GetUtcNow());
        _wall.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(Start.AddMinutes(10), clock.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(1), clock.ToWall(TimeSpan.FromMinutes(1)));
        Assert.Equal(TimeSpan.FromMinutes(2), clock.ToPlanned(TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public void AgreedInstantIsKept_ARestartedProcessGoesOnWhereTheFirstOneWas()
    {
        _wall.Advance(TimeSpan.FromMinutes(1));
        var second = new PlanningClock(_wall, 60, Start);
        Assert.Equal(Start.AddHours(1), second.GetUtcNow());
    }

    [Fact]
    public void Timers_AndElapsedTime_AreScaled()
    {
        var clock = new PlanningClock(_wall, 60, Start);
        var fired = 0;
        using var timer = clock.CreateTimer(_ => fired++, null, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
        var started = clock.GetTimestamp();
        _wall.Advance(TimeSpan.FromSeconds(0.999));
        Assert.Equal(0, fired);
        _wall.Advance(TimeSpan.FromSeconds(0.001));
        Assert.Equal(1, fired);
        Assert.Equal(60, clock.GetElapsedTime(started).TotalSeconds, 1);
        _wall.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(3, fired);
    }

    [Fact]
    public void Timer_DueInLessThanAMillisecond_DoesNotSpin()
    {
        var clock = new PlanningClock(_wall, 3600, Start);
        var fired = 0;
        using var timer = clock.CreateTimer(_ => fired++, null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        _wall.Advance(TimeSpan.FromMilliseconds(0.5));
        Assert.Equal(0, fired);
        _wall.Advance(TimeSpan.FromMilliseconds(0.5));
        Assert.Equal(1, fired);
    }

    [Fact]
    public void Unscaled_IsTheWallClock()
    {
        var clock = new PlanningClock(_wall, 1, Start.AddDays(-3));
        Assert.Equal(_wall.GetUtcNow(), clock.GetUtcNow());
        Assert.Equal(_wall.TimestampFrequency, clock.TimestampFrequency);
    }
}
