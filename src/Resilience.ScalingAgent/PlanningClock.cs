namespace Resilience.ScalingAgent;

/// <summary>
/// The clock of spec durations, prices, calendar and the demand grid. It agrees with the wall clock at one instant and from
/// there on runs faster by a factor, so that an experiment can compress a day. Leases, informers and HTTP stay on the wall clock.
/// </summary>
/// <param name="wall">The real clock.</param>
/// <param name="scale">Planning seconds per wall second, 1 to 3600.</param>
/// <param name="agreesAt">When both clocks agree: the start of the process, or of the experiment that outlives it.</param>
internal sealed class PlanningClock(TimeProvider wall, double scale, DateTimeOffset agreesAt) : TimeProvider
{
    private static readonly TimeSpan ShortestTimer = TimeSpan.FromMilliseconds(1);

    public double Scale => scale;

    public override long TimestampFrequency => Math.Max(1, (long)(wall.TimestampFrequency / scale));

    public override TimeZoneInfo LocalTimeZone => wall.LocalTimeZone;

    public override DateTimeOffset GetUtcNow() => agreesAt + ((wall.GetUtcNow() - agreesAt) * scale);

    public override long GetTimestamp() => wall.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new ScaledTimer(wall.CreateTimer(callback, state, Wall(dueTime), Wall(period)), this);

    /// <summary>A planning duration on the wall clock.</summary>
    public TimeSpan ToWall(TimeSpan planned) => planned / scale;

    /// <summary>A wall duration on the planning clock.</summary>
    public TimeSpan ToPlanned(TimeSpan real) => real * scale;

    /// <summary>Never shorter than a millisecond unless due at once: a timer that fires a moment early must not spin until it is time.</summary>
    private TimeSpan Wall(TimeSpan planned) => planned <= TimeSpan.Zero || scale == 1 ? planned
        : ToWall(planned) is var real && real < ShortestTimer ? ShortestTimer : real;

    private sealed class ScaledTimer(ITimer inner, PlanningClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => inner.Change(clock.Wall(dueTime), clock.Wall(period));

        public void Dispose() => inner.Dispose();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
