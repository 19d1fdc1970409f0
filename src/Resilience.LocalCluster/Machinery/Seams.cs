using System.Net;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>What the node tells the API server about itself. <see cref="Address"/> is known as soon as the service is resolved.</summary>
internal interface IClusterNode
{
    string Name { get; }

    IPAddress Address { get; }
}

/// <summary>Use of one container over <see cref="PodUsage.Window"/>.</summary>
internal sealed record ContainerUsage(string Name, long CpuNanocores, long MemoryBytes);

internal sealed record PodUsage(DateTimeOffset Timestamp, TimeSpan Window, IReadOnlyList<ContainerUsage> Containers);

internal sealed record NodeUsage(DateTimeOffset Timestamp, TimeSpan Window, long CpuNanocores, long MemoryBytes);

/// <summary>Backs metrics.k8s.io. Null means no sample yet.</summary>
internal interface IPodMetricsSource
{
    PodUsage? GetPod(string ns, string name);

    NodeUsage? GetNode(string name);
}

/// <summary>
/// One container's log file, one entry a line in the CRI format: <c>2026-01-02T03:04:05.123456789Z stdout F text</c>.
/// </summary>
internal interface IPodLog
{
    string Path { get; }

    /// <summary>Nothing more will be written.</summary>
    bool Ended { get; }

    /// <summary>Returns once the file is longer than <paramref name="length"/> or the log has ended.</summary>
    Task WaitForMoreAsync(long length, CancellationToken cancellationToken);
}

internal interface IPodLogs
{
    /// <summary>Null when the container never ran (or, for <paramref name="previous"/>, ran once only).</summary>
    IPodLog? Find(StoredObject pod, string container, bool previous);
}

/// <summary>The process drill: STOP, CONT, KILL or TERM, straight to the pod's process.</summary>
internal interface IPodSignals
{
    /// <exception cref="StatusException">The pod has no process, or the platform lacks the signal.</exception>
    Task SignalAsync(StoredObject pod, string signal, CancellationToken cancellationToken);
}

/// <param name="Pods">Names of the endpoints it applies to; null means all.</param>
internal sealed record NetworkFault(TimeSpan Delay, TimeSpan Jitter, double ResetRatio, bool Partition, IReadOnlyList<string>? Pods);

/// <summary>The network drill: applied by the service proxy to connections of one Service.</summary>
internal interface INetworkFaults
{
    void Set(string ns, string service, NetworkFault fault);

    void Clear(string ns, string service);
}

/// <summary>Credentials for pods; implemented by the API server.</summary>
internal interface IServiceAccountKubeconfigs
{
    /// <summary>Path of a kubeconfig with a token of that ServiceAccount; written on first use, the same file afterwards.</summary>
    string PathFor(string ns, string serviceAccount);
}
