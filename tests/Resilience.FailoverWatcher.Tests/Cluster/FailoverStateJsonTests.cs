using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;

namespace Resilience.FailoverWatcher.Tests.Cluster;

public sealed class FailoverStateJsonTests
{
    [Fact]
    public void Read_WhatWasWritten_IsEqualToTheTick()
    {
        var now = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero).AddTicks(1234567);
        var state = new FailoverState(FailoverPhase.Preparing, now, Slot.Green)
        {
            HoldDownUntil = now.AddMinutes(1), HoldDownLevel = 2, RescueNotBefore = now.AddSeconds(5), RescueLevel = 1, StableSince = now, Needed = 3,
            Announced = DecisionReason.Prescaling, Acknowledged = "a \"quoted\" word",
            LastSwitch = new(now, SwitchKind.Rescue, Slot.Blue, Slot.Green, "because", now.AddSeconds(-1), 2),
            Switchover = new("uid", "name", SwitchoverPhase.Verifying, now, Slot.Blue, Slot.Green, "watching"),
        };
        Assert.Equal(state, FailoverStateJson.Read(FailoverStateJson.Write(state)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"phase\":\"Dancing\",\"since\":\"2026-01-01T00:00:00Z\",\"active\":\"Blue\"}")]
    public void Read_Garbage_IsNoState(string? json) => Assert.Null(FailoverStateJson.Read(json));
}
