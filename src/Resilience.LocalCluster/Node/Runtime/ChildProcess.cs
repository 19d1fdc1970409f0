namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>How to start one operating-system process.</summary>
/// <param name="Log">Receives standard output and standard error; completed when both have ended.</param>
internal sealed record ChildStart(
    IReadOnlyList<string> Command,
    IReadOnlyDictionary<string, string> Environment,
    string? WorkingDirectory,
    ContainerLog Log);

/// <summary>A started child. Its standard input stays open until it ends: end of file there means that this process died.</summary>
internal interface IChildProcess
{
    int Id { get; }

    Task<ChildExit> Exited { get; }

    /// <summary>Sends to the process, or to its whole group; nothing happens once the process has ended.</summary>
    void Signal(ContainerSignal signal, bool group);
}

internal readonly record struct ChildExit(int Code, int? Signal);

internal interface IChildLauncher : IDisposable
{
    /// <exception cref="ContainerStartException">With the operating system's reason.</exception>
    IChildProcess Start(ChildStart start);
}
