using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.ServiceDefaults;

namespace Resilience.Web.Faults;

/// <summary>Everything that can be wrong with this pod on purpose; the body of <c>PUT /faults</c>. All zero or false means healthy.</summary>
/// <param name="LatencyMs">Delay of <c>/</c> and <c>/work</c>, never of the probes: a slow slot is still Ready. 0 to 60,000.</param>
/// <param name="JitterMs">The delay varies evenly by this much either way. 0 to 60,000.</param>
/// <param name="ErrorRatio">Share of user requests answered with 500. 0 to 1.</param>
/// <param name="Hang">Connections are accepted and never answered, probes included, until healed.</param>
/// <param name="NotReady">Readiness fails; users are still served.</param>
/// <param name="Crash">The process ends at once with exit code 1.</param>
/// <param name="CpuBurn">Share of one core burnt for nothing. 0 to 1.</param>
/// <param name="MemoryMbPerSecond">Memory held more each second, up to 1,024 MB. 0 to 256.</param>
/// <param name="ForSeconds">Heals by itself after this long; null stays until healed. Up to 3,600.</param>
internal sealed record FaultSet(
    int LatencyMs = 0, int JitterMs = 0, double ErrorRatio = 0, bool Hang = false, bool NotReady = false, bool Crash = false,
    double CpuBurn = 0, int MemoryMbPerSecond = 0, double? ForSeconds = null)
{
    public static readonly FaultSet None = new();

    /// <summary>Faults to start with, for a slot that is broken from the beginning.</summary>
    /// <exception cref="EnvironmentException">A variable is present but not usable.</exception>
    public static FaultSet FromEnvironment(IConfiguration configuration) => new(
        LatencyMs: (int)SwitchOrNumber(configuration, "SLOW_REQUESTS", whenTrue: 400, max: FaultRanges.MaxDelayMs),
        JitterMs: (int)SwitchOrNumber(configuration, "SLOW_REQUESTS_JITTER", whenTrue: 50, max: FaultRanges.MaxDelayMs),
        ErrorRatio: SwitchOrNumber(configuration, "REQUEST_ERRORS", whenTrue: 0.1, max: FaultRanges.MaxErrorRatio),
        Hang: SwitchOrNumber(configuration, "POD_HANG", whenTrue: 1, max: 1) > 0,
        NotReady: SwitchOrNumber(configuration, "POD_NOT_READY", whenTrue: 1, max: 1) > 0,
        Crash: SwitchOrNumber(configuration, "POD_CRASH", whenTrue: 1, max: 1) > 0,
        CpuBurn: SwitchOrNumber(configuration, "CPU_BURN", whenTrue: 0.5, max: FaultRanges.MaxCpuBurn),
        MemoryMbPerSecond: (int)SwitchOrNumber(configuration, "MEMORY_GROWTH_MB", whenTrue: 5, max: FaultRanges.MaxMemoryMbPerSecond));

    /// <summary>Field name → what is wrong with it; empty when the set can be applied.</summary>
    public Dictionary<string, string[]> Problems()
    {
        var problems = new Dictionary<string, string[]>();
        Check("latencyMs", LatencyMs, 0, FaultRanges.MaxDelayMs);
        Check("jitterMs", JitterMs, 0, FaultRanges.MaxDelayMs);
        Check("errorRatio", ErrorRatio, 0, FaultRanges.MaxErrorRatio);
        Check("cpuBurn", CpuBurn, 0, FaultRanges.MaxCpuBurn);
        Check("memoryMbPerSecond", MemoryMbPerSecond, 0, FaultRanges.MaxMemoryMbPerSecond);
        Check("forSeconds", ForSeconds ?? 1, 0.001, 3_600);
        return problems;

        void Check(string name, double value, double min, double max)
        {
            if (!(value >= min && value <= max))
            {
                problems[name] = [FormattableString.Invariant($"must be from {min} to {max}")];
            }
        }
    }

    /// <summary>Names of the active kinds: low-cardinality tags for metrics.</summary>
    public IEnumerable<string> Kinds()
    {
        if (LatencyMs > 0 || JitterMs > 0) { yield return "latency"; }
        if (ErrorRatio > 0) { yield return "errors"; }
        if (Hang) { yield return "hang"; }
        if (NotReady) { yield return "not-ready"; }
        if (Crash) { yield return "crash"; }
        if (CpuBurn > 0) { yield return "cpu"; }
        if (MemoryMbPerSecond > 0) { yield return "memory"; }
    }

    /// <summary>The active kinds and how long they last, in words for the log.</summary>
    public string Describe() => !Kinds().Any() ? "none"
        : string.Join('+', Kinds()) + (ForSeconds is { } seconds ? string.Create(CultureInfo.InvariantCulture, $" for {seconds} s") : " until healed");

    private static double SwitchOrNumber(IConfiguration configuration, string name, double whenTrue, double max) =>
        configuration[name]?.Trim().ToLowerInvariant() switch
        {
            "true" or "yes" or "on" => whenTrue,
            "false" or "no" or "off" => 0,
            _ => EnvironmentNumber.Read(configuration, name, 0, 0, max),
        };
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(FaultSet))]
internal sealed partial class FaultJson : JsonSerializerContext;
