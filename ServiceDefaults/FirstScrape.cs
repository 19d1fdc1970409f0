using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Hosting;

namespace Resilience.ServiceDefaults;

/// <summary>
/// Scrapes the process's own metrics once as soon as it listens. A first scrape compiles the exporter, which takes about a fifth of
/// a second of CPU: done while the pod starts, nobody takes it for load; done by a scraper later, an autoscaler does.
/// </summary>
internal sealed class FirstScrape(IServer server, IHostApplicationLifetime lifetime) : BackgroundService
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // The management port is the last of the endpoints; without one (a test server) there is nothing to scrape.
        if (!stoppingToken.IsCancellationRequested && server.Features.Get<IServerAddressesFeature>()?.Addresses.LastOrDefault() is { } address
            && IPEndPoint.TryParse(new Uri(address).Authority, out var endpoint))
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            limit.CancelAfter(Limit);
            await ScrapeAsync(endpoint, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>By hand: an HttpClient would cost more than the scrape.</summary>
    private static async Task ScrapeAsync(IPEndPoint endpoint, CancellationToken stop)
    {
        using var client = new TcpClient(endpoint.AddressFamily);
        await client.ConnectAsync(endpoint, stop).ConfigureAwait(false);
        var stream = client.GetStream();
        await stream.WriteAsync("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray(), stop).ConfigureAwait(false);
        await stream.CopyToAsync(Stream.Null, stop).ConfigureAwait(false);
    }
}
