namespace Resilience.Web.Faults;

/// <summary>Largest values of the faults of a web pod. The lab compiles this file too, so that it refuses what a pod would refuse.</summary>
internal static class FaultRanges
{
    /// <summary>Largest added latency and jitter, in milliseconds.</summary>
    public const int MaxDelayMs = 60_000;

    /// <summary>All answers are errors.</summary>
    public const double MaxErrorRatio = 1;

    /// <summary>Share of one core that is burnt: a pod burns with one thread.</summary>
    public const double MaxCpuBurn = 1;

    /// <summary>Fastest growth of memory, in MiB per second.</summary>
    public const int MaxMemoryMbPerSecond = 256;
}
