namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>Runs containers, as a container runtime does for a kubelet (CRI). Knows nothing of pods' rules.</summary>
internal interface IPodRuntime : IAsyncDisposable
{
    /// <summary>Name shown in the node's status, such as <c>process://1.0</c>.</summary>
    string Version { get; }

    bool HasImage(string image);

    /// <summary>Starts one container and returns as soon as it exists.</summary>
    /// <exception cref="ContainerStartException">The program could not be started; the message says why.</exception>
    IRunningContainer Start(ContainerLaunch launch);
}

/// <summary>One started container; thread-safe.</summary>
internal interface IRunningContainer
{
    string Id { get; }

    /// <summary>Null where nothing really runs.</summary>
    int? ProcessId { get; }

    DateTimeOffset StartedAt { get; }

    /// <summary>Completes within about a millisecond of the end of the process.</summary>
    Task<ContainerExit> Exited { get; }

    /// <summary>Non-null when the runtime itself says whether the container is ready; probes are then not run.</summary>
    ISimulatedReadiness? Readiness { get; }

    /// <summary>Does nothing when the container has ended.</summary>
    void Signal(ContainerSignal signal);

    /// <summary>Null when the container has ended or its use cannot be read.</summary>
    ContainerConsumption? ReadUsage();
}

/// <summary>Readiness by decree, for runtimes without processes.</summary>
internal interface ISimulatedReadiness
{
    bool IsReady { get; }

    event Action? Changed;
}

internal enum ContainerSignal
{
    Terminate,
    Kill,
    Stop,
    Continue,
}

/// <summary>Everything a runtime needs to start one container; references are already resolved.</summary>
internal sealed record ContainerLaunch(
    string Namespace,
    string PodName,
    string PodUid,
    string ContainerName,
    string Image,
    string PodAddress,
    IReadOnlyList<string> Command,
    IReadOnlyList<string> Arguments,
    IReadOnlyDictionary<string, string> Environment)
{
    public string? WorkingDirectory { get; init; }

    public ContainerLimits Limits { get; init; } = new(null, null);

    /// <summary>0 for the first start, then counts restarts.</summary>
    public int Attempt { get; init; }
}

internal sealed record ContainerLimits(long? CpuMilli, long? MemoryBytes);

/// <param name="Code">128 + signal when a signal ended the process, as shells and container runtimes report it.</param>
/// <param name="Signal">Number of the signal that ended the process, or null.</param>
internal sealed record ContainerExit(int Code, int? Signal, DateTimeOffset At, bool OutOfMemory = false);

/// <param name="CpuTime">Processor time since the start.</param>
/// <param name="WorkingSetBytes">Memory that is the container's own; file pages shared between processes are not counted.</param>
internal readonly record struct ContainerConsumption(TimeSpan CpuTime, long WorkingSetBytes);

internal sealed class ContainerStartException : Exception
{
    public ContainerStartException(string message, int exitCode = 128)
        : base(message) => ExitCode = exitCode;

    public int ExitCode { get; }
}
