extern alias apphost;

using apphost::Resilience.AppHost.EmbeddedCluster;
using apphost::Resilience.AppHost.Slots;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Resilience.AppHost.Declared.Tests;

/// <summary>The mirror of a cluster, and what Aspire's dashboard would show of it.</summary>
internal sealed class Dashboard : IAsyncDisposable
{
    /// <summary>Four processes start on a machine that is busy with other tests.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private readonly ResourceNotificationService _notifications;
    private readonly ClusterMirror _mirror;

    public Dashboard(EmbeddedClusterAnnotation known, string? telemetry = null)
    {
        var cluster = new ProjectResource("cluster");
        (Blue, Green) = (new SlotResource("web-blue", "blue", cluster), new SlotResource("web-green", "green", cluster));
        var lifetime = new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance);
        _notifications = new(NullLogger<ResourceNotificationService>.Instance, lifetime, new ServiceCollection().BuildServiceProvider(), Logs);
        var configuration = new ConfigurationManager();
        configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = telemetry;
        _mirror = new(cluster, known, new([cluster, Blue, Green]), _notifications, Logs, configuration, NullLogger<ClusterMirror>.Instance);
    }

    public SlotResource Blue { get; }

    public SlotResource Green { get; }

    public ResourceLoggerService Logs { get; } = new();

    public Task StartAsync() => _mirror.StartAsync(TestContext.Current.CancellationToken);

    public CustomResourceSnapshot? Shown(string resource) => _notifications.TryGetCurrentState(resource, out var seen) ? seen!.Snapshot : null;

    public object? Property(string resource, string name) => Shown(resource)?.Properties.FirstOrDefault(property => property.Name == name)?.Value;

    public Task ShowsAsync(string resource, string property, object value) =>
        UntilAsync(() => Equals(Property(resource, property), value), () => $"{resource} shows {property} \"{value}\"; it shows \"{Property(resource, property)}\"");

    public static Task UntilAsync(Func<bool> holds, string what) => UntilAsync(holds, () => what);

    public static async Task UntilAsync(Func<bool> holds, Func<string> what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"did not happen within {Patience.TotalSeconds:0} s: {what()}");
            await Task.Delay(Pause, TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _mirror.StopAsync(CancellationToken.None);
        _mirror.Dispose();
        _notifications.Dispose();
        Logs.Dispose();
    }
}
