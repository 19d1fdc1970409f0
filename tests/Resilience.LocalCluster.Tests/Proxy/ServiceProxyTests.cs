using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node;
using Resilience.LocalCluster.Storage;
using Resilience.LocalCluster.Tests.Controllers;

namespace Resilience.LocalCluster.Tests.Proxy;

public sealed class ServiceProxyTests : IAsyncLifetime
{
    private readonly List<TcpListener> _servers = [];
    private TestPlane _plane = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs 127.x addresses");
        _plane = new TestPlane(network: NodeNetwork.Claim(Environment.ProcessId + 1));
        _ = _plane.Create(ResourceTypes.Services, """{"metadata":{"name":"web"},"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":31999}]}}""");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            server.Dispose();
        }

        if (_plane is not null)
        {
            await _plane.DisposeAsync();
        }
    }

    [Fact]
    public async Task Flip_UnderLoad_LosesNothing_AndOldConnectionsStay()
    {
        var (blue, green) = (Serve("blue"), Serve("green"));
        Point(blue);
        await Until(async () => await TryAskAsync() == "blue");
        using var old = await ConnectAsync();
        Assert.Equal("blue", await AskAsync(old));

        var answers = new List<string>();
        for (var round = 0; round < 20; round++)
        {
            Point(round % 2 == 0 ? green : blue);
            for (var request = 0; request < 10; request++)
            {
                using var fresh = await ConnectAsync();
                answers.Add(await AskAsync(fresh));
            }
        }

        Assert.Equal(200, answers.Count(a => a is "blue" or "green"));
        Assert.Contains("green", answers);
        Assert.Equal("blue", await AskAsync(old));
    }

    [Fact]
    public async Task NoEndpoints_Connection_IsReset()
    {
        Point(Serve("blue"));
        await Until(async () => await TryAskAsync() == "blue");
        Point(null);
        await Until(async () => await TryAskAsync() is null);
    }

    [Fact]
    public async Task OnlyTerminatingEndpoints_StillServe()
    {
        var blue = Serve("blue");
        Point(blue);
        await Until(async () => await TryAskAsync() == "blue");
        Point(blue, ready: false);
        Assert.Equal("blue", await TryAskAsync());
    }

    [Fact]
    public async Task Partition_HoldsConnectionsUntilHealed()
    {
        Point(Serve("blue"));
        await Until(async () => await TryAskAsync() == "blue");
        using var open = await ConnectAsync();
        Assert.Equal("blue", await AskAsync(open));
        _plane.Proxy.Set(TestPlane.Namespace, "web", new NetworkFault(TimeSpan.Zero, TimeSpan.Zero, 0, Partition: true, null));
        var answer = AskAsync(open);
        using var late = await ConnectAsync();
        var other = AskAsync(late);
        Assert.False(answer.IsCompleted);
        _plane.Proxy.Clear(TestPlane.Namespace, "web");
        Assert.Equal(["blue", "blue"], await Task.WhenAll(answer, other));
    }

    [Fact]
    public async Task ResetFault_EveryNewConnection_Fails()
    {
        Point(Serve("blue"));
        await Until(async () => await TryAskAsync() == "blue");
        _plane.Proxy.Set(TestPlane.Namespace, "web", new NetworkFault(TimeSpan.Zero, TimeSpan.Zero, 1, Partition: false, null));
        Assert.Null(await TryAskAsync());
        _plane.Proxy.Clear(TestPlane.Namespace, "web");
        Assert.Equal("blue", await TryAskAsync());
    }

    [Fact]
    public async Task HalfClose_OfTheClient_StillGetsTheAnswer()
    {
        Point(Serve("blue"));
        await Until(async () => await TryAskAsync() == "blue");
        using var client = await ConnectAsync();
        _ = await client.SendAsync("?"u8.ToArray(), Token);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("blue", await ReadAnswerAsync(client));
    }

    /// <summary>Answers every byte with its name and a line feed.</summary>
    private IPEndPoint Serve(string name)
    {
        var listener = new TcpListener(IPAddress.Parse(_plane.Network.Allocate()!), 0);
        listener.Start();
        _servers.Add(listener);
        _ = AcceptAsync(listener, Encoding.UTF8.GetBytes(name + "\n"));
        return (IPEndPoint)listener.LocalEndpoint;
    }

    private static async Task AcceptAsync(TcpListener listener, byte[] answer)
    {
        while (true)
        {
            _ = AnswerAsync(await listener.AcceptSocketAsync(CancellationToken.None), answer);
        }
    }

    private static async Task AnswerAsync(Socket socket, byte[] answer)
    {
        using (socket)
        {
            var question = new byte[1];
            while (await socket.ReceiveAsync(question, CancellationToken.None) > 0)
            {
                _ = await socket.SendAsync(answer, CancellationToken.None);
            }
        }
    }

    private void Point(IPEndPoint? backend, bool ready = true)
    {
        var endpoints = backend is null ? new JsonArray() : new JsonArray(new JsonObject
        {
            ["addresses"] = new JsonArray(backend.Address.ToString()),
            ["conditions"] = new JsonObject { ["ready"] = ready, ["serving"] = true, ["terminating"] = !ready },
        });
        var ports = new JsonArray(new JsonObject { ["name"] = "", ["port"] = backend?.Port ?? 1, ["protocol"] = "TCP" });
        if (_plane.Store.Get(ResourceTypes.EndpointSlices, TestPlane.Namespace, "web-1") is null)
        {
            _ = _plane.Store.Create(ResourceTypes.EndpointSlices, TestPlane.Namespace, new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = "web-1", ["labels"] = new JsonObject { [EndpointSliceController.ServiceNameLabel] = "web" } },
                ["endpoints"] = endpoints,
                ["ports"] = ports,
            });
            return;
        }

        _ = _plane.Store.Update(ResourceTypes.EndpointSlices, TestPlane.Namespace, "web-1", body =>
        {
            body["endpoints"] = endpoints.DeepClone();
            body["ports"] = ports.DeepClone();
        });
    }

    private static async Task Until(Func<Task<bool>> reached)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (!await reached())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(_plane.Network.NodeAddress, 31999), Token);
        return socket;
    }

    /// <summary>Null when the connection was refused or reset.</summary>
    private async Task<string?> TryAskAsync()
    {
        try
        {
            using var socket = await ConnectAsync();
            return await AskAsync(socket);
        }
        catch (Exception ex) when (ex is SocketException or EndOfStreamException)
        {
            return null;
        }
    }

    private static async Task<string> AskAsync(Socket socket)
    {
        _ = await socket.SendAsync("?"u8.ToArray(), Token);
        return await ReadAnswerAsync(socket);
    }

    private static async Task<string> ReadAnswerAsync(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[1];
        while (await socket.ReceiveAsync(buffer, Token) > 0)
        {
            if (buffer[0] == '\n')
            {
                return text.ToString();
            }

            _ = text.Append((char)buffer[0]);
        }

        throw new EndOfStreamException();
    }
}
