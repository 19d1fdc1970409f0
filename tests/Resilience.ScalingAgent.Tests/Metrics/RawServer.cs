using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Metrics;

/// <summary>What a <see cref="RawServer"/> sends, byte by byte.</summary>
/// <param name="Close">Closes the connection afterwards.</param>
/// <param name="Hang">Sends nothing more and keeps the connection.</param>
public sealed record RawAnswer(string Text, bool Close = false, bool Hang = false)
{
    public static RawAnswer Ok(string body, string type = "text/plain; version=0.0.4", string status = "200 OK", string extra = "") =>
        new(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\n{extra}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"));
}

/// <summary>A loopback server that can say anything, also what no HTTP library would.</summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly LoopbackListener _listener;

    public RawServer(IPEndPoint? endpoint = null) => _listener = new(ServeAsync, endpoint);

    public IPEndPoint Endpoint => _listener.Endpoint;

    public string Url => $"http://{Endpoint}";

    /// <summary>From the whole request, head and body.</summary>
    public Func<string, RawAnswer> Answer { get; set; } = static _ => RawAnswer.Ok("");

    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Servers on neighbouring loopback addresses and one port, as pods have it.</summary>
    public static List<RawServer> Pods(int count)
    {
        for (var attempt = 0; ; attempt++)
        {
            List<RawServer> pods = [new(new(IPAddress.Parse("127.0.0.2"), 0))];
            try
            {
                while (pods.Count < count)
                {
                    pods.Add(new(new(IPAddress.Parse($"127.0.0.{pods.Count + 2}"), pods[0].Endpoint.Port)));
                }

                return pods;
            }
            catch (SocketException) when (attempt < 20)
            {
                pods.ForEach(static pod => _ = pod.DisposeAsync().AsTask());   // somebody has that port there
            }
        }
    }

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(Socket socket)
    {
        while (await ReadRequestAsync(socket) is { } request)
        {
            Requests.Enqueue(request);
            var answer = Answer(request);
            var bytes = Encoding.UTF8.GetBytes(answer.Text);
            for (var sent = 0; sent < bytes.Length;)
            {
                sent += await socket.SendAsync(bytes.AsMemory(sent));
            }

            if (answer.Close)
            {
                socket.Shutdown(SocketShutdown.Both);
                return;
            }
        }
    }

    private static async Task<string?> ReadRequestAsync(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[8_192];
        while (true)
        {
            var whole = text.ToString();
            var head = whole.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (head >= 0 && whole.Length >= head + 4 + ContentLength(whole[..head]))
            {
                return whole;
            }

            var read = await socket.ReceiveAsync(buffer);
            if (read == 0)
            {
                return null;
            }

            text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
    }

    private static int ContentLength(string head)
    {
        const string Name = "Content-Length:";
        var line = head.Split("\r\n").FirstOrDefault(line => line.StartsWith(Name, StringComparison.OrdinalIgnoreCase));
        return line is null ? 0 : int.Parse(line[Name.Length..], CultureInfo.InvariantCulture);
    }
}
