using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cluster;
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
    private const double Rate = 40;
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
        await using var load = LabProcess.Start(_folder.Path, "load", "--rps", Rate.ToString(CultureInfo.InvariantCulture), "--duration", "10m");
        await AskPrometheusAsync(cluster.Api);

        // Every pod of the system, each once and by its management port; the ports of users are seen and left alone.
        await UntilAsync(async () => await UpAsync() is { Count: 7, Down: 0 }, "two pods of each slot, two watchers and the agent are up");
        Assert.Equal(["failover-watcher", "scaling-agent", "web"], (await SeriesAsync("up == 1")).Select(series => (string)series["metric"]!["job"]!).Distinct().Order());
        Assert.Equal(4, (await AskAsync("targets?state=dropped"))["droppedTargets"]!.AsArray().Count);

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
        await UntilNumberAsync("namespace_bluegreen_slot:resilience_failover_serving_pods:max{slot=\"green\"}", 2);
        Assert.Empty(await SeriesAsync("ALERTS{alertstate=\"firing\",severity=\"critical\"}"));

        // The agent's demand comes from there: its own counter of readings, its gauge and the status agree with what Prometheus answers.
        await UntilAsync(async () => Math.Abs((await ScalerAsync(cluster.Api)).Status?.Demand - Rate ?? Rate) < Rate * 0.15, "the agent's demand is the load's rate");
        await UntilNumberAsync("max(resilience_scaling_demand_per_second)", Rate);

        // What is asked is Prometheus, not the pods: without it demand is missing, and is not taken for zero.
        _prometheus.Kill();
        await UntilAsync(async () => (await ScalerAsync(cluster.Api)).Status?.Conditions?.Any(condition => condition.Message?.Contains("refused the connection", StringComparison.Ordinal) == true) == true
            || (await ScalerAsync(cluster.Api)).Status?.Reason?.Contains("refused the connection", StringComparison.Ordinal) == true, "the agent says that Prometheus is away");
        await _prometheus.StartAsync(Token);

        // Pods that come later are found too.
        _ = await cluster.Api.PatchAsync(ResourceTypes.HorizontalPodAutoscalers, Names.Namespace, "web-green", ResourcePatch.Merge(new() { ["spec"] = new JsonObject { ["minReplicas"] = 3 } }), Token);
        _ = await cluster.Api.PatchAsync(ResourceTypes.Deployments, Names.Namespace, "web-green", ResourcePatch.Merge(new() { ["spec"] = new JsonObject { ["replicas"] = 3 } }), Token);
        await UntilAsync(async () => (await SeriesAsync("up{job=\"web\",slot=\"green\"} == 1")).Count == 3, "the third pod of green is up");
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
        async () => (await SeriesAsync(query)) is [var only] && Math.Abs(double.Parse((string)only["value"]![1]!, CultureInfo.InvariantCulture) - value) <= value * 0.15, $"{query} is {value}");

    private async Task<(int Count, int Down)> UpAsync()
    {
        var active = (await AskAsync("targets?state=active"))["activeTargets"]!.AsArray();
        return (active.Count, active.Count(target => (string?)target!["health"] != "up"));
    }

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
