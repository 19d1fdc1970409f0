namespace Resilience.ClusterAccess.Informers;

/// <summary>Exponential delays with full jitter between half and the whole of the step, capped.</summary>
/// <param name="random">Seeded by the caller, so that runs replay.</param>
internal sealed class Backoff(TimeSpan first, TimeSpan cap, Random random)
{
    private int _failures;

    public TimeSpan Next()
    {
        var step = Math.Min(cap.TotalMilliseconds, first.TotalMilliseconds * Math.Pow(2, Math.Min(_failures, 30)));
        _failures++;
        return TimeSpan.FromMilliseconds(step * (0.5 + (random.NextDouble() / 2)));
    }

    public void Reset() => _failures = 0;
}
