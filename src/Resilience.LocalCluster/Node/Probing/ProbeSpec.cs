using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node.Probing;

internal enum ProbeKind
{
    Startup,
    Readiness,
    Liveness,
}

/// <summary>A probe as the pod asks for it, with Kubernetes' defaults filled in.</summary>
internal sealed record ProbeSpec(
    ProbeKind Kind,
    JsonObject Action,
    TimeSpan InitialDelay,
    TimeSpan Period,
    TimeSpan Timeout,
    int SuccessThreshold,
    int FailureThreshold)
{
    public static ProbeSpec? Read(JsonObject container, ProbeKind kind)
    {
        var field = kind switch { ProbeKind.Startup => "startupProbe", ProbeKind.Readiness => "readinessProbe", _ => "livenessProbe" };
        return container.Object(field) is not { } probe ? null : new(
            kind,
            probe,
            TimeSpan.FromSeconds(probe.Int("initialDelaySeconds") ?? 0),
            TimeSpan.FromSeconds(Math.Max(1, probe.Int("periodSeconds") ?? 10)),
            TimeSpan.FromSeconds(Math.Max(1, probe.Int("timeoutSeconds") ?? 1)),
            Math.Max(1, probe.Int("successThreshold") ?? 1),
            Math.Max(1, probe.Int("failureThreshold") ?? 3));
    }

    /// <summary>A port by number, or by name from the container's ports.</summary>
    public static int PortOf(JsonNode? port, JsonObject container) => port.Int() ?? container.Array("ports")?.OfType<JsonObject>()
        .FirstOrDefault(p => p.String("name") == port.String()).Int("containerPort") ?? 0;
}

/// <param name="Output">What is shown in the Unhealthy event.</param>
internal readonly record struct ProbeOutcome(bool Success, string Output);
