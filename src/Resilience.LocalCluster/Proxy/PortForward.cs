using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Resilience.LocalCluster.Machinery;

namespace Resilience.LocalCluster.Proxy;

/// <param name="Pod">Name of the pod behind the address; empty when unknown.</param>
internal sealed record Backend(string Pod, IPEndPoint Address);

/// <summary>One forwarded port: its listeners, its present backends, the connections it carries.</summary>
internal sealed class PortForward(int port, IPAddress nodeAddress, TimeProvider clock) : IDisposable
{
    private const int Backlog = 1024;
    private const int BufferBytes = 16 * 1024;

    private readonly CancellationTokenSource _closed = new();
    private readonly List<Socket> _listeners = [];
    private readonly Random _dice = new(port);
    private IReadOnlyList<Backend> _backends = [];
    private FaultState _fault = new(null);
    private uint _next;

    public int Port => port;

    public bool IsListening => _listeners.Count > 0;

    /// <summary>Counts for new connections from the moment it is set.</summary>
    public IReadOnlyList<Backend> Backends
    {
        get => Volatile.Read(ref _backends);
        set => Volatile.Write(ref _backends, value);
    }

    /// <summary>Touches existing connections too.</summary>
    public NetworkFault? Fault
    {
        get => Volatile.Read(ref _fault).Fault;
        set
        {
            if (Volatile.Read(ref _fault).Fault != value)
            {
                Interlocked.Exchange(ref _fault, new FaultState(value)).Replaced.SetResult();
            }
        }
    }

    /// <summary>Opens the node's address, and 127.0.0.1 as well where that port is free. Does nothing when already open.</summary>
    public void Listen()
    {
        if (IsListening)
        {
            return;
        }

        TryListen(nodeAddress);
        if (IsListening && !nodeAddress.Equals(IPAddress.Loopback))
        {
            TryListen(IPAddress.Loopback);
        }
    }

    public void Dispose()
    {
        _closed.Cancel();
        foreach (var listener in _listeners)
        {
            listener.Dispose();
        }

        _closed.Dispose();
    }

    private void TryListen(IPAddress address)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, port));
            listener.Listen(Backlog);
        }
        catch (SocketException)
        {
            listener.Dispose();
            return;
        }

        _listeners.Add(listener);
        _ = AcceptAsync(listener, _closed.Token);
    }

    private async Task AcceptAsync(Socket listener, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var client = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
                _ = ServeAsync(client, cancellationToken);
            }
            catch (Exception ex) when (ex is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The client gave up while it waited in the queue, or descriptors ran out for a moment.
                await Task.Yield();
            }
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken cancellationToken)
    {
        using (client)
        {
            var backends = Backends;
            if (backends.Count == 0 || Choose(backends) is not { } backend)
            {
                Reset(client);
                return;
            }

            using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                client.NoDelay = true;
                await HoldAsync(backend, cancellationToken).ConfigureAwait(false);
                await server.ConnectAsync(backend.Address, cancellationToken).ConfigureAwait(false);
                var up = PumpAsync(client, server, backend, delayed: false, cancellationToken);
                var down = PumpAsync(server, client, backend, delayed: true, cancellationToken);
                if (await Task.WhenAny(up, down).ConfigureAwait(false) is { IsFaulted: true } failed)
                {
                    Reset(client);   // frees the other direction as well
                    Reset(server);
                    await failed.ConfigureAwait(false);
                }

                await Task.WhenAll(up, down).ConfigureAwait(false);
            }
            catch (Exception ex) when (ex is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                Reset(client);   // no hidden retry: the client sees what a packet-level proxy would show it
            }
        }
    }

    private Backend? Choose(IReadOnlyList<Backend> backends)
    {
        var backend = backends[(int)(Interlocked.Increment(ref _next) % (uint)backends.Count)];
        if (FaultOf(backend) is { ResetRatio: > 0 } fault)
        {
            lock (_dice)
            {
                return _dice.NextDouble() < fault.ResetRatio ? null : backend;
            }
        }

        return backend;
    }

    /// <summary>Copies one direction; its end is passed on as a half-close.</summary>
    private async Task PumpAsync(Socket from, Socket to, Backend backend, bool delayed, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (true)
            {
                var count = await from.ReceiveAsync(buffer.AsMemory(0, BufferBytes), cancellationToken).ConfigureAwait(false);
                if (Volatile.Read(ref _fault).Fault is not null)
                {
                    await HoldAsync(backend, cancellationToken).ConfigureAwait(false);
                    if (delayed)
                    {
                        await DelayAsync(backend, cancellationToken).ConfigureAwait(false);
                    }
                }

                if (count == 0)
                {
                    to.Shutdown(SocketShutdown.Send);
                    return;
                }

                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), cancellationToken).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Waits while the backend is cut off.</summary>
    private async Task HoldAsync(Backend backend, CancellationToken cancellationToken)
    {
        while (Volatile.Read(ref _fault) is { Fault.Partition: true } state && Concerns(state.Fault, backend))
        {
            await state.Replaced.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private Task DelayAsync(Backend backend, CancellationToken cancellationToken)
    {
        if (FaultOf(backend) is not { } fault || (fault.Delay <= TimeSpan.Zero && fault.Jitter <= TimeSpan.Zero))
        {
            return Task.CompletedTask;
        }

        double spread;
        lock (_dice)
        {
            spread = (_dice.NextDouble() * 2) - 1;
        }

        var delay = fault.Delay + (fault.Jitter * spread);
        return delay > TimeSpan.Zero ? Task.Delay(delay, clock, cancellationToken) : Task.CompletedTask;
    }

    private NetworkFault? FaultOf(Backend backend) =>
        Volatile.Read(ref _fault).Fault is { } fault && Concerns(fault, backend) ? fault : null;

    private static bool Concerns(NetworkFault fault, Backend backend) => fault.Pods is null || fault.Pods.Contains(backend.Pod);

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }
        catch (Exception ex) when (ex is SocketException or ObjectDisposedException)
        {
            // Already closed.
        }
    }

    private sealed class FaultState(NetworkFault? fault)
    {
        public NetworkFault? Fault { get; } = fault;

        public TaskCompletionSource Replaced { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
