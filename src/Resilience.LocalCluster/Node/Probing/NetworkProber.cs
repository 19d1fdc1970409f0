using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node.Probing;

/// <summary>Runs one probe attempt as a kubelet does: a new connection each time, any status from 200 to 399 is success.</summary>
internal sealed class NetworkProber : IDisposable
{
    private const int ShownBodyBytes = 1024;

    private readonly TimeProvider _clock;
    private readonly HttpClient _http;

    public NetworkProber(TimeProvider clock)
    {
        _clock = clock;
#pragma warning disable CA5359 // A kubelet does not verify the certificates of what it probes either.
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            PooledConnectionLifetime = TimeSpan.Zero,
            ActivityHeadersPropagator = null,
            SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
        };
#pragma warning restore CA5359
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task<ProbeOutcome> ProbeAsync(ProbeSpec spec, JsonObject container, string address, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(spec.Timeout, _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return spec.Action switch
            {
                _ when spec.Action.Object("httpGet") is { } http => await HttpAsync(http, container, address, both.Token).ConfigureAwait(false),
                _ when spec.Action.Object("tcpSocket") is { } tcp => await TcpAsync(tcp, container, address, both.Token).ConfigureAwait(false),
                _ when spec.Action.Object("exec") is { } exec => await ExecAsync(exec, both.Token).ConfigureAwait(false),
                _ => new(false, "this probe handler is not supported by the embedded cluster (httpGet, tcpSocket and exec are)"),
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(false, spec.Action.Object("httpGet") is { } http
                ? $"Get \"{UrlOf(http, container, address)}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                : "command timed out or connection timed out");
        }
    }

    public void Dispose() => _http.Dispose();

    internal static Uri UrlOf(JsonObject action, JsonObject container, string address)
    {
        var host = action.String("host") is { Length: > 0 } named ? named : address;
        var path = action.String("path") ?? "/";
        return new($"{(action.String("scheme") == "HTTPS" ? "https" : "http")}://{host}:{ProbeSpec.PortOf(action["port"], container)}"
            + (path.StartsWith('/') ? path : "/" + path));
    }

    private async Task<ProbeOutcome> HttpAsync(JsonObject action, JsonObject container, string address, CancellationToken cancellationToken)
    {
        var url = UrlOf(action, container, address);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        _ = request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.36");
        _ = request.Headers.TryAddWithoutValidation("Accept", "*/*");
        request.Headers.ConnectionClose = true;
        foreach (var header in action.Array("httpHeaders")?.OfType<JsonObject>() ?? [])
        {
            _ = request.Headers.TryAddWithoutValidation(header.String("name") ?? "", header.String("value"));
        }

        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
            var code = (int)response.StatusCode;
            return code is >= 200 and < 400 ? new(true, "") : new(false, $"HTTP probe failed with statuscode: {code}");
        }
        catch (HttpRequestException ex)
        {
            return new(false, $"Get \"{url}\": {Reason(ex.InnerException ?? ex, url.Authority)}");
        }
    }

    private static async Task<ProbeOutcome> TcpAsync(JsonObject action, JsonObject container, string address, CancellationToken cancellationToken)
    {
        var host = action.String("host") is { Length: > 0 } named ? named : address;
        var port = ProbeSpec.PortOf(action["port"], container);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(host), port), cancellationToken).ConfigureAwait(false);
            return new(true, "");
        }
        catch (Exception ex) when (ex is SocketException or FormatException)
        {
            return new(false, Reason(ex, $"{host}:{port}"));
        }
    }

    /// <summary>Runs beside the pod's process, in the same file system and network.</summary>
    private static async Task<ProbeOutcome> ExecAsync(JsonObject action, CancellationToken cancellationToken)
    {
        var command = action.Array("command")?.Select(c => c.String() ?? "").ToList() ?? [];
        if (command.Count == 0)
        {
            return new(false, "exec probe without a command");
        }

        var info = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in command.Skip(1))
        {
            info.ArgumentList.Add(argument);
        }

        try
        {
            using var process = Process.Start(info)!;
            try
            {
                var errors = process.StandardError.ReadToEndAsync(cancellationToken);
                var output = await process.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false) + await errors.ConfigureAwait(false);
                await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
                return new(process.ExitCode == 0, output.Length > ShownBodyBytes ? output[..ShownBodyBytes] : output);
            }
            finally
            {
                if (!process.HasExited)
                {
                    process.Kill(entireProcessTree: true);
                }
            }
        }
        catch (System.ComponentModel.Win32Exception ex)
        {
            return new(false, ex.Message);
        }
    }

    private static string Reason(Exception ex, string authority) => ex switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => $"dial tcp {authority}: connect: connection refused",
        SocketException socket => $"dial tcp {authority}: {socket.Message}",
        HttpIOException => "EOF",
        IOException { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionReset } } => "read: connection reset by peer",
        _ => ex.Message,
    };
}
