using System.Globalization;
using System.Text.Json;
using Resilience.ScalingAgent.Metrics;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Metrics;

/// <summary>Real Prometheus, as Debian packages it.</summary>
[Trait("tier", "prometheus")]
public sealed class PrometheusTierTests : IAsyncDisposable
{
    private const double Rate = 200;

    private readonly PrometheusProcess _prometheus = new();
    private readonly PrometheusSource _source = new(TimeProvider.System, new() { PointsPerQuery = 3 });
    private readonly List<RawServer> _pods = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _prometheus.Dispose();
        _source.Dispose();
        foreach (var pod in _pods)
        {
            await pod.DisposeAsync();
        }
    }

    [Theory(Explicit = true)]
    [InlineData("check", "rules", "rules.yaml")]
    [InlineData("test", "rules", "rules.test.yaml")]
    [InlineData("check", "config", "prometheus.yml")]
    public async Task ShippedFiles_PassPromtool(params string[] arguments)
    {
        Assert.SkipWhen(PrometheusProcess.Missing is not null, PrometheusProcess.Missing ?? "");
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "k8s", "monitoring", "prometheus")))
        {
            File.Copy(file, Path.Combine(_prometheus.Folder, Path.GetFileName(file)));
        }

        _prometheus.Write("prometheus.yml", PrometheusProcess.ShippedConfiguration());
        _prometheus.Write("targets.json", "[]");
        var (exitCode, output) = await PrometheusProcess.PromtoolAsync(_prometheus.Folder, arguments);
        Assert.True(exitCode == 0, output);
        Assert.Contains("SUCCESS", output, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task Demand_SurvivesRestartsOfExporterAndServer_AndIsMissingInBetween()
    {
        Assert.SkipWhen(PrometheusProcess.Missing is not null, PrometheusProcess.Missing ?? "");
        var began = TimeProvider.System.GetUtcNow();
        var exporter = Counting(() => began, count => string.Create(CultureInfo.InvariantCulture, $"http_requests_total{{code=\"200\"}} {count * 3 / 4}\nhttp_requests_total{{code=\"500\"}} {count / 4}\n"));
        _prometheus.Write("prometheus.yml", $$"""
            global: {scrape_interval: 1s, scrape_timeout: 1s}
            scrape_configs: [{job_name: shop, static_configs: [{targets: ['{{exporter.Endpoint}}']}]}]
            """);
        await _prometheus.StartAsync(Token);
        await UntilDemandAsync(Rate, "the rate is measured");

        // The counter begins again at 0: neither a fall below nothing nor a spike may come of it.
        began = TimeProvider.System.GetUtcNow();
        var until = began + TimeSpan.FromSeconds(12);
        await PrometheusProcess.UntilAsync(
            async () =>
            {
                var (demand, _, problem) = await ReadAsync();
                Assert.True(demand is > Rate * 0.4 and < Rate * 1.2, $"demand {demand} while the exporter restarted ({problem})");
                return TimeProvider.System.GetUtcNow() > until;
            },
            "the restart has left the window",
            Token);
        await UntilDemandAsync(Rate, "the rate is measured again");
        var recorded = await HistoryAsync();
        Assert.True(recorded.Count >= 3, $"{recorded.Count} samples");
        Assert.Equal(recorded, recorded.OrderBy(sample => sample.At));
        Assert.All(recorded, sample => Assert.Equal(0, sample.At.ToUnixTimeSeconds() % 5));
        Assert.InRange(recorded[^1].Demand, Rate * 0.9, Rate * 1.1);

        _prometheus.Kill();
        var stopped = await ReadAsync();
        Assert.True(double.IsNaN(stopped.Demand));
        Assert.Contains("refused the connection", stopped.Problem, StringComparison.Ordinal);
        await _prometheus.StartAsync(Token);
        await UntilDemandAsync(Rate, "the rate is measured after the restart");
        var kept = (await HistoryAsync()).Select(sample => sample.At).ToHashSet();
        Assert.Equal([], recorded.Take(2).Where(sample => !kept.Contains(sample.At)));

        await exporter.DisposeAsync();
        await PrometheusProcess.UntilAsync(async () => (await ReadAsync()).Problem?.Contains("found no series", StringComparison.Ordinal) == true, "demand is missing once the window is over", Token);
    }

    [Fact(Explicit = true)]
    public async Task ShippedConfigurationAndRules_RecordAndAlert_AndTheAgentReadsFromThem()
    {
        Assert.SkipWhen(PrometheusProcess.Missing is not null, PrometheusProcess.Missing ?? "");
        var began = TimeProvider.System.GetUtcNow();
        var active = "blue";
        Counting(() => began, count => string.Create(CultureInfo.InvariantCulture, $"resilience_web_requests_total{{outcome=\"ok\"}} {count}\nresilience_web_requests_total{{outcome=\"rejected\"}} {count}\n"));
        Counting(() => began, count => string.Create(CultureInfo.InvariantCulture, $"resilience_web_requests_total{{outcome=\"shed\"}} {count}\n"));
        Counting(() => began, _ => string.Concat(new[] { "blue", "green" }.Select(slot =>
            $"resilience_failover_active{{namespace=\"shop\",bluegreen=\"web\",slot=\"{slot}\"}} {(slot == Volatile.Read(ref active) ? 1 : 0)}\n")));
        _prometheus.Write("targets.json", JsonSerializer.Serialize(new[]
        {
            Target(_pods[0], "web", "blue"), Target(_pods[1], "web", "green"), Target(_pods[2], "failover-watcher", null),
            // None of these is to be scraped.
            Target(_pods[0], "web", "blue", port: "http"), Target(_pods[0], "shop", "blue"), Target(_pods[0], "web", "blue", phase: "Succeeded"),
        }));
        File.Copy(Path.Combine(Repository.Root, "k8s", "monitoring", "prometheus", "rules.yaml"), Path.Combine(_prometheus.Folder, "rules.yaml"));
        _prometheus.Write("prometheus.yml", PrometheusProcess.ShippedConfiguration().Replace(": 15s", ": 1s", StringComparison.Ordinal).Replace(": 5s", ": 1s", StringComparison.Ordinal));
        await _prometheus.StartAsync(Token);

        await UntilNumberAsync("count(up)", 3);
        await UntilNumberAsync("count(up{job=\"web\",namespace=\"distributed-resilience\",pod=~\"web-(blue|green)-1\"})", 2);
        await UntilNumberAsync("namespace_slot_outcome:resilience_web_requests:rate1m{namespace=\"distributed-resilience\",slot=\"blue\",outcome=\"ok\"}", Rate);
        await UntilNumberAsync("namespace:resilience_web_demand:rate1m{namespace=\"distributed-resilience\"}", 2 * Rate);
        await UntilNumberAsync("namespace:resilience_web_errors:ratio1m", 0.5);
        await UntilNumberAsync("namespace_bluegreen_slot:resilience_failover_active:max{namespace=\"shop\",bluegreen=\"web\",slot=\"blue\"}", 1);
        await UntilNumberAsync("count({exported_namespace!=\"\"}) or vector(0)", 0);
        await UntilNumberAsync("sum(rate(resilience_web_requests_total{namespace=\"distributed-resilience\",outcome!=\"rejected\"}[1m]))", 2 * Rate);
        await UntilNumberAsync("count(ALERTS{alertname=\"ResilienceFailoverHappened\"}) or vector(0)", 0);
        Volatile.Write(ref active, "green");
        await UntilNumberAsync("count(ALERTS{alertname=\"ResilienceFailoverHappened\",alertstate=\"firing\",namespace=\"shop\"})", 1);
    }

    private static object Target(RawServer pod, string app, string? version, string port = "management", string phase = "Running") => new
    {
        targets = new[] { $"{pod.Endpoint}" },
        labels = new Dictionary<string, string>
        {
            ["__meta_kubernetes_namespace"] = "distributed-resilience",
            ["__meta_kubernetes_pod_name"] = version is null ? app + "-1" : $"{app}-{version}-1",
            ["__meta_kubernetes_pod_label_app"] = app,
            ["__meta_kubernetes_pod_label_version"] = version ?? "",
            ["__meta_kubernetes_pod_container_port_name"] = port,
            ["__meta_kubernetes_pod_phase"] = phase,
        },
    };

    /// <summary>An exporter whose counter rises by <see cref="Rate"/> each second since an instant.</summary>
    private RawServer Counting(Func<DateTimeOffset> began, Func<long, string> page)
    {
        var server = new RawServer { Answer = _ => RawAnswer.Ok(page((long)((TimeProvider.System.GetUtcNow() - began()).TotalSeconds * Rate))) };
        _pods.Add(server);
        return server;
    }

    private DemandTarget Asked(string query) => new(
        new("shop", "web"), new() { Source = "Prometheus", Interval = TimeSpan.FromSeconds(5), Prometheus = new() { Url = _prometheus.Url, Query = query } }, []);

    private async Task<DemandReading> ReadAsync(string query = "sum(rate(http_requests_total[10s]))") => await _source.ReadAsync(Asked(query), Token);

    private Task UntilDemandAsync(double demand, string what) => PrometheusProcess.UntilAsync(async () => Math.Abs((await ReadAsync()).Demand - demand) < demand * 0.1, what, Token);

    private Task UntilNumberAsync(string query, double value) =>
        PrometheusProcess.UntilAsync(async () => Math.Abs((await ReadAsync(query)).Demand - value) <= value * 0.1, $"{query} is {value}", Token);

    private async Task<List<DemandSample>> HistoryAsync()
    {
        var now = TimeProvider.System.GetUtcNow();
        var (samples, problem) = await _source.ReadHistoryAsync(Asked("sum(rate(http_requests_total[10s]))"), now - TimeSpan.FromMinutes(5), now, TimeSpan.FromSeconds(5), Token);
        Assert.Null(problem);
        return [.. samples];
    }
}
