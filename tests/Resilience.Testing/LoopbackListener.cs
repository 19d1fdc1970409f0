using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Resilience.Testing;

/// <summary>
/// Accepts connections on loopback and serves each on its own, for tests that must say or withhold what no HTTP library would. Disposing it
/// closes every connection.
/// </summary>
public sealed class LoopbackListener : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<Socket, Task> _serve;
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly Task _accepting;
    private int _connections;

    /// <param name="serve">Serves a connection until it returns; the socket is closed then. What it throws because somebody closed is no error.</param>
    /// <param name="endpoint">Null: a free port of 127.0.0.1.</param>
    /// <exception cref="SocketException">The endpoint is taken.</exception>
    public LoopbackListener(Func<Socket, Task> serve, IPEndPoint? endpoint = null)
    {
        _serve = serve;
        _listener = new(endpoint ?? new(IPAddress.Loopback, 0));
        _listener.Start(4_096);
        _accepting = AcceptAsync();
    }

    public IPEndPoint Endpoint => (IPEndPoint)_listener.LocalEndpoint;

    /// <summary>Connections accepted so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        await _accepting.ConfigureAwait(false);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync().ConfigureAwait(false);
                socket.NoDelay = true;
                _sockets.Add(socket);
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(socket);
            }
        }
        catch (Exception ex) when (ex is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped; a listener that was stopped between two accepts says InvalidOperation.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await _serve(socket).ConfigureAwait(false);
        }
        catch (Exception ex) when (ex is SocketException or ObjectDisposedException)
        {
            // The client closed, or the test did.
        }
        finally
        {
            socket.Dispose();
        }
    }
}
