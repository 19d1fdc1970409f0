namespace Resilience.ClusterAccess.Informers;

/// <summary>Patience of an <see cref="Informer{T}"/>. The defaults suit a cluster of any size.</summary>
public sealed record InformerOptions
{
    /// <summary>How long the server keeps one watch open before it ends it in order. Default 5 min.</summary>
    public TimeSpan WatchLifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// A watch from which nothing came for so long, not even a bookmark, is opened anew from the last known
    /// resourceVersion. API servers send a bookmark about every minute. Default 75 s.
    /// </summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>Delay after the first failure; doubles up to <see cref="BackoffCap"/>. Default 50 ms.</summary>
    public TimeSpan BackoffFirst { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Default 5 s.</summary>
    public TimeSpan BackoffCap { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A watch that lived shorter counts as a failure, so that a server that hangs up at once is not stormed. Default 1 s.</summary>
    public TimeSpan ShortWatch { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Seed of the jitter.</summary>
    public int Seed { get; init; } = Environment.ProcessId;
}
