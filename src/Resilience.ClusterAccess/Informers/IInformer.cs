namespace Resilience.ClusterAccess.Informers;

/// <summary>What a host needs to run informers of different kinds together.</summary>
public interface IInformer
{
    string Name { get; }

    bool HasSynced { get; }

    /// <summary>False from the first failed request until the next success.</summary>
    bool IsConnected { get; }

    /// <summary>Time since the server last said anything.</summary>
    TimeSpan Silence { get; }

    int Count { get; }

    long Relists { get; }

    long WatchRestarts { get; }

    Task WaitForSyncAsync(CancellationToken ct);

    Task RunAsync(CancellationToken ct);
}
