using System.Net;
using System.Net.Sockets;

namespace Resilience.LoadGenerator;

/// <summary>
/// Runs the client's code against a listener of its own before the first measurement, so that compiling it does not show up as latency
/// of the first requests. The system under test sees none of it.
/// </summary>
internal static class WarmUp
{
    private const int Requests = 40;
    private static readonly Lazy<Task> Done = new(RunAsync);

    public static Task OnceAsync() => Done.Value;

    private static async Task RunAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener);
        var target = await HttpTarget.ResolveAsync(new Uri($"http://{listener.LocalEndpoint}/"), TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        using var pool = new ConnectionPool(target, users: 2);
        for (var i = 0; i < Requests; i++)
        {
            var (connection, isNew) = pool.Take();
            await (isNew ? connection.OpenAsync() : Task.CompletedTask).ConfigureAwait(false);
            var answer = await connection.AskAsync(target.KeptRequest).ConfigureAwait(false);
            pool.GiveBack(connection, answer.KeepsAlive && i % 4 != 0);
        }

        listener.Stop();
        await serving.ConfigureAwait(false);
    }

    private static async Task ServeAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                _ = AnswerAsync(await listener.AcceptSocketAsync().ConfigureAwait(false));
            }
        }
        catch (Exception ex) when (ex is SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private static async Task AnswerAsync(Socket socket)
    {
        using var _ = socket;
        var buffer = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(buffer).ConfigureAwait(false) > 0)
            {
                await socket.SendAsync("HTTP/1.1 200 OK\r\nX-Slot: blue\r\nContent-Length: 2\r\n\r\nok"u8.ToArray()).ConfigureAwait(false);
            }
        }
        catch (SocketException)
        {
            // The client closed first.
        }
    }
}
