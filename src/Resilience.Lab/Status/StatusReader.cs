using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cluster;
using Resilience.Lab.Drills;

namespace Resilience.Lab.Status;

/// <summary>What <c>status</c> shows; also its JSON.</summary>
/// <param name="Active">Slot the Service selector points at; null when it matches neither.</param>
internal sealed record LabStatus(
    int SchemaVersion,
    string Cluster,
    string ApiServer,
    string? Active,
    string Phase,
    string? Message,
    IReadOnlyList<SlotReport> Slots,
    SwitchReport? LastSwitch,
    WatcherReport Watcher)
{
    /// <summary>False when there is nothing of the system in the cluster: zeros that look like an outage.</summary>
    [JsonIgnore]
    public bool IsInstalled { get; init; } = true;
}

internal sealed record SlotReport(string Name, int Ready, int Desired, bool? Healthy, string? Autoscaler, string? Drill);

internal sealed record SwitchReport(DateTimeOffset? Time, string Kind, string From, string To, string Reason);

internal sealed record WatcherReport(int Ready, int Desired, string? Leader);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(LabStatus))]
internal sealed partial class StatusJson : JsonSerializerContext;

/// <summary>Reads the state of the demo from the cluster: the selector for what is active, BlueGreen for what the watcher thinks.</summary>
internal static class StatusReader
{
    public static async Task<LabStatus> ReadAsync(LabCluster cluster, CancellationToken stop)
    {
        var api = cluster.Api;
        var scope = new ResourceScope(Names.Namespace);
        var service = await api.FindAsync(ResourceTypes.Services, Names.Namespace, Names.Service, stop).ConfigureAwait(false);
        var blueGreen = await FindBlueGreenAsync(api, stop).ConfigureAwait(false);
        var deployments = (await api.ListAsync(ResourceTypes.Deployments, scope, stop).ConfigureAwait(false)).Items;
        var scalers = (await api.ListAsync(ResourceTypes.HorizontalPodAutoscalers, scope, stop).ConfigureAwait(false)).Items;
        var lease = await api.FindAsync(ResourceTypes.Leases, Names.Namespace, Names.Watcher, stop).ConfigureAwait(false);
        string? selected = null;
        _ = service?.Spec.Selector?.TryGetValue("version", out selected);
        var watcher = deployments.FirstOrDefault(found => found.Metadata.Name == Names.Watcher);
        return new LabStatus(
            1,
            cluster.Kind,
            api.Server.ToString(),
            Names.Slots.Contains(selected) ? selected : null,
            blueGreen?.Status?.Phase ?? (watcher is null ? "no watcher" : "unknown"),
            blueGreen?.Status?.Message,
            [.. Names.Slots.Select(slot => Slot(slot, deployments, scalers, blueGreen?.Status))],
            blueGreen?.Status?.LastSwitch is { } last ? Switch(last) : null,
            new WatcherReport(watcher?.Status?.ReadyReplicas ?? 0, watcher?.Spec.Replicas ?? 0, lease?.Spec?.HolderIdentity is { Length: > 0 } leader ? leader : null))
        {
            IsInstalled = service is not null || deployments.Count > 0,
        };
    }

    private static SwitchReport Switch(SwitchStatus last) =>
        new(last.Time ?? last.PatchedAt, last.Kind ?? string.Empty, last.From ?? string.Empty, last.To ?? string.Empty, last.Reason ?? string.Empty);

    private static async Task<BlueGreen?> FindBlueGreenAsync(ClusterApi api, CancellationToken stop)
    {
        try
        {
            return await api.FindAsync(ResourceTypes.BlueGreens, Names.Namespace, Names.BlueGreen, stop).ConfigureAwait(false);
        }
        catch (ClusterException unknown) when (unknown.StatusCode is not null)
        {
            return null;
        }
    }

    private static SlotReport Slot(string slot, IReadOnlyList<V1Deployment> deployments, IReadOnlyList<V2HorizontalPodAutoscaler> scalers, BlueGreenStatus? status)
    {
        var deployment = deployments.FirstOrDefault(found => found.Metadata.Name == Names.Deployment(slot));
        var scaler = scalers.FirstOrDefault(found => found.Metadata.Name == Names.Deployment(slot));
        var seen = slot == "blue" ? status?.Slots?.Blue : status?.Slots?.Green;
        string? drill = null;
        _ = deployment?.Metadata.Annotations?.TryGetValue(ResilienceApi.DrillAnnotation, out drill);
        return new SlotReport(
            slot,
            deployment?.Status?.ReadyReplicas ?? 0,
            deployment?.Spec.Replicas ?? 0,
            seen?.Healthy,
            scaler is null ? null : Autoscaler(scaler),
            DrillRecord.Parse(drill)?.Kind);
    }

    private static string Autoscaler(V2HorizontalPodAutoscaler scaler)
    {
        var target = scaler.Spec.Metrics?.FirstOrDefault()?.Resource?.Target?.AverageUtilization;
        var current = scaler.Status?.CurrentMetrics?.FirstOrDefault()?.Resource?.Current?.AverageUtilization;
        var cpu = current is null ? "no reading" : string.Create(CultureInfo.InvariantCulture, $"cpu {current}%");
        return string.Create(CultureInfo.InvariantCulture, $"{cpu} of {target}%, {scaler.Spec.MinReplicas ?? 1}..{scaler.Spec.MaxReplicas}");
    }
}
