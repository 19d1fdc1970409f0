using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.Lab.Cli;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Experiments;
using Resilience.Lab.Hosting;
using Resilience.Lab.Running;
using Resilience.Lab.Tests.EndToEnd;

namespace Resilience.Lab.Tests.Dashboard;

/// <summary>The real dashboard: what the processes of a lab send to it, read back from it.</summary>
[Trait("tier", "dashboard")]
public sealed class DashboardTests(ITestOutputHelper output)
{
    /// <summary>Where pictures go when somebody wants them, for docs/.</summary>
    private static readonly string? Pictures = Environment.GetEnvironmentVariable("DASHBOARD_PICTURES");

    private static readonly string[] Slots = ["web-blue", "web-green"];
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Outage_ArrivesAsLogsTracesAndMetrics_OfBothSlotsAndTheWatcher()
    {
        var cli = await CliAsync();
        using var folder = new TemporaryFolder();
        await using var host = await DashboardHost.StartAsync(cli, TimeProvider.System, Cancel);
        using (LabTelemetry.Start(host.Target))
        {
            var experiment = ExperimentCatalog.Find("outage").WithDuration(TimeSpan.FromSeconds(20)).WithRate(50);
            var run = new RunHost(LabDirectory.At(Path.Combine(folder.Path, ".lab")), TimeProvider.System, output.WriteLine, host.Target);
            var report = await run.RunAsync(experiment, new RunOptions(1, "events", null), Cancel);
            Assert.Equal("blue", Assert.Single(report.Failovers).From);
        }

        using var api = new HttpClient { BaseAddress = host.Page, DefaultRequestHeaders = { { "X-API-Key", host.ApiKey } } };
        await ResourcesAsync(api);
        await LogsAsync(api);
        await TracesAsync(api);
        await MetricsAsync(host);
    }

    [Fact(Explicit = true)]
    public async Task Up_WithDashboard_EndsWithoutATrace()
    {
        var cli = await CliAsync();
        using var folder = new TemporaryFolder();
        await using var lab = LabProcess.Start(folder.Path, "up", "--dashboard", "--aspire", cli.Path);
        await lab.WaitForAsync("stop       Ctrl-C");
        await using var second = LabProcess.Start(folder.Path, "up", "--bare", "--dashboard", "--aspire", cli.Path, "--lab-dir", "second");
        await second.WaitForAsync("stop       Ctrl-C");
        Assert.NotEqual(Page(lab.Output), Page(second.Output));
        var below = lab.Descendants().Concat(second.Descendants()).ToArray();

        await lab.SignalAsync("TERM");
        Assert.Equal(0, await lab.ExitAsync());
        // What a power cut of the lab leaves to the system to end.
        await second.SignalAsync("KILL");
        _ = await second.ExitAsync();

        foreach (var process in below)
        {
            Assert.True(await process.WaitForEndAsync(TimeSpan.FromSeconds(15), TimeProvider.System, Cancel), $"process {process.Pid} survived");
        }
    }

    private static string Page(string said) => said.Split('\n').First(line => line.Contains("  dashboard  ", StringComparison.Ordinal)).Split("/login")[0];

    private async Task<AspireCli> CliAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the embedded cluster needs 127.x addresses");
        try
        {
            return await AspireCli.FindOrInstallAsync(Environment.GetEnvironmentVariable("ASPIRE_CLI"), TimeProvider.System, output.WriteLine, Cancel);
        }
        catch (LabException missing)
        {
            Assert.Skip(missing.Line);
            throw;
        }
    }

    private static async Task ResourcesAsync(HttpClient api)
    {
        var resources = JsonNode.Parse(await api.GetStringAsync("api/telemetry/resources", Cancel))!.AsArray();
        var names = resources.Select(resource => (string?)resource!["name"]).ToArray();
        Assert.All([.. Slots, "failover-watcher", "load-generator"], name => Assert.Contains(name, names));
        // A resource is a pod here; one that came up last may have served nobody yet.
        Assert.All([.. Slots, "failover-watcher"], name => Assert.All(["hasLogs", "hasTraces", "hasMetrics"], kind =>
            Assert.Contains(resources, resource => (string?)resource!["name"] == name && (bool)resource[kind]!)));
    }

    /// <remarks>OTLP JSON: data.resourceLogs[].resource.attributes[] = {key, value: {stringValue}}, …scopeLogs[].logRecords[].body.stringValue.</remarks>
    private static async Task LogsAsync(HttpClient api)
    {
        var logs = JsonNode.Parse(await api.GetStringAsync("api/telemetry/logs?limit=10000", Cancel))!["data"]!["resourceLogs"]!.AsArray();
        foreach (var slot in Slots)
        {
            var ofSlot = logs.Where(entry => Attribute(entry!, "service.name") == slot).ToArray();
            Assert.NotEmpty(ofSlot);
            Assert.All(ofSlot, entry =>
            {
                Assert.Equal(slot["web-".Length..], Attribute(entry!, "resilience.slot"));
                Assert.StartsWith(slot + "-", Attribute(entry!, "k8s.pod.name"), StringComparison.Ordinal);
            });
        }

        var watcher = logs.Where(entry => Attribute(entry!, "service.name") == "failover-watcher").ToArray();
        Assert.Contains(watcher.SelectMany(Bodies), body => body.Contains("nothing serves on blue", StringComparison.Ordinal));
    }

    /// <summary>Some of the load's requests are traces that begin in the load generator and go on in a pod, of both slots.</summary>
    private static async Task TracesAsync(HttpClient api)
    {
        var spans = JsonNode.Parse(await api.GetStringAsync("api/telemetry/spans?limit=10000", Cancel))!["data"]!["resourceSpans"]!.AsArray();
        var all = spans.SelectMany(entry => entry!["scopeSpans"]!.AsArray().SelectMany(scope => scope!["spans"]!.AsArray())
            .Select(span => (Service: Attribute(entry, "service.name"), Trace: (string)span!["traceId"]!, Id: (string)span["spanId"]!, Parent: (string?)span["parentSpanId"], Name: (string)span["name"]!))).ToArray();
        var load = all.Where(span => span.Service == "load-generator").ToDictionary(span => span.Id);
        Assert.True(load.Count is > 50 and < 200, $"{load.Count} requests of about 1000 were traced; 5 a second for 20 s and a little before were expected");
        foreach (var slot in Slots)
        {
            Assert.Contains(all, span => span.Service == slot && span.Parent is { } parent && load.TryGetValue(parent, out var root) && root.Trace == span.Trace);
        }

        Assert.Contains(all, span => span.Service == "failover-watcher" && span.Name == "move-traffic");
        // Probes, lease renewals and watches would bury everything else.
        Assert.DoesNotContain(all, span => span.Service == "failover-watcher" && span.Parent is null or "" && span.Name is "PUT" or "GET");
    }

    /// <summary>The telemetry API has no metrics: only the page shows them.</summary>
    private async Task MetricsAsync(DashboardHost host)
    {
        if (Browser.Find() is not { } program)
        {
            output.WriteLine("no Chromium on PATH: the names of the metrics were not looked at");
            return;
        }

        await using var browser = await Browser.StartAsync(program, Cancel);
        await browser.GoAsync(host.Login, Cancel);
        _ = await browser.ShowsAsync(Cancel, "web-blue", "web-green");
        foreach (var (resource, instruments) in new[]
        {
            ("failover-watcher", (string[])["resilience.failover.switches", "resilience.failover.detect.duration"]),
            ("web-green", ["resilience.web.requests", "resilience.web.capacity"]),
            ("web-blue", ["resilience.web.requests"]),
            ("load-generator", ["resilience.load.requests", "resilience.load.duration"]),
        })
        {
            await browser.GoAsync(new Uri(host.Page, $"metrics/resource/{resource}"), Cancel);
            _ = await browser.ShowsAsync(Cancel, instruments);
            await PictureAsync(browser, $"metrics-{resource}");
        }

        await browser.GoAsync(new Uri(host.Page, "metrics/resource/load-generator?meter=Resilience.LoadGenerator&instrument=resilience.load.requests&duration=1&view=Graph"), Cancel);
        _ = await browser.ShowsAsync(Cancel, "resilience.load.requests");
        await PictureAsync(browser, "metric");
        await browser.GoAsync(new Uri(host.Page, "structuredlogs/resource/failover-watcher"), Cancel);
        _ = await browser.ShowsAsync(Cancel, "nothing serves on blue");
        await PictureAsync(browser, "logs");
        await browser.GoAsync(new Uri(host.Page, "traces/resource/load-generator"), Cancel);
        _ = await browser.ShowsAsync(Cancel, "load-generator: GET");
        await PictureAsync(browser, "traces");
    }

    private static async Task PictureAsync(Browser browser, string name)
    {
        if (Pictures is not null)
        {
            // Charts and grids draw themselves after their text is there.
            await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, Cancel);
            await browser.PictureAsync(Path.Combine(Pictures, string.Create(CultureInfo.InvariantCulture, $"dashboard-{name}.png")), Cancel);
        }
    }

    private static string? Attribute(JsonNode entry, string name) => entry["resource"]!["attributes"]!.AsArray()
        .FirstOrDefault(attribute => (string?)attribute!["key"] == name)?["value"]?["stringValue"]?.GetValue<string>();

    private static IEnumerable<string> Bodies(JsonNode? entry) => entry!["scopeLogs"]!.AsArray()
        .SelectMany(scope => scope!["logRecords"]!.AsArray()).Select(record => (string?)record!["body"]?["stringValue"] ?? "");
}
