using Resilience.Lab.Deploying;

namespace Resilience.Lab.Tests.Deploying;

public sealed class ProductionSignsTests
{
    [Theory]
    [InlineData("prod", true)]
    [InlineData("PROD-eu", true)]
    [InlineData("arn:aws:eks:eu-west-1:123456789012:cluster/shop-production", true)]
    [InlineData("gke_acme_europe-west1_live", true)]
    [InlineData("euprod1", true)]
    [InlineData("prd-2", true)]
    [InlineData("preprod", false)]
    [InlineData("non-prod", false)]
    [InlineData("nonprod", false)]
    [InlineData("product-catalog-dev", false)]
    [InlineData("delivery", false)]
    [InlineData("kind-resilience", false)]
    [InlineData("olive", false)]
    public void Find_JudgesNames(string name, bool isProduction)
    {
        var signs = ProductionSigns.Find(new ClusterFacts([name], 1, []));
        Assert.Equal(isProduction, signs.Count == 1 && signs[0].Contains(name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(5, 0)]
    [InlineData(6, 1)]
    [InlineData(null, 1)]     // an account that may not even count nodes is no developer's own cluster
    public void Find_JudgesSize(int? nodes, int signs) =>
        Assert.Equal(signs, ProductionSigns.Find(new ClusterFacts(["kind"], nodes, [])).Count);

    [Fact]
    public void Find_NamesSomeForeignWorkloads()
    {
        var sign = Assert.Single(ProductionSigns.Find(new ClusterFacts(["kind"], 1, ["a/Deployment 1", "a/Deployment 2", "b/StatefulSet 3", "b/DaemonSet 4"])));
        Assert.Contains("a/Deployment 1, a/Deployment 2, b/StatefulSet 3 and 1 more", sign, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_WorkloadsUnknown_IsASign() => Assert.Single(ProductionSigns.Find(new ClusterFacts(["kind"], 1, null)));
}
