namespace Resilience.Lab.Running;

/// <summary>Seconds since the load began, less the time spent in a speaker's pauses.</summary>
internal sealed class RunClock(TimeProvider time, DateTimeOffset startedAt)
{
    private TimeSpan _paused;

    public DateTimeOffset StartedAt { get; } = startedAt;

    public TimeSpan Elapsed => time.GetUtcNow() - StartedAt - _paused;

    public void Pause(TimeSpan length) => _paused += length;

    public async Task WaitUntilAsync(TimeSpan at, CancellationToken stop)
    {
        while (at - Elapsed is { } left && left > TimeSpan.Zero)
        {
            await Task.Delay(left, time, stop).ConfigureAwait(false);
        }
    }
}
