using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>The grace period of a pod that is being deleted; a second delete may shorten it.</summary>
internal sealed class PodTermination(TimeProvider clock) : IDisposable
{
    private readonly CancellationTokenSource _impatient = new();
    private readonly DateTimeOffset _since = clock.GetUtcNow();
    private ITimer? _timer;
    private TimeSpan _grace = TimeSpan.MaxValue;

    /// <summary>Cancelled when the processes have had their time.</summary>
    public CancellationToken Impatient => _impatient.Token;

    /// <summary>What the pod asks for, at least a second: even a forced deletion says SIGTERM first.</summary>
    public static TimeSpan GraceOf(StoredObject pod) => TimeSpan.FromSeconds(Math.Max(1,
        pod.Metadata.Long("deletionGracePeriodSeconds") ?? pod.Spec.Long("terminationGracePeriodSeconds") ?? 30));

    public void Limit(TimeSpan grace, DateTimeOffset now)
    {
        if (grace >= _grace)
        {
            return;
        }

        _grace = grace;
        _timer?.Dispose();
        var left = _since + grace - now;
        _timer = clock.CreateTimer(_ => _impatient.Cancel(), null, left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _impatient.Dispose();
    }
}
