using System.Text.Json.Nodes;
using Resilience.LocalCluster.Node.Probing;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>What the node knows of one container of a pod. Changed by the pod's worker only, except the probe verdicts.</summary>
internal sealed class ContainerState(JsonObject spec, bool init)
{
    private volatile bool _started;
    private volatile bool _probedReady;
    private volatile string? _unhealthy;

    public JsonObject Spec { get; } = spec;

    public string Name { get; } = spec.String("name") ?? "";

    public string Image { get; } = spec.String("image") ?? "";

    public bool IsInit { get; } = init;

    /// <summary>An init container that keeps running beside the others.</summary>
    public bool IsSidecar { get; } = init && spec.String("restartPolicy") == "Always";

    public int RestartCount { get; set; }

    public int Attempts { get; set; }

    public IRunningContainer? Running { get; set; }

    public string? LastId { get; set; }

    /// <summary>How the present run ended, when it is not to be repeated.</summary>
    public JsonObject? Terminated { get; set; }

    public JsonObject? LastTerminated { get; set; }

    public string? WaitingReason { get; set; }

    public string? WaitingMessage { get; set; }

    public DateTimeOffset NotBefore { get; set; }

    public RestartBackOff Restarts { get; } = new();

    public RestartBackOff Pulls { get; } = new();

    public CancellationTokenSource? Probes { get; set; }

    public CancellationTokenSource? HealthProbes { get; set; }

    public ProbeWorker? ReadinessWorker { get; set; }

    public bool Stopping { get; set; }

    /// <summary>The startup probe has succeeded, or there is none.</summary>
    public bool Started
    {
        get => _started;
        set => _started = value;
    }

    public bool ProbedReady
    {
        get => _probedReady;
        set => _probedReady = value;
    }

    /// <summary>"liveness" or "startup" when that probe demands a restart.</summary>
    public string? Unhealthy
    {
        get => _unhealthy;
        set => _unhealthy = value;
    }

    public bool IsReady => Running is { } running && !running.Exited.IsCompleted && Started
        && (running.Readiness?.IsReady ?? ProbedReady);

    public void Wait(string reason, string? message, DateTimeOffset notBefore)
    {
        WaitingReason = reason;
        WaitingMessage = message;
        NotBefore = notBefore;
    }

    public void EndProbes()
    {
        Probes?.Cancel();
        Probes = null;
        HealthProbes = null;
        ReadinessWorker = null;
        Started = false;
        ProbedReady = false;
        Unhealthy = null;
    }
}
