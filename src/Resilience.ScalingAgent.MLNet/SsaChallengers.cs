using System.Runtime.InteropServices;
using Resilience.Control.Forecasting;

namespace Resilience.ScalingAgent.MLNet;

/// <summary>Where the native part of Microsoft.ML.TimeSeries does not run, there is no such challenger, and a sentence says why.</summary>
internal static class SsaChallengers
{
    /// <param name="horizon">Most steps ahead that will be asked for.</param>
    /// <param name="architecture">Of this process.</param>
    /// <returns>Null with the reason where the library has no native code.</returns>
    public static (SsaForecaster? Challenger, string? WhyNot) Create(int horizon, Architecture architecture) =>
        architecture is Architecture.X64 or Architecture.X86
            ? (new SsaForecaster(horizon), null)
            : (null, $"ML.NET's singular spectrum analysis has no native code for {architecture}; the built-in pool forecasts alone.");

    /// <summary>For every series the agent forecasts.</summary>
    public static IReadOnlyList<IForecaster> For(IReadOnlyList<int> horizons) =>
        Create(horizons[^1], RuntimeInformation.ProcessArchitecture).Challenger is { } challenger ? [challenger] : [];
}
