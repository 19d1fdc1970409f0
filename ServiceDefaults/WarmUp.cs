using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Resilience.ServiceDefaults;

/// <summary>
/// Sends the process its own first requests as soon as it listens. What is asked for the first time is compiled first: a quarter of a
/// second that the first users of a new pod would wait, so readiness comes after it; and for the metrics a fifth of a second of CPU,
/// which an autoscaler would take for load were it spent when a scraper comes. These requests are in no metric.
/// </summary>
/// <param name="server">Asked where it listens.</param>
/// <param name="paths">What users ask for; none for a process that has no users.</param>
/// <param name="clock">Times how long a probe waits for the end of it.</param>
internal sealed class WarmUp(IServer server, IReadOnlyList<string> paths, TimeProvider clock) : IHostedLifecycleService, IHealthCheck
{
    private const string Header = "X-Warm-Up";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>Below a probe's time limit. A probe that is told "not yet" comes back a period later; one that waits a moment does not have to.</summary>
    private static readonly TimeSpan ProbeWaits = TimeSpan.FromMilliseconds(500);

    /// <summary>Nobody else can keep a request out of the metrics.</summary>
    private static readonly string Key = RandomNumberGenerator.GetHexString(32);

    private readonly TaskCompletionSource _warm = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static bool IsOwn(HttpContext context) => context.Request.Headers.TryGetValue(Header, out var key) && key == Key;

    /// <summary>Keeps an own request out of the metrics of the web server.</summary>
    public static Task LeaveOutAsync(HttpContext context, RequestDelegate next)
    {
        if (IsOwn(context) && context.Features.Get<IHttpMetricsTagsFeature>() is { } metrics)
        {
            metrics.MetricsDisabled = true;
        }

        return next(context);
    }

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        await _warm.Task.WaitAsync(ProbeWaits, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _warm.Task.IsCompleted ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("the process sends itself its first requests");
    }

    /// <summary>All servers listen by now. The host waits, so that what it says to have started is warm.</summary>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        // Users' port first, the management port last; a test server has neither, a process without users only the latter.
        var endpoints = (server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [])
            .Select(address => IPEndPoint.TryParse(new Uri(address).Authority, out var endpoint) ? endpoint : null).OfType<IPEndPoint>().ToList();
        if (endpoints.Count > 1)
        {
            foreach (var path in paths)
            {
                await AskAsync(endpoints[0], path, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        _ = _warm.TrySetResult();
        if (endpoints.Count > 0)
        {
            await AskAsync(endpoints[^1], "/metrics", limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>By hand: an HttpClient would cost more than the requests.</summary>
    private static async Task AskAsync(IPEndPoint endpoint, string path, CancellationToken stop)
    {
        using var client = new TcpClient(endpoint.AddressFamily);
        await client.ConnectAsync(endpoint, stop).ConfigureAwait(false);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\n{Header}: {Key}\r\nConnection: close\r\n\r\n"), stop).ConfigureAwait(false);
        await stream.CopyToAsync(Stream.Null, stop).ConfigureAwait(false);
    }
}
