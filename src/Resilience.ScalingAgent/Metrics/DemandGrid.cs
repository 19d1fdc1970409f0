namespace Resilience.ScalingAgent.Metrics;

/// <summary>The grid of intervals: multiples of a step, which divides a day, since midnight UTC.</summary>
internal static class DemandGrid
{
    public static DateTimeOffset Floor(DateTimeOffset at, TimeSpan interval) => new(at.UtcTicks - (at.UtcTicks % interval.Ticks), TimeSpan.Zero);

    public static DateTimeOffset Ceiling(DateTimeOffset at, TimeSpan interval) => Floor(at.AddTicks(interval.Ticks - 1), interval);

    public static DateTimeOffset Nearest(DateTimeOffset at, TimeSpan interval) => Floor(at.AddTicks(interval.Ticks / 2), interval);
}
