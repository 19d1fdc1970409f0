using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Experiments;
using Resilience.LoadGenerator;

namespace Resilience.Lab.Running;

/// <summary>
/// Sets the CPU target of an HPA to a share of a pod's modelled capacity. What a request costs depends on the machine; a
/// fixed percentage of the CPU request would be another share of the capacity on each. So the share itself is driven at the
/// pods for some seconds, what they use is read from the metrics API, and that is the target.
/// </summary>
internal sealed class CpuCalibration(LabCluster cluster, Uri page, Experiment experiment, int seed, Action<string> say)
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ShortestMeasure = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan PodsLimit = TimeSpan.FromSeconds(60);
    private const int Windows = 3;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>With more failures than this the pods did not carry the load, and their CPU says nothing.</summary>
    private const double MostFailures = 0.02;

    /// <returns>What was set, for people; nothing when the experiment asks for nothing.</returns>
    /// <exception cref="LabException">The pods cannot carry the load, or there are no metrics.</exception>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken stop)
    {
        var said = new List<string>();
        foreach (var (name, percent) in experiment.Setup.CpuTargetOfCapacity)
        {
            said.Add(await CalibrateAsync(name, percent, stop).ConfigureAwait(false));
        }

        return said;
    }

    /// <summary>Utilization in percent of the request: the mean of what pods used while each did its share.</summary>
    /// <param name="cores">Use of one pod in one window, in cores.</param>
    /// <param name="request">CPU request of a pod, in cores.</param>
    internal static int Utilization(IReadOnlyCollection<double> cores, double request) => Math.Max(1, (int)Math.Round(100 * cores.Average() / request));

    private async Task<string> CalibrateAsync(string name, double percent, CancellationToken stop)
    {
        var deployment = await cluster.Api.GetAsync(ResourceTypes.Deployments, Names.Namespace, name, stop).ConfigureAwait(false);
        var hpa = await cluster.Api.GetAsync(ResourceTypes.HorizontalPodAutoscalers, Names.Namespace, name, stop).ConfigureAwait(false);
        var (request, capacity, replicas) = Read(deployment);
        if (await cluster.ActiveSlotAsync(stop).ConfigureAwait(false) is var active && name != Names.Deployment(active))
        {
            throw new LabException($"cpuTargetOfCapacity names {name}, and the traffic is with {Names.Deployment(active)}", "Only the slot that has the traffic can be measured.");
        }

        _ = await PatchAsync(name, Limits(replicas, replicas), stop).ConfigureAwait(false);
        await WaitForPodsAsync(name, replicas, stop).ConfigureAwait(false);
        var rps = percent / 100 * capacity * replicas;
        var cores = await DriveAsync(rps, LabCluster.SlotSelector(active), stop).ConfigureAwait(false);
        var utilization = Utilization(cores, request);
        var spec = Limits(hpa.Spec.MinReplicas ?? 1, hpa.Spec.MaxReplicas);
        spec["metrics"] = new JsonArray(new JsonObject
        {
            ["type"] = "Resource",
            ["resource"] = new JsonObject { ["name"] = "cpu", ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = utilization } },
        });
        _ = await PatchAsync(name, spec, stop).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture,
            $"HPA {name}: {percent:0.#}% of a pod's capacity, {rps / replicas:0.#} requests/s, took {cores.Average() * 1000:0}m of CPU, {cores.Average() * replicas / rps * 1000:0.0} ms a request: the target is {utilization}% of the requested {request * 1000:0}m");
    }

    /// <summary>The autoscaler may have been at work already, on what pods burn while they start.</summary>
    private Task WaitForPodsAsync(string name, int replicas, CancellationToken stop) => new Readiness(cluster.Api, cluster.Time, say).WaitAsync(
        new ReadinessGoal(PodsLimit, [name], Watcher: false)
        {
            Also = async ct => (await cluster.Api.GetAsync(ResourceTypes.Deployments, Names.Namespace, name, ct).ConfigureAwait(false)).Status.Replicas == replicas
                ? null : $"{name} to have the {replicas} pods at which its CPU is measured",
            Next = $"\"kubectl -n {Names.Namespace} describe deployment {name}\" says why.",
        }, stop);

    private (double Request, double Capacity, int Replicas) Read(V1Deployment deployment)
    {
        var containers = deployment.Spec.Template.Spec.Containers;
        var request = containers.Sum(container => container.Resources?.Requests is { } wanted && wanted.TryGetValue("cpu", out var cpu) ? (double)cpu.ToDecimal() : 0);
        var replicas = experiment.Setup.Replicas.GetValueOrDefault(deployment.Metadata.Name, deployment.Spec.Replicas ?? 0);
        return request > 0 && replicas > 0 && ClusterWatch.CapacityRps(deployment) is > 0 and var capacity
            ? (request, capacity, replicas)
            : throw new LabException(
                $"cpuTargetOfCapacity cannot be measured: {deployment.Metadata.Name} needs pods, a CPU request and CAPACITY_RPS",
                "Set them under \"setup\" with replicas, cpu and env.");
    }

    /// <summary>Each pod's use in each window of metrics, while the load is on.</summary>
    private async Task<List<double>> DriveAsync(double rps, string selector, CancellationToken stop)
    {
        var load = experiment.Load with { Rps = rps, Steps = [], Course = null };
        var window = experiment.Cluster.MetricsResolution / experiment.Cluster.TimeScale;
        var settle = Settle + window;
        var measure = window * Windows > ShortestMeasure ? window * Windows : ShortestMeasure;
        var run = await LoadRun.StartAsync(LoadPlans.For(load, experiment.Cluster.TimeScale, page, seed, settle + measure), cluster.Time, stop).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            await Task.Delay(settle, cluster.Time, stop).ConfigureAwait(false);
            var windows = new Dictionary<string, double>(StringComparer.Ordinal);
            while (!run.Completion.IsCompleted)
            {
                await ReadAsync(windows, selector, stop).ConfigureAwait(false);
                await Task.WhenAny(run.Completion, Task.Delay(Look, cluster.Time, stop)).ConfigureAwait(false);
                stop.ThrowIfCancellationRequested();
            }

            var result = await run.Completion.ConfigureAwait(false);
            return result.ErrorRatio > MostFailures
                ? throw new LabException(
                    string.Create(CultureInfo.InvariantCulture, $"the pods do not carry {rps:0} requests/s, a share of their modelled capacity: {result.Failed} of {result.Scheduled} failed"),
                    "The machine is too busy or too small for this experiment; try again when nothing else runs, or with a lower CAPACITY_RPS.")
                : windows.Count == 0
                ? throw new LabException("the metrics API told no pod's CPU", "\"kubectl top pods\" shows what it knows.")
                : [.. windows.Values];
        }
    }

    private async Task ReadAsync(Dictionary<string, double> windows, string selector, CancellationToken stop)
    {
        var path = $"apis/metrics.k8s.io/v1beta1/namespaces/{Names.Namespace}/pods?labelSelector={Uri.EscapeDataString(selector)}";
        var list = JsonNode.Parse(await cluster.Api.SendRawAsync(HttpMethod.Get, path, null, stop).ConfigureAwait(false));
        foreach (var pod in list?["items"]?.AsArray() ?? [])
        {
            windows[$"{pod?["metadata"]?["name"]} {pod?["timestamp"]}"] =
                (pod?["containers"]?.AsArray() ?? []).Sum(container => (double)new ResourceQuantity((string?)container?["usage"]?["cpu"] ?? "0").ToDecimal());
        }
    }

    private static JsonObject Limits(int min, int max) => new() { ["minReplicas"] = min, ["maxReplicas"] = max };

    private Task<JsonObject> PatchAsync(string name, JsonObject spec, CancellationToken stop) => cluster.Api.PatchAsync(
        ResourceTypes.HorizontalPodAutoscalers, Names.Namespace, name, ResourcePatch.Merge(new JsonObject { ["spec"] = spec }), FieldManagers.Lab, stop);
}
