using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Metrics;

public sealed class MetricSelectorTests
{
    [Theory]
    [InlineData("m", true)]
    [InlineData(" m { } ", true)]
    [InlineData("m{handler=\"/\"}", true)]
    [InlineData("m{handler=\"/x\"}", false)]
    [InlineData("m{handler=\"/\",code=\"200\"}", true)]
    [InlineData("m{handler=\"/\", code!=\"200\",}", false)]
    [InlineData("m{code=~\"2..\"}", true)]
    [InlineData("m{code=~\"2\"}", false)]                   // anchored, as in PromQL
    [InlineData("m{code=~\"500|200\"}", true)]
    [InlineData("m{code!~\"2..\"}", false)]
    [InlineData("m{code!~\"5..\"}", true)]
    [InlineData("m{absent=\"\"}", true)]                    // an absent label is empty
    [InlineData("m{absent!=\"x\"}", true)]
    [InlineData("m{absent=~\".+\"}", false)]
    [InlineData("m{note=\"a,b}\\\"\\\\n\"}", true)]
    public void Matches_AsPromQlDoes(string text, bool matches)
    {
        Assert.True(MetricSelector.TryParse(text, out var selector, out var problem), problem);
        Assert.Equal("m", selector.Name);
        Assert.Equal(matches, selector.Matches(new Dictionary<string, string> { ["handler"] = "/", ["code"] = "200", ["note"] = "a,b}\"\\n" }));
    }

    [Theory]
    [InlineData("")]
    [InlineData("sum(rate(m[5m]))")]
    [InlineData("m[5m]")]
    [InlineData("9m")]
    [InlineData("m{a}")]
    [InlineData("m{a=b}")]
    [InlineData("m{a=\"b\"")]
    [InlineData("m{a=\"b\" c=\"d\"}")]
    [InlineData("m{,}")]
    [InlineData("m{a=~\"(\"}")]
    [InlineData("m{a=~\"(a)\\\\1\"}")]                      // no back references, as in PromQL
    [InlineData("{a=\"b\"}")]
    public void TryParse_WhatIsNoSelector_SaysSo(string text)
    {
        Assert.False(MetricSelector.TryParse(text, out _, out var problem));
        Assert.NotEmpty(problem);
        Assert.False(MetricSelector.TryParse(new string('m', 2_000), out _, out _));
    }
}
