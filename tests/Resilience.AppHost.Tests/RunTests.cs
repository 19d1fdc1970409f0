using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Resilience.AppHost.Tests;

/// <summary>The composition for real: orchestrator, cluster, pods, controllers and load.</summary>
public sealed class RunTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly string[] Resources = ["cluster", "web-blue", "web-green", "failover-watcher", "scaling-agent", "load-generator"];
    private DistributedApplication? _app;

    private DistributedApplication App => _app!;

    public async ValueTask InitializeAsync()
    {
        var cancel = TestContext.Current.CancellationToken;
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Resilience_AppHost>(cancel);
        _app = await builder.BuildAsync(cancel);
        var started = TimeProvider.System.GetTimestamp();
        await _app.StartAsync(cancel);
        await Task.WhenAll(Resources.Select(name => _app.ResourceNotifications.WaitForResourceHealthyAsync(name, cancel))).WaitAsync(Patience, cancel);
        output.WriteLine($"all healthy after {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s");
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }

    [Fact]
    public async Task Outage_OfTheActiveSlot_MovesTrafficAndEnds()
    {
        await SlotIsAsync("web-blue", "active");

        await DoAsync("web-blue", "outage");

        await SlotIsAsync("web-green", "active");
        await ShowsAsync("web-blue", "Pods", "0 of 0 Ready");
        await IsWholeAsync("web-blue");
    }

    [Fact]
    public async Task Commands_AllWork_AndOneDrillAtATime()
    {
        await DoAsync("web-green", "latency");
        var second = await App.ResourceCommands.ExecuteCommandAsync("web-green", "errors", TestContext.Current.CancellationToken);
        Assert.False(second.Success);
        Assert.Contains("\"slow\" still holds web-green", second.Message, StringComparison.Ordinal);
        await DoAsync("web-green", "heal");
        await DoAsync("web-green", "errors");
        await DoAsync("web-green", "heal");
        await DoAsync("web-green", "hang");
        await DoAsync("web-green", "heal");
        await DoAsync("web-green", "failover");
        await SlotIsAsync("web-green", "active");
        await DoAsync("web-blue", "crash");
        await IsWholeAsync("web-blue");
    }

    [Fact]
    public async Task Restart_OfTheCluster_LeavesTheOthersAtWork()
    {
        var cancel = TestContext.Current.CancellationToken;
        var before = await SlotIsAsync("web-blue", "active");
        await DoAsync("web-green", "failover");
        await SlotIsAsync("web-green", "active");

        var cluster = App.Services.GetRequiredService<DistributedApplicationModel>().Resources.Single(resource => resource.Name == "cluster");
        var restarted = await App.ResourceCommands.ExecuteCommandAsync(cluster, "restart", cancel);
        Assert.True(restarted.Success, restarted.Message);

        // The new cluster has the manifests' blue, and the address that the load generator was told.
        var after = await SlotIsAsync("web-blue", "active");
        Assert.Equal(Assert.Single(before.Snapshot.Urls).Url, Assert.Single(after.Snapshot.Urls).Url);
        await IsWholeAsync("web-blue");
        await IsWholeAsync("web-green");
        await DoAsync("web-green", "failover");
        await SlotIsAsync("web-green", "active");
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri(after.Snapshot.Urls[0].Url), cancel);
        Assert.True(answer.IsSuccessStatusCode, answer.ToString());
    }

    [Fact]
    public async Task Pods_AppearBelowTheirSlot_WithAddressHealthAndLog()
    {
        var cancel = TestContext.Current.CancellationToken;
        var pod = await FirstPodAsync("web-blue");

        Assert.Equal("Pod", pod.Snapshot.ResourceType);
        Assert.StartsWith("http://127.", Assert.Single(pod.Snapshot.Urls).Url, StringComparison.Ordinal);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        await foreach (var lines in App.Services.GetRequiredService<ResourceLoggerService>().WatchAsync(pod.ResourceId).WithCancellation(limit.Token))
        {
            if (lines.Any(line => line.Content.Contains("Now listening on", StringComparison.Ordinal)))
            {
                return;
            }
        }

        Assert.Fail("the pod's log has no line about listening");
    }

    private async Task<ResourceEvent> FirstPodAsync(string slot)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        await foreach (var seen in App.ResourceNotifications.WatchAsync(limit.Token))
        {
            if (seen.Snapshot.Properties.Any(property => property.Name == "resource.parentName" && Equals(property.Value, slot)) && !seen.Snapshot.IsHidden)
            {
                return seen;
            }
        }

        throw new TimeoutException($"no pod of {slot} appeared");
    }

    private async Task DoAsync(string slot, string command)
    {
        var result = await App.ResourceCommands.ExecuteCommandAsync(slot, command, TestContext.Current.CancellationToken);
        output.WriteLine($"{slot} {command}: {result.Message}");
        Assert.True(result.Success, $"{command} on {slot}: {result.Message}");
    }

    private Task<ResourceEvent> SlotIsAsync(string slot, string traffic) => ShowsAsync(slot, "Traffic", traffic);

    /// <summary>All pods asked for are Ready; how many those are is the autoscaler's business.</summary>
    private Task<ResourceEvent> IsWholeAsync(string slot) => UntilAsync(slot, seen =>
        Shown(seen, "Pods")?.Split(' ') is [var ready, "of", var desired, ..] && ready == desired && desired != "0");

    private Task<ResourceEvent> ShowsAsync(string slot, string property, string value) => UntilAsync(slot, seen => Shown(seen, property) == value);

    private Task<ResourceEvent> UntilAsync(string slot, Func<ResourceEvent, bool> holds) => App.ResourceNotifications
        .WaitForResourceAsync(slot, holds, TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);

    private static string? Shown(ResourceEvent seen, string property) => seen.Snapshot.Properties.FirstOrDefault(shown => shown.Name == property)?.Value as string;
}
