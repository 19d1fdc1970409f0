using Resilience.Cost.Model;
using Resilience.Cost.Output;

namespace Resilience.Cost.Tests.Output;

public sealed class FocusExportTests
{
    /// <summary>The columns that FOCUS 1.2 calls mandatory, and whether they may be null.</summary>
    private static readonly (string Name, bool MayBeNull)[] Mandatory =
    [
        ("BilledCost", false), ("BillingAccountId", false), ("BillingAccountName", true), ("BillingCurrency", false),
        ("BillingPeriodEnd", false), ("BillingPeriodStart", false), ("ChargeCategory", false), ("ChargeClass", true),
        ("ChargeDescription", true), ("ChargePeriodEnd", false), ("ChargePeriodStart", false), ("ContractedCost", false),
        ("EffectiveCost", false), ("InvoiceIssuerName", false), ("ListCost", false), ("PricingQuantity", true), ("PricingUnit", true),
        ("ProviderName", false), ("PublisherName", false), ("ServiceCategory", false), ("ServiceName", false),
    ];

    private static readonly string[] WhenUnitPricesExist =
        ["ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId"];

    private static IReadOnlyList<CsvLine> Rows(PodRate rate) => CsvTable.Parse(FocusExport.Write(
        CostReport.Of(StrategyNames.FromScenario, StrategyNames.AlwaysOnBoth, Examples.Scenario, rate), new DateOnly(2026, 11, 1)));

    [Fact]
    public void Write_HasEveryMandatoryColumn_AndFillsThoseThatMustNotBeNull() =>
        Assert.All(Rows(Examples.OpenCost), row =>
        {
            Assert.All(Mandatory, column => Assert.True(row.Fields.ContainsKey(column.Name), column.Name));
            Assert.All(Mandatory.Where(column => !column.MayBeNull), column => Assert.NotEqual("", row[column.Name]));
            Assert.All(WhenUnitPricesExist, column => Assert.NotEqual("", row[column]));
        });

    [Fact]
    public void Write_UsesOnlyColumnsOfTheSpecificationOrPrefixedOnes() =>
        Assert.All(
            Rows(Examples.OpenCost)[0].Fields.Keys.Except(Mandatory.Select(column => column.Name)).Except(WhenUnitPricesExist)
                .Except(["ChargeFrequency", "ResourceId", "ResourceName", "ResourceType", "ServiceSubcategory", "SubAccountName", "Tags"]),
            column => Assert.StartsWith("x_", column, StringComparison.Ordinal));

    [Fact]
    public void Write_SeparatePrices_GiveOneRowForCpuAndOneForMemory()
    {
        var rows = Rows(Examples.OpenCost).Where(row => row["SubAccountId"] == StrategyNames.AlwaysOnOne).ToArray();

        Assert.Equal([("CPU", "Core-Hours", "opencost-cpu-core-hour"), ("Memory", "GiB-Hours", "opencost-memory-gib-hour")],
            rows.Select(row => (row["SkuMeter"], row["PricingUnit"], row["SkuPriceId"])));
        Assert.Equal([1825m, 1825m], rows.Select(row => row.Number("ConsumedQuantity")));   // 7,300 x 0.25
        Assert.Equal([57.690075m, 7.732525m], rows.Select(row => row.Number("EffectiveCost")));
    }

    [Fact]
    public void Write_BlendedPrice_GivesNoMemoryRow() => Assert.All(Rows(Examples.Teaching), row => Assert.Equal("CPU", row["SkuMeter"]));

    [Fact]
    public void Write_Period_IsTheMonthOfTheModel() =>
        Assert.All(Rows(Examples.Teaching), row => Assert.Equal(
            ("2026-11-01T00:00:00Z", "2026-12-01T10:00:00Z"), (row["ChargePeriodStart"], row["ChargePeriodEnd"])));   // 730 h, end exclusive
}
