using System.Globalization;
using System.Net;
using Microsoft.Extensions.Configuration;

namespace Resilience.ServiceDefaults;

/// <summary>Who and where this process is, from the environment that the manifests fill by the downward API.</summary>
/// <param name="Ip">Address to bind, <c>POD_IP</c>; loopback when absent, so that a bare start exposes nothing.</param>
/// <param name="Name"><c>POD_NAME</c>, else the machine name.</param>
/// <param name="Namespace"><c>POD_NAMESPACE</c>, else <c>default</c>.</param>
/// <param name="Slot"><c>SLOT</c> (blue or green), null for processes that belong to no slot.</param>
/// <param name="Port"><c>PORT</c>, default 8080; 0 lets the system choose.</param>
/// <param name="ManagementPort"><c>MANAGEMENT_PORT</c>, default 9090; 0 lets the system choose.</param>
/// <param name="Drain"><c>DRAIN_SECONDS</c>, default 2: how long a stopping process keeps serving while traffic moves away.</param>
public sealed record PodIdentity(IPAddress Ip, string Name, string Namespace, string? Slot, int Port, int ManagementPort, TimeSpan Drain)
{
    private const double MaxDrainSeconds = 600;

    /// <summary>Reads the identity once, at start.</summary>
    /// <exception cref="EnvironmentException">A variable is present but not usable; the message names it and the accepted values.</exception>
    public static PodIdentity Read(IConfiguration configuration) => new(
        Address(configuration["POD_IP"]),
        NullIfEmpty(configuration["POD_NAME"]) ?? Environment.MachineName,
        NullIfEmpty(configuration["POD_NAMESPACE"]) ?? "default",
        NullIfEmpty(configuration["SLOT"]),
        PortNumber(configuration, "PORT", 8080),
        PortNumber(configuration, "MANAGEMENT_PORT", 9090),
        DrainTime(configuration["DRAIN_SECONDS"]));

    private static IPAddress Address(string? text) => NullIfEmpty(text) is not { } value ? IPAddress.Loopback
        : IPAddress.TryParse(value, out var address) ? address
        : throw new EnvironmentException($"POD_IP must be an IP address, not '{value}'.");

    private static int PortNumber(IConfiguration configuration, string name, int fallback) => NullIfEmpty(configuration[name]) is not { } value ? fallback
        : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= IPEndPoint.MaxPort ? port
        : throw new EnvironmentException($"{name} must be a whole number from 0 to {IPEndPoint.MaxPort}, not '{value}'.");

    private static TimeSpan DrainTime(string? text) => NullIfEmpty(text) is not { } value ? TimeSpan.FromSeconds(2)
        : double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds <= MaxDrainSeconds
            ? TimeSpan.FromSeconds(seconds)
        : throw new EnvironmentException($"DRAIN_SECONDS must be a number from 0 to {MaxDrainSeconds}, not '{value}'.");

    private static string? NullIfEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
