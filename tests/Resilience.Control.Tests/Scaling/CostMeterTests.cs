using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Scaling;

public sealed class CostMeterTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Charge_IsReplicasTimesHoursTimesPrice()
    {
        var meter = CostMeter.Zero.Charge(Noon, 4, 0.5, 10);
        Assert.Equal(0, meter.Spent);   // the first look only starts the clock
        meter = meter.Charge(Noon.AddMinutes(30), 4, 0.5, 10).Charge(Noon.AddMinutes(60), 8, 0.5, double.NaN);
        Assert.Equal((0.5 * 4 * 0.5) + (0.5 * 8 * 0.5), meter.Spent, 12);
        Assert.Equal(18_000, meter.GoodRequests, 9);
        Assert.Equal(3.0 / 18_000 * 1e6, meter.PerMillionGood!.Value, 9);
    }

    [Fact]
    public void Charge_ANewMonthStartsAtZero_AndOnlyItsOwnHoursCount()
    {
        var midnight = new DateTimeOffset(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
        var meter = CostMeter.Zero.Charge(midnight.AddMinutes(-30), 2, 1, 0).Charge(midnight.AddMinutes(20), 2, 1, 0);
        Assert.Equal(midnight, meter.Month);
        Assert.Equal(2.0 * 20 / 60, meter.Spent, 12);
    }

    [Theory]
    [InlineData(-5)]     // the clock was set back
    [InlineData(61)]     // nobody saw what ran
    public void Charge_WhatWasNotSeen_IsNotCharged(int minutes)
    {
        var meter = CostMeter.Zero.Charge(Noon, 4, 1, 10).Charge(Noon.AddMinutes(minutes), 4, 1, 10);
        Assert.Equal(0, meter.Spent);
        Assert.Equal(minutes < 0 ? Noon : Noon.AddMinutes(minutes), meter.SeenAt);
    }

    [Fact]
    public void Projected_GoesOnAtTheRateSeen()
    {
        var meter = CostMeter.Zero.Charge(Noon, 2, 1, 0);
        Assert.Null(meter.Projected(Noon));
        meter = meter.Charge(Noon.AddHours(1), 2, 1, 0).Charge(Noon.AddHours(2), 4, 1, 0);
        Assert.Equal(6 + (3 * 10), meter.Projected(Noon.AddHours(2))!.Value, 12);   // ten hours of January are left
    }
}
