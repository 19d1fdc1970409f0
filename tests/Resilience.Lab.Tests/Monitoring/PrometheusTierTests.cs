using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cluster;
using Resilience.Lab.Status;
using Resilience.Lab.Tests.EndToEnd;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Monitoring;

/// <summary>
/// Debian's Prometheus, the whole system in an embedded cluster, and nothing in between but what is shipped: scrape configuration and rules
/// as they are, the pods by <c>lab prometheus</c>, and the scaling agent that asks that Prometheus for its demand.
/// </summary>
[Trait("tier", "prometheus")]
public sealed class PrometheusTierTests : IAsyncLifetime
{
    private const double LoadRate = 40;

    /// <summary>What the pods see: the load, and the lab's own look at the page.</summary>
    private const double Rate = LoadRate + LightProbe.Rate;
    private static readonly string Query = "sum(rate(resilience_web_requests_total{namespace=\"distributed-resilience\",outcome!=\"rejected\"}[1m]))";
    private readonly TemporaryFolder _folder = new();
    private readonly PrometheusProcess _prometheus = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private LabProcess _lab = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(PrometheusProcess.Missing is not null, PrometheusProcess.Missing ?? "");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the embedded cluster needs 127.x addresses");
        _lab = LabProcess.Start(_folder.Path, "up", "--intelligent");
        await _lab.WaitForAsync("stop       Ctrl-C");
    }

    public async ValueTask DisposeAsync()
    {
        _prometheus.Dispose();
        await _lab.DisposeAsync();
        _folder.Dispose();
        _http.Dispose();
    }

    [Fact(Explicit = true)]
    public async Task ShippedConfigurationAndRules_OnTheRunningSystem_HaveValues_AndTheAgentReadsItsDemandThere()
    {
        using var cluster = await LabCluster.ConnectAsync(Path.Combine(_folder.Path, ".lab", "kubeconfig"), null, TimeProvider.System, Token);
        await using var targets = LabProcess.Start(_folder.Path, "prometheus", "--out", _prometheus.Folder);
        await targets.WaitForAsync("kept current until Ctrl-C");
        await _prometheus.StartAsync(Token);
        await using var load = LabProcess.Start(_folder.Path, "load", "--rps", LoadRate.ToString(CultureInfo.InvariantCulture), "--duration", "10m");
        await AskPrometheusAsync(cluster.Api);

        // Every pod of the system, each once and by its management port; the ports of users are seen and left alone.
        await UntilAsync(() => AllUpAsync(cluster), "every pod is a target, and up");
        Assert.Equal(["failover-watcher", "scaling-agent", "web"], (await SeriesAsync("up == 1")).Select(series => (string)series["metric"]!["job"]!).Distinct().Order());
        Assert.All((await AskAsync("targets?state=dropped"))["droppedTargets"]!.AsArray(), target => Assert.Equal("http", (string?)target!["discoveredLabels"]!["__meta_kubernetes_pod_container_port_name"]));

        // Each recording rule has a value, and no rule of either kind fails.
        var rules = await UntilEvaluatedAsync();
        Assert.All(rules, rule => Assert.True((string?)rule["health"] == "ok" && (string?)rule["lastError"] is null or "", rule.ToJsonString()));
        var recorded = rules.Where(rule => (string?)rule["type"] == "recording").Select(rule => (string)rule["name"]!).ToArray();
        Assert.True(recorded.Length >= 8, string.Join(", ", recorded));
        foreach (var name in recorded)
        {
            await UntilAsync(async () => (await SeriesAsync(name)).Count > 0, $"{name} has a value");
        }

        await UntilNumberAsync("namespace:resilience_web_demand:rate1m{namespace=\"distributed-resilience\"}", Rate);
        await UntilNumberAsync("sum by (slot) (namespace_slot_outcome:resilience_web_requests:rate1m{slot=\"blue\",outcome=\"ok\"})", Rate);
        await UntilNumberAsync("namespace_bluegreen_slot:resilience_failover_active:max{namespace=\"distributed-resilience\",bluegreen=\"web\",slot=\"blue\"}", 1);
        await UntilNumberAsync("namespace_bluegreen_slot:resilience_failover_serving_pods:max{slot=\"green\"} > bool 0", 1);
        Assert.Empty(await SeriesAsync("ALERTS{alertstate=\"firing\",severity=\"critical\"}"));

        // The agent's demand comes from there: its own counter of readings, its gauge and the status agree with what Prometheus answers.
        await UntilAsync(async () => Math.Abs((await ScalerAsync(cluster.Api)).Status?.Demand - Rate ?? Rate) < Rate * 0.05, "the agent's demand is the load's rate and the lab's");
        await UntilNumberAsync("max(resilience_scaling_demand_per_second)", Rate);

        // What is asked is Prometheus, not the pods: without it demand is missing, and is not taken for zero.
        _prometheus.Kill();
        await UntilAsync(async () => (await ScalerAsync(cluster.Api)).Status?.Conditions?.Any(condition => condition.Message?.Contains("refused the connection", StringComparison.Ordinal) == true) == true
            || (await ScalerAsync(cluster.Api)).Status?.Reason?.Contains("refused the connection", StringComparison.Ordinal) == true, "the agent says that Prometheus is away");
        await _prometheus.StartAsync(Token);

        // Pods that come later are found too.
        var gone = (await cluster.PodsAsync(LabCluster.SlotSelector("green"), Token))[0].Metadata.Name;
        _ = await cluster.Api.DeleteAsync(ResourceTypes.Pods, Names.Namespace, gone, Token);
        await UntilAsync(async () => await AllUpAsync(cluster) && (await UpAsync()).All(target => target.Pod != gone), "the pod that took its place is up, and the old one is gone");
    }

    private async Task AskPrometheusAsync(ClusterApi api) => _ = await api.PatchAsync(ResourceTypes.PredictiveAutoscalers, Names.Namespace, Names.PredictiveAutoscaler, ResourcePatch.Merge(new()
    {
        ["spec"] = new JsonObject
        {
            ["demand"] = new JsonObject { ["source"] = "Prometheus", ["interval"] = "15s", ["scrape"] = null, ["prometheus"] = new JsonObject { ["url"] = _prometheus.Url, ["query"] = Query } },
        },
    }), Token);

    private static Task<ClusterAccess.Resources.PredictiveAutoscaler> ScalerAsync(ClusterApi api) => api.GetAsync(ResourceTypes.PredictiveAutoscalers, Names.Namespace, Names.PredictiveAutoscaler, Token);

    private static Task UntilAsync(Func<Task<bool>> condition, string what) => PrometheusProcess.UntilAsync(condition, what, Token);

    private Task UntilNumberAsync(string query, double value) => UntilAsync(
        async () => (await SeriesAsync(query)) is [var only] && Math.Abs(double.Parse((string)only["value"]![1]!, CultureInfo.InvariantCulture) - value) <= value * 0.05, $"{query} is {value}");

    /// <summary>The autoscaler may have made more pods than the manifests ask for: the cluster says which there are.</summary>
    private async Task<bool> AllUpAsync(LabCluster cluster)
    {
        var pods = (await cluster.PodsAsync("app in (web,failover-watcher,scaling-agent)", Token)).Where(pod => pod.Metadata.DeletionTimestamp is null).Select(pod => pod.Metadata.Name).ToArray();
        var targets = await UpAsync();
        return pods.Length >= 7 && targets.All(target => target.Up) && pods.Order(StringComparer.Ordinal).SequenceEqual(targets.Select(target => target.Pod).Order(StringComparer.Ordinal));
    }

    private async Task<IReadOnlyList<(string Pod, bool Up)>> UpAsync() =>
        [.. (await AskAsync("targets?state=active"))["activeTargets"]!.AsArray().Select(target => ((string)target!["labels"]!["pod"]!, (string?)target["health"] == "up"))];

    private async Task<IReadOnlyList<JsonNode>> UntilEvaluatedAsync()
    {
        IReadOnlyList<JsonNode> rules = [];
        await UntilAsync(async () =>
        {
            rules = [.. (await AskAsync("rules"))["groups"]!.AsArray().SelectMany(group => group!["rules"]!.AsArray()).Select(rule => rule!)];
            return rules.Count > 0 && rules.All(rule => (string?)rule["health"] != "unknown");
        }, "every rule has been evaluated");
        return rules;
    }

    private async Task<IReadOnlyList<JsonNode>> SeriesAsync(string query) =>
        [.. (await AskAsync($"query?query={Uri.EscapeDataString(query)}"))["result"]!.AsArray().Select(series => series!)];

    private async Task<JsonNode> AskAsync(string what)
    {
        using var answer = await _http.GetAsync(new Uri($"{_prometheus.Url}/api/v1/{what}"), Token);
        var text = await answer.Content.ReadAsStringAsync(Token);
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!["data"]!;
    }
}
