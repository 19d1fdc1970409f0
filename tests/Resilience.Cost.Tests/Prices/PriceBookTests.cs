using Resilience.Cost.Prices;

namespace Resilience.Cost.Tests.Prices;

public sealed class PriceBookTests
{
    private const string Good = """
        {"schemaVersion":1,"currency":"USD","default":"mine","sets":{"mine":{"title":"t","provider":"p","source":"s","asOf":"2026-11-22","kind":"separate","cpuCoreHour":0.03,"memoryGibHour":0.004}}}
        """;

    [Fact]
    public void Default_HoldsTheTeachingAndTheOpenCostPrices()
    {
        var teaching = PriceBook.Default.Get();
        var openCost = PriceBook.Default.Get("opencost");

        Assert.Equal(("teaching", 0.12m, null), (teaching.Name, teaching.CpuCoreHour, teaching.MemoryGibHour));
        Assert.Equal((0.031611m, 0.004237m), (openCost.CpuCoreHour, openCost.MemoryGibHour));
        Assert.All(PriceBook.Default.Sets.Values, set => Assert.True(set.AsOf >= new DateOnly(2026, 11, 22) && set.Source.Length > 0));
    }

    [Fact]
    public void Default_IsTheShippedFile() =>
        Assert.Equal(PriceBook.Default.Sets, PriceBook.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "prices.json")), "prices.json").Sets);

    [Theory]
    [InlineData("\"cpuCoreHour\":0.03", "\"cpuCoreHour\":0", "p.json: set \"mine\": cpuCoreHour must be greater than 0, not 0")]
    [InlineData("\"cpuCoreHour\":0.03", "\"cpuCoreHour\":-0.5", "p.json: set \"mine\": cpuCoreHour must be greater than 0, not -0.5")]
    [InlineData("\"cpuCoreHour\":0.03", "\"cpuCoreHour\":\"0.03\"", "p.json: set \"mine\": cpuCoreHour must be a number, not \"0.03\"")]
    [InlineData("\"cpuCoreHour\":0.03", "\"cpuCoreHour\":1e30", "p.json: set \"mine\": cpuCoreHour must be a number, not 1e30")]
    [InlineData("\"cpuCoreHour\":0.03", "\"cpuCoreHour\":1e7", "p.json: set \"mine\": cpuCoreHour must be at most 1000000 USD an hour")]
    [InlineData("\"cpuCoreHour\":0.03,", "", "p.json: set \"mine\" has no key cpuCoreHour")]
    [InlineData(",\"memoryGibHour\":0.004", "", "p.json: set \"mine\" has no key memoryGibHour")]
    [InlineData("separate", "blended", "p.json: set \"mine\": memoryGibHour does not belong in a blended set, whose vCPU-hour includes memory")]
    [InlineData("separate", "both", "p.json: set \"mine\": kind must be blended or separate, not \"both\"")]
    [InlineData("cpuCoreHour", "cpuCorHour", "p.json: set \"mine\": there is no key \"cpuCorHour\"; did you mean \"cpuCoreHour\"?")]
    [InlineData("2026-11-22", "22 Nov", "p.json: set \"mine\": asOf must be a date like 2026-11-22, not \"22 Nov\"")]
    [InlineData("\"source\":\"s\"", "\"source\":\"\"", "p.json: set \"mine\": source must be a text that is not empty")]
    [InlineData("\"default\":\"mine\"", "\"default\":\"mime\"", "p.json: default: there is no price set \"mime\"; did you mean \"mine\"?")]
    [InlineData("\"USD\"", "\"EUR\"", "p.json: currency must be USD, not \"EUR\"; convert the prices first")]
    [InlineData("\"schemaVersion\":1", "\"schemaVersion\":2", "p.json: schemaVersion must be 1")]
    [InlineData("}}}", "}}", "p.json:1: not valid JSON")]
    public void Parse_OfABadFile_SaysWhatAndWhere(string good, string bad, string message)
    {
        Assert.NotNull(PriceBook.Parse(Good, "p.json"));

        var problem = Assert.Throws<CostInputException>(() => PriceBook.Parse(Good.Replace(good, bad, StringComparison.Ordinal), "p.json"));

        Assert.StartsWith(message, problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem.Message);
    }

    [Fact]
    public void Get_OfAnUnknownSet_NamesTheNearest() =>
        Assert.Contains("did you mean \"opencost\"?", Assert.Throws<CostInputException>(() => PriceBook.Default.Get("opencst")).Message, StringComparison.Ordinal);
}
