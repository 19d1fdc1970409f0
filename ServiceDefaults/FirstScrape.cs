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
internal sealed class FirstScrape(IServer server) : IHostedLifecycleService
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>All servers listen by now. The host waits, so that what it says to have started is warm.</summary>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        // The management port is the last of the endpoints; without one (a test server) there is nothing to scrape.
        if (server.Features.Get<IServerAddressesFeature>()?.Addresses.LastOrDefault() is { } address && IPEndPoint.TryParse(new Uri(address).Authority, out var endpoint))
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Limit);
            await ScrapeAsync(endpoint, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

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
