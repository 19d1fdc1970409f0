using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Resilience.LoadGenerator;

/// <summary>Where requests go, and their bytes, prepared once. The name is resolved once: a run measures one address.</summary>
internal sealed record HttpTarget(IPEndPoint Address, string? TlsHost, ReadOnlyMemory<byte> KeptRequest, ReadOnlyMemory<byte> ClosingRequest)
{
    /// <exception cref="SocketException">The host has no address.</exception>
    public static async Task<HttpTarget> ResolveAsync(Uri url, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(url.DnsSafeHost, out var literal) ? [literal]
            : await Dns.GetHostAddressesAsync(url.DnsSafeHost, cancellationToken).ConfigureAwait(false);
        var address = Array.Find(addresses, static a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
        var head = $"GET {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nUser-Agent: resilience-load\r\nAccept: */*\r\n";
        return new(
            new IPEndPoint(address, url.Port),
            url.Scheme == Uri.UriSchemeHttps ? url.Host : null,
            Encoding.ASCII.GetBytes(head + "\r\n"),
            Encoding.ASCII.GetBytes(head + "Connection: close\r\n\r\n"));
    }
}
