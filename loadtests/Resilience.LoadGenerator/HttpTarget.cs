using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Resilience.LoadGenerator;

/// <summary>Where requests go, and their bytes, prepared once. The name is resolved once: a run measures one address.</summary>
internal sealed record HttpTarget(Uri Url, IPEndPoint Address, string? TlsHost, string Head)
{
    private const string Close = "Connection: close\r\n";

    /// <summary>A parent that says "not sampled": without it, a server that records traces would record one for every request.</summary>
    private static readonly string Unsampled = Traceparent(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), sampled: false);

    /// <summary>Where connections leave from; null: where the operating system says.</summary>
    public SourcePorts? Ports { get; init; }

    public ReadOnlyMemory<byte> KeptRequest { get; } = Bytes(Head);

    public ReadOnlyMemory<byte> ClosingRequest { get; } = Bytes(Head + Close);

    private ReadOnlyMemory<byte> UnsampledKeptRequest { get; } = Bytes(Head + Unsampled);

    private ReadOnlyMemory<byte> UnsampledClosingRequest { get; } = Bytes(Head + Unsampled + Close);

    /// <summary>The bytes of one request.</summary>
    /// <param name="closes">Asks the server to close the connection.</param>
    /// <param name="traces">Somebody listens to this run's spans.</param>
    /// <param name="span">The span of this request; null when it is not sampled.</param>
    public ReadOnlyMemory<byte> Request(bool closes, bool traces, Activity? span) => (closes, traces, span) switch
    {
        (_, _, not null) => Bytes(Head + Traceparent(span.TraceId, span.SpanId, span.Recorded) + (closes ? Close : string.Empty)),
        (true, true, null) => UnsampledClosingRequest,
        (false, true, null) => UnsampledKeptRequest,
        (true, false, null) => ClosingRequest,
        (false, false, null) => KeptRequest,
    };

    /// <param name="clock">See <see cref="SourcePorts"/>.</param>
    /// <exception cref="SocketException">The host has no address.</exception>
    public static async Task<HttpTarget> ResolveAsync(Uri url, TimeProvider clock, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(url.DnsSafeHost, out var literal) ? [literal]
            : await Dns.GetHostAddressesAsync(url.DnsSafeHost, cancellationToken).ConfigureAwait(false);
        var address = Array.Find(addresses, static a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
        var head = $"GET {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nUser-Agent: resilience-load\r\nAccept: */*\r\n";
        return new(url, new IPEndPoint(address, url.Port), url.Scheme == Uri.UriSchemeHttps ? url.Host : null, head)
        {
            Ports = SourcePorts.For(address, clock),
        };
    }

    /// <remarks>W3C Trace Context: "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".</remarks>
    private static string Traceparent(ActivityTraceId trace, ActivitySpanId span, bool sampled) =>
        $"traceparent: 00-{trace.ToHexString()}-{span.ToHexString()}-{(sampled ? "01" : "00")}\r\n";

    private static byte[] Bytes(string head) => Encoding.ASCII.GetBytes(head + "\r\n");
}
