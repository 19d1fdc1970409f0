using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Resilience.FailoverWatcher.Probing;

/// <summary>What one probe came to.</summary>
internal enum ProbeOutcome
{
    /// <summary>An HTTP status from 200 to 399.</summary>
    Success,

    /// <summary>Another HTTP status, or no HTTP at all.</summary>
    BadAnswer,

    /// <summary>The connection was refused or torn: the pod's machine answers, and says that nobody listens.</summary>
    Refused,

    /// <summary>No connection for a reason on the way, such as no route; the fault may be the prober's.</summary>
    Unreachable,

    /// <summary>No answer in time.</summary>
    Timeout,
}

/// <summary>
/// One HTTP GET on a connection of its own, over a bare socket: no pool that could hide a listener that accepts nobody
/// new, no retries, no handlers.
/// </summary>
internal static class HttpProbe
{
    private const int StatusLineBytes = 12;   // "HTTP/1.1 200"

    public static async Task<ProbeOutcome> SendAsync(IPEndPoint endpoint, string path, TimeSpan timeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        // Reset instead of TIME_WAIT: four probes a second and pod would pile up thousands of dead ports.
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        try
        {
            await socket.ConnectAsync(endpoint, linked.Token).ConfigureAwait(false);
            var request = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {endpoint}\r\nUser-Agent: failover-watcher\r\nConnection: close\r\n\r\n");
            await socket.SendAsync(request, linked.Token).ConfigureAwait(false);
            var answer = new byte[StatusLineBytes];
            var received = 0;
            while (received < StatusLineBytes)
            {
                var count = await socket.ReceiveAsync(answer.AsMemory(received), linked.Token).ConfigureAwait(false);
                if (count == 0)
                {
                    return received == 0 ? ProbeOutcome.Refused : ProbeOutcome.BadAnswer;
                }
                received += count;
            }
            return IsGood(answer) ? ProbeOutcome.Success : ProbeOutcome.BadAnswer;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ProbeOutcome.Timeout;
        }
        catch (SocketException failure)
        {
            return failure.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown
                ? ProbeOutcome.Refused : ProbeOutcome.Unreachable;
        }
    }

    private static bool IsGood(ReadOnlySpan<byte> answer) => answer.StartsWith("HTTP/1."u8) && answer[8] == ' ' && answer[9] is (byte)'2' or (byte)'3';
}
