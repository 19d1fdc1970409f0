using Resilience.Cost.Input;
using Resilience.Cost.Model;
using Resilience.Cost.Prices;

namespace Resilience.Cost.Tests;

/// <summary>The inputs of the hand calculations.</summary>
internal static class Examples
{
    public static readonly Scenario Scenario = new(
        Replicas: 10,
        OffPeakReplicas: 4,
        Peak: new WeeklyHours(8, 7),
        On: new WeeklyHours(12, 5),
        OffHoursRequestPercent: 10,
        StandbyPercent: 25,
        RequestsPerMonth: 100_000_000,
        FailoverOverlap: TimeSpan.FromMinutes(6),
        FailoversPerMonth: 4,
        ForecastErrorPercent: 15,
        ForecastErrorTime: TimeSpan.FromMinutes(30),
        RequestsPerReplicaSecond: 50);

    public static PodRate Teaching => PodRate.Default;

    public static PodRate OpenCost { get; } = new(PriceBook.Default.Get("opencost"), new PodShape(0.25m, 0.25m));

    public static string Golden(string file) => Path.Combine(AppContext.BaseDirectory, "Golden", file);

    /// <summary>Four minutes at 60 requests a minute per pod, the second of them one pod short.</summary>
    public static ReplicaTimeline Decisions()
    {
        using var reader = new StreamReader(Golden("decisions.csv"));
        return ReplicaTimelineCsv.Read(reader, "decisions.csv");
    }

    public static PodRate RateOf(decimal cpuCoreHour, decimal? memoryGibHour, PodShape shape) =>
        new(new PriceSet("mine", "Mine", "Mine", "A test", new DateOnly(2026, 11, 22), cpuCoreHour, memoryGibHour), shape);
}
