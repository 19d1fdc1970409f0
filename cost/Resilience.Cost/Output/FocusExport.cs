using System.Globalization;
using System.Text;
using System.Text.Json;
using Resilience.Cost.Model;
using Resilience.Cost.Prices;

namespace Resilience.Cost.Output;

/// <summary>
/// A month in the columns of FOCUS 1.2: one row per strategy, role and resource. A SubAccount is a strategy, so rows
/// grouped by SubAccountId sum to that strategy's month; the sum over all SubAccounts means nothing.
/// </summary>
/// <remarks>Source: FinOps Open Cost and Usage Specification, tag v1.2; every mandatory column is there.</remarks>
public static class FocusExport
{
    private const string BillingAccount = "distributed-resilience";

    private static readonly (string Name, Func<Charge, string?> Value)[] Columns =
    [
        ("BilledCost", charge => charge.Cost),
        ("BillingAccountId", _ => BillingAccount),
        ("BillingAccountName", _ => "Distributed resilience"),
        ("BillingCurrency", _ => "USD"),
        ("BillingPeriodEnd", charge => charge.Period.End),
        ("BillingPeriodStart", charge => charge.Period.Start),
        ("ChargeCategory", _ => "Usage"),
        ("ChargeClass", _ => null),
        ("ChargeDescription", charge => $"{charge.Sku.Meter} of {charge.Strategy.Name}, {charge.Line.Role} pods: {charge.Strategy.RunsWhat}"),
        ("ChargeFrequency", _ => "Usage-Based"),
        ("ChargePeriodEnd", charge => charge.Period.End),
        ("ChargePeriodStart", charge => charge.Period.Start),
        ("ConsumedQuantity", charge => charge.Quantity),
        ("ConsumedUnit", charge => charge.Sku.Unit),
        ("ContractedCost", charge => charge.Cost),
        ("ContractedUnitPrice", charge => Figures.Exact(charge.Sku.Price)),
        ("EffectiveCost", charge => charge.Cost),
        ("InvoiceIssuerName", charge => charge.Prices.Provider),
        ("ListCost", charge => charge.Cost),
        ("ListUnitPrice", charge => Figures.Exact(charge.Sku.Price)),
        ("PricingCategory", _ => "Standard"),
        ("PricingQuantity", charge => charge.Quantity),
        ("PricingUnit", charge => charge.Sku.Unit),
        ("ProviderName", charge => charge.Prices.Provider),
        ("PublisherName", charge => charge.Prices.Provider),
        ("ResourceId", charge => $"{BillingAccount}/{charge.Strategy.Name}/{charge.Line.Role}"),
        ("ResourceName", charge => $"web {charge.Line.Role}"),
        ("ResourceType", _ => "Pod"),
        ("ServiceCategory", _ => "Compute"),
        ("ServiceName", _ => "Kubernetes pods"),
        ("ServiceSubcategory", _ => "Containers"),
        ("SkuId", charge => $"pod-{charge.Sku.Key}"),
        ("SkuMeter", charge => charge.Sku.Meter),
        ("SkuPriceDetails", charge => Json(("x_Kind", charge.Prices.MemoryGibHour is null ? "blended" : "separate"))),
        ("SkuPriceId", charge => $"{charge.Prices.Name}-{charge.Sku.Key}-hour"),
        ("SubAccountId", charge => charge.Strategy.Name),
        ("SubAccountName", charge => charge.Strategy.Name),
        ("Tags", charge => Json(("role", charge.Line.Role), ("strategy", charge.Strategy.Name))),
        ("x_PodHours", charge => Figures.Exact(charge.Line.PodHours)),
        ("x_PriceAsOf", charge => charge.Prices.AsOf.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        ("x_PriceSource", charge => charge.Prices.Source),
    ];

    /// <param name="start">First day, in UTC, of the billing period, which is <see cref="CostModel.MonthHours"/> long.</param>
    public static string Write(CostReport report, DateOnly start)
    {
        ArgumentNullException.ThrowIfNull(report);
        var from = new DateTimeOffset(start.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        var period = new Period(Instant(from), Instant(from.AddHours((double)CostModel.MonthHours)));
        var text = new StringBuilder();
        CsvText.AppendLine(text, Columns.Select(column => column.Name));
        var lines = report.Strategies.SelectMany(strategy => strategy.Lines.Select(line => (Strategy: strategy, Line: line)));
        foreach (var charge in lines.SelectMany(item => Charges(report.Rate, item.Strategy, item.Line, period)))
        {
            CsvText.AppendLine(text, Columns.Select(column => column.Value(charge)));
        }

        return text.ToString();
    }

    private static IEnumerable<Charge> Charges(PodRate rate, StrategyCost strategy, CostLine line, Period period)
    {
        var (prices, shape) = (rate.Prices, rate.Shape);
        yield return new Charge(
            strategy, line, prices, period, new Sku("CPU", "Core-Hours", "cpu-core", prices.CpuCoreHour),
            Figures.Exact(line.PodHours * shape.CpuCores), Figures.Exact(line.CpuUsd));
        if (prices.MemoryGibHour is { } memoryPrice)
        {
            yield return new Charge(
                strategy, line, prices, period, new Sku("Memory", "GiB-Hours", "memory-gib", memoryPrice),
                Figures.Exact(line.PodHours * shape.MemoryGib), Figures.Exact(line.MemoryUsd));
        }
    }

    private static string Json(params (string Key, string Value)[] pairs) =>
        JsonSerializer.Serialize(pairs.ToDictionary(pair => pair.Key, pair => pair.Value));

    private static string Instant(DateTimeOffset at) => at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private sealed record Period(string Start, string End);

    private sealed record Sku(string Meter, string Unit, string Key, decimal Price);

    private sealed record Charge(StrategyCost Strategy, CostLine Line, PriceSet Prices, Period Period, Sku Sku, string Quantity, string Cost);
}
