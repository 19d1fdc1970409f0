namespace Resilience.Cost.Prices;

/// <summary>Dated, sourced unit prices in USD; every price is greater than zero.</summary>
/// <param name="Name">Key in the price file; part of the FOCUS SkuPriceId, so it stays the same when amounts change.</param>
/// <param name="Source">Where a reader finds the same figure.</param>
/// <param name="AsOf">Day on which the source was read.</param>
/// <param name="MemoryGibHour">Null for a blended price, where the vCPU-hour carries the memory.</param>
public sealed record PriceSet(
    string Name, string Title, string Provider, string Source, DateOnly AsOf, decimal CpuCoreHour, decimal? MemoryGibHour);
