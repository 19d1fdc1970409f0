namespace Resilience.Cost.Model;

/// <summary>A month of one strategy.</summary>
/// <param name="RunsWhat">In words: what is up when.</param>
/// <param name="GoodRequests">Requests answered well in the month.</param>
public sealed record StrategyCost(string Name, string RunsWhat, IReadOnlyList<CostLine> Lines, decimal GoodRequests)
{
    public decimal PodHours => Lines.Sum(line => line.PodHours);

    public decimal Usd => Lines.Sum(line => line.Usd);

    /// <summary>Null when no request was answered well.</summary>
    public decimal? UsdPerMillionGoodRequests => CostModel.UsdPerMillion(Usd, GoodRequests);
}

/// <summary>Pods of one role: the unit of which every total is a plain sum.</summary>
/// <param name="Pods">How many; an average when the number came from a timeline.</param>
/// <param name="Hours">For how many hours of the month.</param>
/// <param name="PodHours">What is billed: pods times hours, rounded once to 1e-9.</param>
public sealed record CostLine(string Role, decimal Pods, decimal Hours, decimal PodHours, decimal CpuUsd, decimal MemoryUsd)
{
    public decimal Usd => CpuUsd + MemoryUsd;

    internal static CostLine Of(PodRate rate, string role, decimal pods, decimal hours, decimal? podHours = null)
    {
        var billed = CostModel.RoundQuantity(podHours ?? (pods * hours));
        return new CostLine(role, pods, CostModel.RoundQuantity(hours), billed, billed * rate.CpuUsdPerPodHour, billed * rate.MemoryUsdPerPodHour);
    }
}

/// <param name="Percent">Of the baseline; negative when the strategy costs more.</param>
public sealed record Savings(decimal Usd, decimal Percent);
