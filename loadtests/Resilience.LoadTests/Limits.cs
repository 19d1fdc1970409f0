using NBomber.Contracts.Stats;

namespace Resilience.LoadTests;

/// <summary>What a scenario must keep: NBomber's thresholds and the exit code follow from the same two rules.</summary>
/// <param name="MaxFailedPercent">Failed requests, in percent of all.</param>
/// <param name="MaxP99Milliseconds">99th percentile of the answered ones.</param>
internal sealed record Limits(double MaxFailedPercent, double MaxP99Milliseconds)
{
    public bool FewFail(ScenarioStats stats) => stats.Fail.Request.Percent <= MaxFailedPercent;

    public bool IsQuick(ScenarioStats stats) => stats.Ok.Latency.Percent99 <= MaxP99Milliseconds;

    public bool AreKept(ScenarioStats stats) => FewFail(stats) && IsQuick(stats);
}
