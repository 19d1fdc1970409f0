using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Resilience.ServiceDefaults;

/// <summary>
/// A stopping process keeps serving until traffic has moved away: first readiness fails, then the process serves on for the drain time and
/// asks clients to close their keep-alive connections, and only then do the hosted services, the web server among them, stop.
/// </summary>
/// <remarks>
/// Endpoint removal and SIGTERM race in Kubernetes; without the pause, requests already on their way to this pod are refused.
/// Hosted services that must react at once (give back a lease) listen to <see cref="IHostApplicationLifetime.ApplicationStopping"/>.
/// </remarks>
internal sealed partial class Draining(IHostApplicationLifetime application, PodIdentity pod, TimeProvider clock, ILogger<Draining> logger)
    : IHostedLifecycleService, IHealthCheck
{
    /// <summary>True from the first sign of a stop to the end of the process.</summary>
    public bool IsActive => application.ApplicationStopping.IsCancellationRequested;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(IsActive ? HealthCheckResult.Unhealthy("draining: the process is stopping") : HealthCheckResult.Healthy());

    /// <inheritdoc/>
    /// <remarks>The host calls this before any hosted service is told to stop.</remarks>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        application.StopApplication();
        LogDraining(logger, pod.Drain.TotalSeconds);
        await Task.Delay(pod.Drain, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(EventId = 101, EventName = "Draining", Level = LogLevel.Information, Message = "Stopping: serving for {DrainSeconds} s more while traffic moves away")]
    private static partial void LogDraining(ILogger logger, double drainSeconds);
}
