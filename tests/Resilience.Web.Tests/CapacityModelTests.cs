using Microsoft.Extensions.Time.Testing;

namespace Resilience.Web.Tests;

public sealed class CapacityModelTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void TryAdmit_BelowCapacity_NobodyWaits()
    {
        var model = new CapacityModel(100, 10, _clock);
        for (var i = 0; i < 1_000; i++)
        {
            Assert.True(model.TryAdmit(out var wait));
            Assert.Equal(TimeSpan.Zero, wait);
            _clock.Advance(TimeSpan.FromMilliseconds(10));
        }
    }

    [Theory]
    [InlineData(100, 50, 150)]
    [InlineData(250, 125, 2_000)]
    [InlineData(3, 2, 30)]
    public void TryAdmit_Overloaded_AdmitsExactlyTheCapacityAndBoundsTheWait(double capacity, int queue, int offeredRps)
    {
        var model = new CapacityModel(capacity, queue, _clock);
        const int seconds = 60;
        var admitted = 0;
        for (var i = 0; i < offeredRps * seconds; i++)
        {
            if (model.TryAdmit(out var wait))
            {
                admitted++;
                Assert.True(wait.TotalSeconds <= (queue / capacity) + 0.001, $"waited {wait} in a queue of {queue} at {capacity}/s");
            }
            else
            {
                Assert.True(wait > TimeSpan.Zero, "whoever is turned away is told when there is room");
            }

            _clock.Advance(TimeSpan.FromSeconds(1.0 / offeredRps));
        }

        Assert.InRange(admitted, (int)(capacity * seconds * 0.99), (capacity * seconds * 1.01) + queue + 1);
    }

    [Fact]
    public void TryAdmit_BurstOnAnIdleReplica_WaitsGrowByOneServiceSlotEach()
    {
        var model = new CapacityModel(100, 3, _clock);
        var waits = Enumerable.Range(0, 5).Select(_ => (Admitted: model.TryAdmit(out var wait), wait.TotalMilliseconds)).ToArray();
        Assert.Equal([(true, 0), (true, 10), (true, 20), (true, 30), (false, 10)], waits);
        Assert.Equal(4, model.Waiting);
    }

    [Fact]
    public void TryAdmit_WithoutCapacity_IsNoLimit()
    {
        var model = new CapacityModel(0, 0, _clock);
        Assert.All(Enumerable.Range(0, 1_000), _ => Assert.True(model.TryAdmit(out var wait) && wait == TimeSpan.Zero));
    }
}
