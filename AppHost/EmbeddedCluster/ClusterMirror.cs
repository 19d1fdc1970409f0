using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Resilience.AppHost.Slots;

namespace Resilience.AppHost.EmbeddedCluster;

/// <summary>
/// Puts the manifests into the cluster as soon as it answers, and shows in the dashboard what has become of them: each slot, and below it
/// each of its pods with state, health, address and log. It only looks; what moves pods and traffic are the controllers.
/// </summary>
/// <remarks>
/// It asks twice a second instead of watching: three small requests over loopback, no resume after a lost watch, and the notification
/// service drops what has not changed.
/// </remarks>
internal sealed partial class ClusterMirror(
    ProjectResource cluster, EmbeddedClusterAnnotation known, DistributedApplicationModel model, ResourceNotificationService notifications,
    ResourceLoggerService logs, IConfiguration configuration, ILogger<ClusterMirror> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(0.5);
    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly Dictionary<string, (PodResource Resource, Task Log)> _pods = new(StringComparer.Ordinal);
    private string? _installed;
    private string? _complaint;

    private KubernetesApi Api => known.Api;

    private SlotResource[] Slots => [.. model.Resources.OfType<SlotResource>().Where(slot => slot.Cluster == cluster)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ObserveAsync(stoppingToken).ConfigureAwait(false);
                _complaint = null;
            }
            catch (Exception away) when (away is HttpRequestException or IOException || (away is OperationCanceledException && !stoppingToken.IsCancellationRequested))
            {
                known.IsServing = false;
                Api.Forget();
            }
            catch (Exception wrong) when (!stoppingToken.IsCancellationRequested)
            {
                // Whatever it was, a dashboard that goes on showing what was true once would be worse.
                Complain(wrong);
            }

            await Task.Delay(Period, _clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The end of the application ends the mirror.</summary>
    public override void Dispose()
    {
        base.Dispose();
        Api.Dispose();
    }

    private async Task ObserveAsync(CancellationToken stop)
    {
        if (!known.IsServing)
        {
            await InstallAsync(stop).ConfigureAwait(false);
            known.Serves(await PageAsync(stop).ConfigureAwait(false));
        }

        var service = await Api.GetAsync($"{ClusterTopology.Core}/services/{ClusterTopology.Service}", stop).ConfigureAwait(false);
        var deployments = await Api.GetAsync($"{ClusterTopology.Apps}/deployments", stop).ConfigureAwait(false);
        var pods = Items(await Api.GetAsync($"{ClusterTopology.Core}/pods?labelSelector=app%3Dweb", stop).ConfigureAwait(false));
        var active = (string?)service["spec"]?["selector"]?["version"];
        foreach (var slot in Slots)
        {
            var deployment = Items(deployments).FirstOrDefault(item => Name(item) == slot.Name);
            slot.State = new((int?)deployment?["spec"]?["replicas"] ?? 0, (int?)deployment?["status"]?["readyReplicas"] ?? 0, active == slot.Slot);
            await ShowAsync(slot, await known.Page.ConfigureAwait(false)).ConfigureAwait(false);
            foreach (var pod in pods.Where(pod => (string?)pod["metadata"]?["labels"]?["version"] == slot.Slot))
            {
                await ShowAsync(slot, pod, stop).ConfigureAwait(false);
            }
        }

        await RetireAsync([.. pods.Select(Name)]).ConfigureAwait(false);
    }

    /// <summary>
    /// Applies the manifests once to each cluster. A restarted one has kept nothing; one that was only away has kept everything, and
    /// applying to it again would move the traffic back and end the drills.
    /// </summary>
    private async Task InstallAsync(CancellationToken stop)
    {
        if (_installed is not null && _installed == await ServiceUidAsync(stop).ConfigureAwait(false))
        {
            return;
        }

        await ManifestWriter.ApplyAsync(Api, known.Manifests, Telemetry(), stop).ConfigureAwait(false);
        _installed = await ServiceUidAsync(stop).ConfigureAwait(false);
        LogApplied(logger, known.Manifests.Items.Count, Api.Kubeconfig);
    }

    private async Task<string?> ServiceUidAsync(CancellationToken stop)
    {
        try
        {
            var service = await Api.GetAsync($"{ClusterTopology.Core}/services/{ClusterTopology.Service}", stop).ConfigureAwait(false);
            return (string?)service["metadata"]?["uid"];
        }
        catch (KubernetesApiException absent) when (absent.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    private Task ShowAsync(SlotResource slot, Uri page) => notifications.PublishUpdateAsync(slot, shown => shown with
    {
        State = new(KnownResourceStates.Running, slot.State.IsActive ? KnownResourceStateStyles.Success : KnownResourceStateStyles.Info),
        StartTimeStamp = shown.StartTimeStamp ?? _clock.GetUtcNow().UtcDateTime,
        Urls = slot.State.IsActive ? [new("web", page.ToString(), IsInternal: false)] : [],
        Properties =
        [
            new("Traffic", slot.State.IsActive ? "active" : "standby"),
            new("Pods", $"{slot.State.Ready} of {slot.State.Desired} Ready"),
            new("Kubeconfig", Api.Kubeconfig),
        ],
    });

    private Task ShowAsync(SlotResource slot, JsonObject pod, CancellationToken stop)
    {
        var name = Name(pod);
        if (!_pods.TryGetValue(name, out var mirrored))
        {
            _pods[name] = mirrored = (new PodResource(name), CopyLogAsync(name, stop));
        }

        var ready = Condition(pod, "Ready");
        var container = pod["status"]?["containerStatuses"]?[0];
        var address = (string?)pod["status"]?["podIP"];
        return notifications.PublishUpdateAsync(mirrored.Resource, name, _ => new CustomResourceSnapshot
        {
            ResourceType = "Pod",
            State = State(pod, container),
            StartTimeStamp = (DateTimeOffset?)pod["status"]?["startTime"] is { } started ? started.UtcDateTime : null,
            Urls = address is null ? [] : [new("http", $"http://{address}:8080/", IsInternal: false)],
            Properties =
            [
                new("resource.parentName", slot.Name),
                new("Slot", slot.Slot),
                new("Address", address ?? "none yet"),
                new("Restarts", (int?)container?["restartCount"] ?? 0),
            ],
        }.WithHealthReports([new("Ready", ready ? HealthStatus.Healthy : HealthStatus.Unhealthy, ready ? "The readiness probe passes." : "The readiness probe does not pass.", null)]));
    }

    /// <summary>A pod that is gone leaves the dashboard; what it wrote stays readable through its slot's telemetry.</summary>
    private async Task RetireAsync(HashSet<string> present)
    {
        foreach (var name in _pods.Keys.Where(name => !present.Contains(name)).ToArray())
        {
            await notifications.PublishUpdateAsync(_pods[name].Resource, name, shown => shown with { State = KnownResourceStates.Exited, IsHidden = true }).ConfigureAwait(false);
            logs.Complete(name);
            _ = _pods.Remove(name);
        }
    }

    private async Task CopyLogAsync(string pod, CancellationToken stop)
    {
        var log = logs.GetLogger(pod);
        try
        {
            // A restarted container begins a new log; the pod stays.
            while (!stop.IsCancellationRequested)
            {
                await foreach (var line in Api.FollowLogAsync($"{ClusterTopology.Core}/pods/{pod}", stop).ConfigureAwait(false))
                {
                    LogLine(log, line);
                }

                await Task.Delay(Period, _clock, stop).ConfigureAwait(false);
            }
        }
        catch (Exception ended) when (ended is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The pod, the cluster or the application is gone.
        }
    }

    /// <summary>Where the pods send their telemetry: to the dashboard of this AppHost, when it has one.</summary>
    private PodTelemetry? Telemetry() => configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] is { Length: > 0 } endpoint
        ? new(endpoint, configuration["AppHost:OtlpApiKey"])
        : null;

    private async Task<Uri> PageAsync(CancellationToken stop)
    {
        var nodes = Items(await Api.GetAsync("api/v1/nodes", stop).ConfigureAwait(false));
        var addresses = nodes.SelectMany(node => (node["status"]?["addresses"] as JsonArray ?? []).OfType<JsonObject>());
        var address = addresses.FirstOrDefault(entry => (string?)entry["type"] == "InternalIP")?["address"];
        return address is null
            ? throw new HttpRequestException("the cluster has no node yet")
            : new Uri($"http://{(string?)address}:{ClusterTopology.NodePort}/");
    }

    /// <summary>Says what is wrong once, and not twice a second.</summary>
    private void Complain(Exception wrong)
    {
        if (wrong.Message == _complaint)
        {
            return;
        }

        _complaint = wrong.Message;
        if (wrong is KubernetesApiException)
        {
            LogRefused(logger, wrong.Message);
        }
        else
        {
            LogFailed(logger, wrong);
        }
    }

    private static ResourceStateSnapshot State(JsonObject pod, JsonNode? container) =>
        pod["metadata"]!["deletionTimestamp"] is not null ? new(KnownResourceStates.Stopping, KnownResourceStateStyles.Info)
        : container?["state"]?["running"] is not null ? new(KnownResourceStates.Running, KnownResourceStateStyles.Success)
        : (string?)container?["state"]?["waiting"]?["reason"] is { } waiting ? new(waiting, waiting == "ContainerCreating" ? KnownResourceStateStyles.Info : KnownResourceStateStyles.Error)
        : new((string?)pod["status"]?["phase"] ?? KnownResourceStates.Starting, KnownResourceStateStyles.Info);

    private static bool Condition(JsonObject pod, string type) =>
        (pod["status"]?["conditions"] as JsonArray ?? []).Any(condition => (string?)condition!["type"] == type && (string?)condition["status"] == "True");

    private static JsonObject[] Items(JsonObject list) => [.. (list["items"] as JsonArray ?? []).OfType<JsonObject>()];

    private static string Name(JsonObject item) => (string)item["metadata"]!["name"]!;

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "{Count} manifests are in the cluster; export KUBECONFIG={Kubeconfig}")]
    private static partial void LogApplied(ILogger logger, int count, string kubeconfig);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "The cluster refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string reason);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "{Line}")]
    private static partial void LogLine(ILogger logger, string line);

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "The dashboard's picture of the cluster could not be updated")]
    private static partial void LogFailed(ILogger logger, Exception wrong);
}
