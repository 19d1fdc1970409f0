using Resilience.Lab.Reporting;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.Lab.Running;

/// <summary>A decision of the scaling agent on the wall clock.</summary>
/// <param name="At">End of the newest interval it knew.</param>
/// <param name="TargetFrom">Begin of the interval that its forecast speaks of: the last one of the lead.</param>
internal sealed record AgentDecision(
    long? Number, DateTimeOffset At, DateTimeOffset PlanningTime, double? Demand, int? Floor, string? Reason, string? Stage,
    double? P50, double? P99, DateTimeOffset TargetFrom, DateTimeOffset TargetUntil)
{
    public double? Risk { get; init; }

    public string? GivenUp { get; init; }

    public int PodsWithoutRoom { get; init; }

    /// <summary>A ledger entry, with its times taken to the wall clock.</summary>
    /// <exception cref="System.Text.Json.JsonException">The entry is not a decision.</exception>
    public static AgentDecision From(EntryView entry, PlanningTime planning)
    {
        var body = DecisionRecord.From(entry.Body);
        var interval = TimeSpan.FromSeconds(body.IntervalSeconds);
        // A lead between two grid points is planned for up to the next one.
        var ends = body.At + (interval * Math.Ceiling((body.Lead.Seconds / body.IntervalSeconds) - 1e-9));
        return new AgentDecision(
            entry.Number, planning.WallAt(body.At), body.At, body.Demand, body.Floor, body.Reason, body.Forecast.Stage,
            body.Forecast.P50, body.Forecast.P99, planning.WallAt(ends - interval), planning.WallAt(ends))
        {
            Risk = body.Risk,
            GivenUp = body.GivenUp,
            PodsWithoutRoom = body.PodsWithoutRoom,
        };
    }
}

/// <summary>Holds forecasts against the requests that came. What came is what the load generator sent, not what the agent measured.</summary>
internal static class ForecastScore
{
    public static IReadOnlyList<DecisionReport> Held(IReadOnlyList<AgentDecision> decisions, DateTimeOffset loadStart, IReadOnlyList<SecondReport> seconds)
    {
        double Since(DateTimeOffset at) => Math.Round((at - loadStart).TotalSeconds, 3);
        return
        [
            .. decisions.Select(decision => new DecisionReport(
                decision.Number, Since(decision.At), decision.PlanningTime, decision.Demand, decision.Floor, decision.Reason, decision.Stage,
                decision.P50, decision.P99, Since(decision.TargetFrom), Since(decision.TargetUntil), Mean(seconds, Since(decision.TargetFrom), Since(decision.TargetUntil)))
            {
                Risk = decision.Risk,
                GivenUp = decision.GivenUp,
                PodsWithoutRoom = decision.PodsWithoutRoom,
            }),
        ];
    }

    /// <summary>Weighted absolute percentage error of the middle forecasts whose interval began at or after a second: sum of errors over sum of demand.</summary>
    public static double? Wape(IReadOnlyList<DecisionReport> decisions, double from)
    {
        var scored = decisions.Where(decision => decision.TargetFromSeconds >= from && decision is { P50: not null, Actual: not null }).ToArray();
        var came = scored.Sum(decision => decision.Actual!.Value);
        return came > 0 ? Math.Round(scored.Sum(decision => Math.Abs(decision.P50!.Value - decision.Actual!.Value)) / came, 4) : null;
    }

    public static double? Coverage99(IReadOnlyList<DecisionReport> decisions, double from)
    {
        var scored = decisions.Where(decision => decision.TargetFromSeconds >= from && decision is { P99: not null, Actual: not null }).ToArray();
        return scored.Length == 0 ? null : Math.Round((double)scored.Count(decision => decision.Actual <= decision.P99) / scored.Length, 4);
    }

    /// <summary>Requests per second between two instants; those of a second that is cut are taken as spread evenly over it. Null when the load did not last as long.</summary>
    private static double? Mean(IReadOnlyList<SecondReport> seconds, double from, double until) =>
        from < 0 || until <= from || seconds.Count == 0 || until > seconds[^1].Second + 1
            ? null
            : Math.Round(seconds.Sum(second => (second.Ok + second.Failed) * Math.Max(0, Math.Min(until, second.Second + 1) - Math.Max(from, second.Second))) / (until - from), 2);
}
