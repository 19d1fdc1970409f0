using System.Text.Json.Nodes;

namespace Resilience.Lab.Drills;

/// <summary>A pod as a drill sees it.</summary>
/// <param name="Incarnation">Changes when the pod is replaced or its container restarts: a fault must then be set again.</param>
internal sealed record DrillPod(string Name, string Incarnation, bool Running);

/// <summary>What drills may do to a cluster; <see cref="Cluster.ClusterDrillTarget"/> does it for real.</summary>
internal interface IDrillTarget
{
    /// <summary>True when the cluster can signal pods' processes and disturb its service proxy.</summary>
    bool HasDrillApi { get; }

    Task<string> ActiveSlotAsync(CancellationToken stop);

    Task<IReadOnlyList<DrillPod>> PodsAsync(string slot, CancellationToken stop);

    /// <summary>The pod that holds the watcher's lease, or null when nobody does.</summary>
    Task<string?> LeaderAsync(CancellationToken stop);

    Task<(int Replicas, DrillRecord? Record)> ReadAsync(string slot, CancellationToken stop);

    /// <summary>Writes replicas (unless null) and the drill record (null removes it) in one patch.</summary>
    Task WriteAsync(string slot, int? replicas, DrillRecord? record, CancellationToken stop);

    /// <summary>Replaces the slot's pods one by one, as <c>kubectl rollout restart</c> does.</summary>
    Task RestartAsync(string slot, CancellationToken stop);

    /// <summary>Deletes a pod without any grace: the nearest to a kill that a standard API server offers.</summary>
    Task DeleteAsync(string pod, CancellationToken stop);

    Task SignalAsync(string pod, string signal, CancellationToken stop);

    /// <param name="faults">Null heals.</param>
    Task SetFaultsAsync(string pod, JsonObject? faults, CancellationToken stop);

    /// <param name="fault">Null heals.</param>
    Task SetNetworkAsync(JsonObject? fault, CancellationToken stop);
}
