using Resilience.Lab.Cli;
using Resilience.Web.Faults;

namespace Resilience.Lab.Drills;

/// <summary>How a fault reaches its target; decides what must be undone.</summary>
internal enum FaultMeans
{
    /// <summary>The Deployment is scaled to zero.</summary>
    Scale,

    /// <summary>Pods are killed, again and again while the drill lasts.</summary>
    Kill,

    /// <summary>Processes are stopped (SIGSTOP) and continued; through <c>/faults</c> on a cluster without the drill API.</summary>
    Stop,

    /// <summary>The web pods' own <c>/faults</c> endpoint, through the API server's pod proxy.</summary>
    WebFault,

    /// <summary>The embedded cluster's service proxy.</summary>
    Network,

    /// <summary>The Deployment replaces its pods one by one, as for a new version; ends by itself.</summary>
    Rollout,
}

/// <param name="Share">Part of the slot's pods that is hit, rounded up.</param>
/// <param name="Toggles">The fault comes and goes every <c>periodSeconds</c> while the drill lasts.</param>
/// <param name="OnLeader">Hits the leading watcher, not a slot.</param>
internal sealed record FaultKind(
    string Name,
    string Description,
    FaultMeans Means,
    double Share = 1,
    bool Toggles = false,
    bool OnLeader = false,
    params IReadOnlyList<FaultParameter> Parameters)
{
    /// <summary>Happens once and leaves nothing to hold or undo.</summary>
    public bool IsMomentary => OnLeader || Means == FaultMeans.Rollout;
}

internal sealed record FaultParameter(string Name, double Default, double Min, double Max);

/// <summary>Every fault the lab can inject.</summary>
internal static class FaultCatalog
{
    public static IReadOnlyList<FaultKind> All { get; } =
    [
        new("outage", "all pods of the slot are scaled away", FaultMeans.Scale),
        new("crash", "all pods of the slot are killed", FaultMeans.Kill),
        new("partial", "half of the slot's pods crash in a loop", FaultMeans.Kill, Share: 0.5),
        new("hang", "processes are stopped; Kubernetes still calls them Ready", FaultMeans.Stop),
        new("not-ready", "pods run and answer, but their readiness probe fails", FaultMeans.WebFault),
        new("flap", "all pods of the slot are scaled away and brought back, again and again", FaultMeans.Scale, Toggles: true, Parameters: [new("periodSeconds", 5, 0.5, 600)]),
        new("slow", "answers take longer", FaultMeans.WebFault, Parameters: [new("latencyMs", 400, 1, FaultRanges.MaxDelayMs), new("jitterMs", 0, 0, FaultRanges.MaxDelayMs)]),
        new("errors", "part of the answers are errors", FaultMeans.WebFault, Parameters: [new("errorRatio", 0.2, 0, FaultRanges.MaxErrorRatio)]),
        new("cpu", "pods burn CPU", FaultMeans.WebFault, Parameters: [new("cpuBurn", 0.5, 0, FaultRanges.MaxCpuBurn)]),
        new("memory", "pods' memory grows", FaultMeans.WebFault, Parameters: [new("memoryMbPerSecond", 5, 0, FaultRanges.MaxMemoryMbPerSecond)]),
        new("network-delay", "the way to the slot's pods is slow", FaultMeans.Network, Parameters: [new("delayMs", 200, 0, 60_000), new("jitterMs", 0, 0, 60_000)]),
        new("network-reset", "connections to the slot's pods are reset", FaultMeans.Network, Parameters: [new("resetRatio", 0.2, 0, 1)]),
        new("partition", "connections to the slot's pods get no answer", FaultMeans.Network),
        new("rollout-restart", "the slot's pods are replaced one by one, as for a new version", FaultMeans.Rollout),
        new("kill-leader", "the leading watcher is killed", FaultMeans.Kill, OnLeader: true),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(kind => kind.Name)];

    public static FaultKind Find(string name) =>
        All.FirstOrDefault(kind => kind.Name == name) ?? throw Suggest.Unknown("fault", name, Names);
}
