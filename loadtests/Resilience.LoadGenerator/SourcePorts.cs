using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Resilience.LoadGenerator;

/// <summary>
/// The local ports of connections to an address of this very machine, such as a NodePort of the node that the load runs on: each in turn, so
/// that none is used twice within two minutes at up to 200 connections/s. Elsewhere the operating system chooses.
/// </summary>
/// <remarks>
/// A node enters a connection of its own in its connection tracking before its packet filter refuses it. An attempt in a moment without
/// endpoints therefore leaves an entry that leads nowhere, for two minutes (nf_conntrack_tcp_timeout_syn_sent); who leaves from the same port
/// meanwhile is refused although the Service has endpoints again. Users come from elsewhere and leave no such entry, and the kernel, which
/// comes back to a port within seconds, would show failures that they do not have.
/// </remarks>
internal sealed class SourcePorts
{
    private const int PortsPerSecond = 200;

    /// <summary>Ports that others hold are passed over, this many in a row.</summary>
    private const int MaxTries = 16;

    private readonly int _first;
    private readonly int _count;
    private readonly TimeProvider _clock;
    private long _last = long.MinValue;

    /// <param name="first">Lowest port.</param>
    /// <param name="last">Highest port.</param>
    /// <param name="clock">The ports follow it, <see cref="PortsPerSecond"/> of them a second, whether they are used or not: so a slow run and the next
    /// one keep clear of what was used as well.</param>
    public SourcePorts(int first, int last, TimeProvider clock)
    {
        _first = first;
        _count = last - first + 1;
        _clock = clock;
    }

    /// <returns>Null where the operating system may choose: the address is another machine's, or loopback, or this is not Linux.</returns>
    public static SourcePorts? For(IPAddress address, TimeProvider clock)
    {
        try
        {
            if (!OperatingSystem.IsLinux() || IPAddress.IsLoopback(address) || !IsOurs(address))
            {
                return null;
            }

            var range = File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            return new(int.Parse(range[0], CultureInfo.InvariantCulture), int.Parse(range[1], CultureInfo.InvariantCulture), clock);
        }
        catch (Exception hidden) when (hidden is NetworkInformationException or IOException or UnauthorizedAccessException)
        {
            return null;   // A sandbox that shows neither is no node.
        }
    }

    public int Next()
    {
        var now = _clock.GetUtcNow().ToUnixTimeMilliseconds() * PortsPerSecond / 1_000;
        long last, next;
        do
        {
            last = Volatile.Read(ref _last);
            next = Math.Max(last + 1, now);
        }
        while (Interlocked.CompareExchange(ref _last, next, last) != last);
        return _first + (int)(next % _count);
    }

    /// <returns>False when so many ports in a row were taken that the operating system should choose.</returns>
    public bool TryBind(Socket socket)
    {
        var any = socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
        for (var attempt = 0; attempt < MaxTries; attempt++)
        {
            try
            {
                socket.Bind(new IPEndPoint(any, Next()));
                return true;
            }
            catch (SocketException taken) when (taken.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                // The next one, then.
            }
        }

        return false;
    }

    private static bool IsOurs(IPAddress address) => NetworkInterface.GetAllNetworkInterfaces()
        .Any(nic => nic.GetIPProperties().UnicastAddresses.Any(own => own.Address.Equals(address)));
}
