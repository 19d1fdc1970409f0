using Resilience.Lab.Adopting;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Tests.Adopting;

public sealed class SlotSelectorsTests
{
    [Theory]
    //          Service selects      blue's pods           green's pods          blue                 green                active
    [InlineData("app=s,version=v1", "app=s,version=v1", "app=s,version=v2", "app=s,version=v1", "app=s,version=v2", "blue")]
    [InlineData("app=s,version=v2", "app=s,version=v1", "app=s,version=v2", "app=s,version=v1", "app=s,version=v2", "green")]
    [InlineData("app=s-blue", "app=s-blue", "app=s-green", "app=s-blue", "app=s-green", "blue")]
    [InlineData("a=1,b=1", "a=1,b=1,c=1", "a=2,b=2,c=2", "a=1,b=1", "a=2,b=2", "blue")]   // every key moves; keys the Service does not use stay out
    public void Derive_KeepsTheServicesKeys(string selector, string blue, string green, string expectedBlue, string expectedGreen, string active)
    {
        var slots = SlotSelectors.Derive("s", Labels(selector), new("b", Labels(blue)), new("g", Labels(green)), []);

        Assert.Equal((expectedBlue, expectedGreen, active), (SlotSelectors.Text(slots.Blue), SlotSelectors.Text(slots.Green), slots.Active));
    }

    [Theory]
    [InlineData("", "app=s,version=v1", "app=s,version=v2", "has no selector", "Only a Service that selects pods")]
    [InlineData("app=s", "app=s,version=v1", "app=s,version=v2", "selects the pods of both b and g", "\"version\":\"v1\"")]
    [InlineData("app=s", "app=s,pod-template-hash=1", "app=s,pod-template-hash=2", "selects the pods of both b and g", "Give the two pod templates a label")]
    [InlineData("app=t", "app=s", "app=r", "which neither the pods of b (app=s) nor those of g (app=r) have", "--blue and --green")]
    [InlineData("app=s,tier=x", "app=s,tier=x", "app=r", "selects by \"tier\", which the pods of g do not have", "pod template of g")]
    public void Derive_IndistinctSlots_SaysWhyAndWhatNext(string selector, string blue, string green, string problem, string next)
    {
        var error = Assert.Throws<LabException>(() => SlotSelectors.Derive("s", Labels(selector), new("b", Labels(blue)), new("g", Labels(green)), []));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains(next, error.Next, StringComparison.Ordinal);
    }

    [Fact]
    public void Derive_AThirdDeploymentWithTheSamePods_IsRefused()
    {
        var error = Assert.Throws<LabException>(() => SlotSelectors.Derive(
            "s", Labels("app=s,version=v1"), new("b", Labels("app=s,version=v1")), new("g", Labels("app=s,version=v2")), [new("canary", Labels("app=s,version=v2,track=canary"))]));

        Assert.Contains("the selector of green (app=s,version=v2) would also select the pods of Deployment canary", error.Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Labels(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
}
