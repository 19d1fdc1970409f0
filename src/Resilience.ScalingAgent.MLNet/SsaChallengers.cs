using System.Runtime.InteropServices;
using Resilience.Control.Forecasting;

namespace Resilience.ScalingAgent.MLNet;

/// <summary>Where the native part of Microsoft.ML.TimeSeries does not run there is no such challenger, and a sentence says why.</summary>
internal static class SsaChallengers
{
    /// <summary>One challenger for a series; none where there is no native code for this process.</summary>
    public static IReadOnlyList<IForecaster> For(IReadOnlyList<int> horizons) =>
        WhyNotOn(RuntimeInformation.ProcessArchitecture) is null ? [new SsaForecaster(horizons[^1])] : [];

    /// <returns>Null where it runs.</returns>
    public static string? WhyNotOn(Architecture architecture) => architecture is Architecture.X64 or Architecture.X86 ? null
        : $"ML.NET's singular spectrum analysis has no native code for {architecture}; the built-in pool forecasts alone.";
}
