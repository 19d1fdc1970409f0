using Resilience.LoadGenerator;

namespace Resilience.LoadTests;

public sealed class ScenarioCatalogTests
{
    [Fact]
    public void All_NamesOnlyProfilesThatThePortableGeneratorHas() =>
        Assert.All(ScenarioCatalog.All, spec => Assert.NotNull(ProfileCatalog.Find(spec.Profile)));

    [Fact]
    public void All_HasTheFiveScenarios() =>
        Assert.Equal(["steady", "ramp", "spike", "failover", "scaling"], ScenarioCatalog.All.Select(spec => spec.Name));
}
