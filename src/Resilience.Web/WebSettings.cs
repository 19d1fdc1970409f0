using System.Globalization;
using System.Reflection;
using Resilience.ServiceDefaults;

namespace Resilience.Web;

/// <summary>What the pod's environment says about this instance, read and checked once at start.</summary>
/// <param name="Slot"><c>SLOT</c>: blue, green, or <c>none</c> when started by hand.</param>
/// <param name="Pod"><c>POD_NAME</c>.</param>
/// <param name="Version"><c>APP_VERSION</c>, else the version of the build.</param>
/// <param name="CapacityRps"><c>CAPACITY_RPS</c>: requests per second that one replica can do; 0, the default, is no limit.</param>
/// <param name="ServiceTime"><c>SERVICE_TIME_MS</c>: time that each request takes besides waiting; default 0.</param>
/// <param name="QueueLimit"><c>QUEUE_LIMIT</c>: requests that may wait; default half a second's worth of the capacity.</param>
/// <param name="FaultsToken"><c>FAULTS_TOKEN</c>; null switches fault injection at run time off.</param>
/// <param name="Seed"><c>FAULT_SEED</c> for jitter and random errors; default derived from the pod's name, so that pods differ and runs replay.</param>
internal sealed record WebSettings(
    string Slot, string Pod, string Version, double CapacityRps, TimeSpan ServiceTime, int QueueLimit, string? FaultsToken, int Seed)
{
    public static WebSettings Read(IConfiguration configuration, PodIdentity pod)
    {
        var capacity = EnvironmentNumber.Read(configuration, "CAPACITY_RPS", 0, 0, 100_000);
        return new(
            pod.Slot is null or "blue" or "green" ? pod.Slot ?? "none"
                : throw new EnvironmentException($"SLOT must be blue or green, not '{pod.Slot}'."),
            pod.Name,
            configuration["APP_VERSION"] is { Length: > 0 } version ? version : BuildVersion(),
            capacity,
            TimeSpan.FromMilliseconds(EnvironmentNumber.Read(configuration, "SERVICE_TIME_MS", 0, 0, 60_000)),
            (int)EnvironmentNumber.Read(configuration, "QUEUE_LIMIT", Math.Ceiling(capacity / 2), 0, 100_000),
            configuration["FAULTS_TOKEN"] is { Length: > 0 } token ? token : null,
            (int)EnvironmentNumber.Read(configuration, "FAULT_SEED", StableHash(pod.Name), 0, int.MaxValue));
    }

    private static string BuildVersion()
    {
        var full = typeof(WebSettings).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        return full.Split('+')[0];
    }

    // string.GetHashCode differs from process to process. This is FNV-1a.
    private static int StableHash(string text) => (int)(text.Aggregate(2166136261u, static (hash, c) => (hash ^ c) * 16777619u) >> 1);
}

/// <summary>Numbers from environment variables, with bounds and a message for the person who set them.</summary>
internal static class EnvironmentNumber
{
    public static double Read(IConfiguration configuration, string name, double fallback, double min, double max)
    {
        if (configuration[name] is not { Length: > 0 } text)
        {
            return fallback;
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw new EnvironmentException(string.Create(CultureInfo.InvariantCulture, $"{name} must be a number from {min} to {max}, not '{text}'."));
    }
}
