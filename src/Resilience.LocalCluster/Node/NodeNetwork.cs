using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Resilience.LocalCluster.Node;

/// <summary>
/// One claimed 127.x.y.0/24: the node is .1, pods are .10 to .199. The claim is a bound socket, so it ends with the process
/// however that ends, and several clusters run side by side.
/// </summary>
internal sealed class NodeNetwork : IDisposable
{
    private const int FirstSecondOctet = 10;
    private const int SecondOctets = 240;
    private const int ClaimPort = 20_009;
    private const int FirstPod = 10;
    private const int LastPod = 199;

    private readonly Lock _gate = new();
    private readonly Queue<string> _free = new();
    private readonly Socket? _claim;

    private NodeNetwork(IPAddress node, IEnumerable<string> pods, Socket? claim)
    {
        NodeAddress = node;
        _claim = claim;
        foreach (var pod in pods)
        {
            _free.Enqueue(pod);
        }
    }

    public IPAddress NodeAddress { get; }

    /// <summary>Takes the first free network, starting at a place that <paramref name="seed"/> determines.</summary>
    /// <exception cref="IOException">None is free, or this system has no loopback addresses but 127.0.0.1.</exception>
    public static NodeNetwork Claim(int seed)
    {
        var start = (int)((uint)seed % (SecondOctets * 256));
        for (var attempt = 0; attempt < SecondOctets * 256; attempt++)
        {
            var index = (start + attempt) % (SecondOctets * 256);
            var (second, third) = (FirstSecondOctet + (index / 256), index % 256);
            if (TryClaim($"127.{second}.{third}") is { } network)
            {
                return network;
            }
        }

        throw new IOException("no free 127.x.y.0/24 network was found (on macOS and Windows only 127.0.0.1 exists)");
    }

    /// <summary>
    /// Where the search begins for the cluster of a folder. The same in every process: what was told an address of a cluster, such as a load
    /// generator, must find the restarted one there. <see cref="string.GetHashCode()"/> is another number in each process.
    /// </summary>
    public static int Seed(string folder) => BinaryPrimitives.ReadInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(folder)));

    /// <summary>Takes the network of a given node address, 127.x.y.1.</summary>
    /// <exception cref="IOException">It is not of that form, or another cluster has it.</exception>
    public static NodeNetwork ClaimAt(string nodeAddress)
    {
        if (!IPAddress.TryParse(nodeAddress, out var address) || address.GetAddressBytes() is not [127, var second, var third, 1])
        {
            throw new IOException($"node address '{nodeAddress}' must be 127.x.y.1 or auto");
        }

        return TryClaim($"127.{second}.{third}") ?? throw new IOException($"node address {nodeAddress} is in use by another cluster");
    }

    /// <summary>Addresses that nothing listens on, for runtimes without processes.</summary>
    public static NodeNetwork Imaginary(int pods = 60_000) =>
        new(IPAddress.Loopback, Enumerable.Range(256, pods).Select(n => $"10.{202 + (n >> 16)}.{(n >> 8) & 255}.{n & 255}"), null);

    /// <summary>The address that has been free the longest; null when all are taken.</summary>
    public string? Allocate()
    {
        lock (_gate)
        {
            return _free.TryDequeue(out var address) ? address : null;
        }
    }

    public void Release(string address)
    {
        lock (_gate)
        {
            _free.Enqueue(address);
        }
    }

    public void Dispose() => _claim?.Dispose();

    private static NodeNetwork? TryClaim(string prefix)
    {
        var node = IPAddress.Parse(prefix + ".1");
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ExclusiveAddressUse = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(prefix + ".254"), ClaimPort));
            socket.Listen(1);   // two sockets may be bound to one address, but only one may listen
            var pods = Enumerable.Range(FirstPod, LastPod - FirstPod + 1).Select(last => $"{prefix}.{last}");
            return new NodeNetwork(node, pods, socket);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }
}
