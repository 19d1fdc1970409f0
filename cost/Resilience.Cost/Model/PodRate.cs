using Resilience.Cost.Prices;

namespace Resilience.Cost.Model;

/// <summary>The price of one pod for one hour, and what follows from it. Pure: no clock, no IO.</summary>
public sealed class PodRate
{
    /// <param name="prices">Unit prices.</param>
    /// <param name="shape">Requests of one pod; both parts above zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">A part of <paramref name="shape"/> is zero or negative.</exception>
    public PodRate(PriceSet prices, PodShape shape)
    {
        ArgumentNullException.ThrowIfNull(prices);
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shape.CpuCores, nameof(shape));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shape.MemoryGib, nameof(shape));
        Prices = prices;
        Shape = shape;
        CpuUsdPerPodHour = shape.CpuCores * prices.CpuCoreHour;
        MemoryUsdPerPodHour = shape.MemoryGib * (prices.MemoryGibHour ?? 0m);
    }

    /// <summary>The shipped default prices for a 100m pod: 0.012 USD per pod-hour.</summary>
    public static PodRate Default { get; } = new(PriceBook.Default.Get(), PodShape.Default);

    public PriceSet Prices { get; }

    public PodShape Shape { get; }

    public decimal CpuUsdPerPodHour { get; }

    /// <summary>Zero under a blended price.</summary>
    public decimal MemoryUsdPerPodHour { get; }

    public decimal UsdPerPodHour => CpuUsdPerPodHour + MemoryUsdPerPodHour;

    /// <summary>USD per hour of a plan that runs <paramref name="replicas"/> pods.</summary>
    public decimal UsdPerHour(int replicas)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(replicas);
        return replicas * UsdPerPodHour;
    }

    /// <summary>Prices what was measured: pods times the seconds each existed, and the requests answered well meanwhile.</summary>
    /// <param name="replicaSeconds">Sum over all pods of their seconds of existence.</param>
    /// <param name="goodRequests">Requests that met the SLO.</param>
    public MeasuredCost Measure(decimal replicaSeconds, long goodRequests)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(replicaSeconds);
        ArgumentOutOfRangeException.ThrowIfNegative(goodRequests);
        var usd = replicaSeconds * UsdPerPodHour / 3600m;
        return new MeasuredCost(usd, CostModel.UsdPerMillion(usd, goodRequests));
    }

    /// <inheritdoc cref="Measure(decimal, long)"/>
    public MeasuredCost Measure(TimeSpan replicaTime, long goodRequests) => Measure((decimal)replicaTime.Ticks / TimeSpan.TicksPerSecond, goodRequests);
}

/// <param name="UsdPerMillionGoodRequests">Null when no request was answered well: the money bought nothing.</param>
public sealed record MeasuredCost(decimal Usd, decimal? UsdPerMillionGoodRequests);
