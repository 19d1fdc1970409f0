using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ScalingAgent.Publishing;

/// <summary>Body of the status patch. Pure: what is there already comes in, what is to be there goes out.</summary>
internal static class StatusProjection
{
    public static JsonObject Body(PredictiveAutoscaler current, ScalerStatus status, DateTimeOffset now)
    {
        var body = new JsonObject { ["observedGeneration"] = current.Metadata.Generation, ["conditions"] = Conditions(current, status, now) };
        if (status.Figures is { } figures)
        {
            Add(body, figures);
        }
        return new() { ["status"] = body };
    }

    private static void Add(JsonObject body, ScalerFigures figures)
    {
        body["target"] = figures.Target;
        body["floor"] = figures.Floor;
        body["reason"] = figures.Reason;
        body["decision"] = figures.Decision;
        body["decidedAt"] = Time(figures.DecidedAt);
        body["demand"] = Number(figures.Demand);
        body["forecast"] = new JsonObject
        {
            ["stage"] = figures.Stage,
            ["p50"] = Number(figures.P50),
            ["p99"] = Number(figures.P99),
            ["champion"] = figures.Champion,
            ["championShare"] = Number(figures.ChampionShare),
            ["skillAgainstNaive"] = Number(figures.Skill),
            ["coverage99"] = Number(figures.Coverage99),
        };
        body["capacity"] = new JsonObject { ["perReplica"] = Number(figures.Capacity), ["basis"] = figures.CapacityBasis };
        body["leadSeconds"] = Number(figures.Lead.TotalSeconds);
        body["cost"] = new JsonObject
        {
            ["perHour"] = Number(figures.CostPerHour),
            ["monthToDate"] = Number(figures.MonthToDate),
            ["monthProjected"] = Number(figures.MonthProjected ?? double.NaN),
            ["perMillionGood"] = Number(figures.PerMillionGood ?? double.NaN),
        };
    }

    private static JsonArray Conditions(PredictiveAutoscaler current, ScalerStatus status, DateTimeOffset now) =>
        [.. status.Conditions.Select(condition => Condition(current, condition, now))];

    private static JsonObject Condition(PredictiveAutoscaler current, ScalerCondition condition, DateTimeOffset now)
    {
        var value = condition.IsTrue ? "True" : "False";
        V1Condition? known = current.Status?.Conditions?.FirstOrDefault(known => known.Type == condition.Type);
        var since = known?.Status == value ? new DateTimeOffset(DateTime.SpecifyKind(known.LastTransitionTime, DateTimeKind.Utc)) : now;
        return new()
        {
            ["type"] = condition.Type,
            ["status"] = value,
            ["reason"] = condition.Reason,
            ["message"] = condition.Message,
            ["observedGeneration"] = current.Metadata.Generation,
            ["lastTransitionTime"] = since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        };
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Four significant digits: a status is for people, and every digit more is a write more.</summary>
    private static JsonNode? Number(double value)
    {
        if (!double.IsFinite(value))
        {
            return null;
        }
        return double.Parse(value.ToString("G4", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }
}
