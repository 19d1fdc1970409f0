using System.Collections.Concurrent;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Resilience.Testing;

namespace Resilience.LoadGenerator.Tests;

public sealed class SourcePortsTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Next_TakesEachPortOfTheRangeInTurn()
    {
        var ports = new SourcePorts(50_000, 50_009, new FakeTimeProvider(Noon));
        var taken = Enumerable.Range(0, 20).Select(_ => ports.Next()).ToList();
        Assert.Equal(Enumerable.Range(50_000, 10), taken.Take(10).Order());
        Assert.Equal(taken.Take(10), taken.Skip(10));
    }

    /// <summary>What the node remembers of a run, two minutes long, the next one does not meet, whenever it begins.</summary>
    [Theory]
    [InlineData(100, 60, 0)]
    [InlineData(100, 60, 75)]
    [InlineData(100, 60, 110)]
    [InlineData(200, 300, 1)]
    [InlineData(20, 600, 20)]
    public void Next_InALongRunAndInALaterOne_KeepsClearOfTheLastTwoMinutes(int perSecond, int seconds, int pauseSeconds)
    {
        var used = new Dictionary<int, DateTimeOffset>();
        foreach (var start in (DateTimeOffset[])[Noon, Noon.AddSeconds(seconds + pauseSeconds)])
        {
            var clock = new FakeTimeProvider(start);
            var ports = new SourcePorts(32_768, 60_999, clock);
            for (var i = 0; i < perSecond * seconds; i++)
            {
                var port = ports.Next();
                Assert.False(used.TryGetValue(port, out var before) && clock.GetUtcNow() - before < TimeSpan.FromMinutes(2), $"port {port} again after {clock.GetUtcNow() - before}");
                used[port] = clock.GetUtcNow();
                clock.Advance(TimeSpan.FromSeconds(1.0 / perSecond));
            }
        }
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.66.0.1")]
    [InlineData("192.0.2.1")]   // of nobody: RFC 5737
    public void For_LoopbackOrAnotherMachine_LeavesItToTheSystem(string address) => Assert.Null(SourcePorts.For(IPAddress.Parse(address), TimeProvider.System));

    [Fact]
    public void For_AnAddressOfThisMachine_StaysWithinTheSystemsRange()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the range is read from /proc");
        var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(nic => nic.GetIPProperties().UnicastAddresses).Select(each => each.Address).FirstOrDefault(each => !IPAddress.IsLoopback(each));
        Assert.SkipWhen(own is null, "this machine has no address but loopback");
        Assert.InRange(SourcePorts.For(own, TimeProvider.System)!.Next(), 1_024, 65_535);
    }

    [Fact]
    public async Task Open_LeavesFromThePortsInTurn_AndPassesOverOneThatIsTaken()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems call a port that is in use by other names");
        var callers = new ConcurrentQueue<int>();
        await using var server = new LoopbackListener(async socket =>
        {
            callers.Enqueue(((IPEndPoint)socket.RemoteEndPoint!).Port);
            _ = await socket.ReceiveAsync(new byte[1]);
        });
        var free = ThreeFreePorts();
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Any, free + 1));
        taken.Listen();
        var target = (await HttpTarget.ResolveAsync(new Uri($"http://{server.Endpoint}/"), TimeProvider.System, TestContext.Current.CancellationToken)) with { Ports = new SourcePorts(free, free + 2, new FakeTimeProvider(DateTimeOffset.UnixEpoch)) };

        // The third finds the first one's port in use towards the same address, and lets the system choose.
        HttpConnection[] connections = [new(target), new(target), new(target)];
        foreach (var connection in connections)
        {
            await connection.OpenAsync();
        }

        await Eventually.TrueAsync(() => callers.Count == 3, "all three are through");
        Assert.Equal([free, free + 2], callers.Take(2));
        Assert.NotInRange(callers.Last(), free, free + 2);
        Array.ForEach(connections, connection => connection.Dispose());
    }

    private static int ThreeFreePorts()
    {
        for (var first = 20_000; ; first += 3)
        {
            try
            {
                for (var port = first; port < first + 3; port++)
                {
                    using var probe = new TcpListener(IPAddress.Any, port);
                    probe.Start();
                }

                return first;
            }
            catch (SocketException)
            {
                // One of them is somebody's.
            }
        }
    }
}
