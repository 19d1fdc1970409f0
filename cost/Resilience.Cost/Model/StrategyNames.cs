namespace Resilience.Cost.Model;

/// <summary>Strategy names; scripts and reports rely on them.</summary>
public static class StrategyNames
{
    public const string AlwaysOnOne = "always-on-one";
    public const string AlwaysOnBoth = "always-on-both";
    public const string PeakScaling = "peak-scaling";
    public const string ScaleToZero = "scale-to-zero";
    public const string WarmStandby = "warm-standby";
    public const string PredictiveFloor = "predictive-floor";
    public const string PredictiveStandby = "predictive-standby";

    /// <summary>Priced from the scenario alone.</summary>
    public static IReadOnlyList<string> FromScenario { get; } = [AlwaysOnBoth, AlwaysOnOne, WarmStandby, PeakScaling, ScaleToZero];

    /// <summary>Priced from a replay or a replica timeline.</summary>
    public static IReadOnlyList<string> FromTimeline { get; } = [PredictiveFloor, PredictiveStandby];

    public static IReadOnlyList<string> All { get; } = [.. FromScenario, .. FromTimeline];
}
