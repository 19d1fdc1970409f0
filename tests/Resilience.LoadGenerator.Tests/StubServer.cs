using System.Net.Sockets;
using System.Text;
using Resilience.Testing;

namespace Resilience.LoadGenerator.Tests;

/// <summary>A loopback HTTP server that can be stalled or frozen, and counts what reaches it.</summary>
internal sealed class StubServer : IAsyncDisposable
{
    private readonly LoopbackListener _listener;
    private volatile TaskCompletionSource? _stall;
    private int _requests;

    public StubServer() => _listener = new(ServeAsync);

    public Uri Url => new($"http://{_listener.Endpoint}/");

    public int Connections => _listener.Connections;

    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Called with the head of each request.</summary>
    public Action<string>? Hears { get; set; }

    /// <summary>What the answer says, from the request's number; must be a whole HTTP answer.</summary>
    public Func<int, string> Answer { get; set; } = static _ => Ok("blue");

    public static string Ok(string slot, string extra = "") => $"HTTP/1.1 200 OK\r\nX-Slot: {slot}\r\n{extra}Content-Length: 2\r\n\r\nok";

    /// <summary>From now on requests are read and not answered, until <see cref="Resume"/>.</summary>
    public void Stall() => _stall = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Resume() => Interlocked.Exchange(ref _stall, null)?.SetResult();

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    private async Task ServeAsync(Socket socket)
    {
        var buffer = new byte[2_048];
        int read;
        while ((read = await socket.ReceiveAsync(buffer)) > 0)
        {
            var number = Interlocked.Increment(ref _requests);
            Hears?.Invoke(Encoding.ASCII.GetString(buffer, 0, read));
            if (_stall is { } stall)
            {
                await stall.Task;
            }

            await socket.SendAsync(Encoding.ASCII.GetBytes(Answer(number)));
            if (buffer.AsSpan(0, read).IndexOf("Connection: close"u8) >= 0)
            {
                socket.Shutdown(SocketShutdown.Send);
            }
        }
    }
}
