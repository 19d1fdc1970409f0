using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;

namespace Resilience.FailoverWatcher.Tests.Cluster;

public sealed class BlueGreenRulesTests
{
    private static BlueGreenSpec Spec => new()
    {
        Service = "web",
        Slots = new()
        {
            Blue = new() { Deployment = "web-blue", Selector = new Dictionary<string, string> { ["app"] = "web", ["version"] = "blue" } },
            Green = new() { Deployment = "web-green", Selector = new Dictionary<string, string> { ["app"] = "web", ["version"] = "green" } },
        },
    };

    [Fact]
    public void Read_NothingGiven_IsTheCodesDefaultsAndNoProbe()
    {
        var rules = BlueGreenRules.Read(Spec);
        Assert.Equal(new FailoverLimits(), rules.Limits);
        Assert.Null(rules.Probe);
        Assert.Null(rules.Objection);
    }

    public static TheoryData<string, string> Objections => new()
    {
        { "timeout", "spec.health.probe.timeout must not exceed health.probe.interval." },
        { "interval", "spec.health.probe.interval must be from 50ms to 10m, not 1ms." },
        { "path", "spec.health.probe.path must begin with / and hold no spaces or control characters, not '/a b'." },
        { "mode", "spec.mode must be one of Auto, Observe, Paused, not 'Sometimes'." },
        { "number as word", "spec.mode must be one of Auto, Observe, Paused, not '1'." },
        { "minReady", "spec.health.minReady must be a percentage such as 75% or a number of pods up to 1000, not '175%'." },
        { "same selector", "spec.slots.blue.selector and slots.green.selector must differ." },
        { "service", "spec.service must name a Service." },
        { "hold-down", "spec.failover.maxHoldDown must not be shorter than failover.holdDown." },
    };

    [Theory]
    [MemberData(nameof(Objections))]
    public void Read_Unusable_NamesTheFieldAndWhatIsAccepted(string what, string objection)
    {
        var probe = new ProbeSpec();
        var spec = what switch
        {
            "timeout" => Spec with { Health = new() { Probe = probe with { Timeout = TimeSpan.FromSeconds(2), Interval = TimeSpan.FromSeconds(1) } } },
            "interval" => Spec with { Health = new() { Probe = probe with { Interval = TimeSpan.FromMilliseconds(1) } } },
            "path" => Spec with { Health = new() { Probe = probe with { Path = "/a b" } } },
            "mode" => Spec with { Mode = "Sometimes" },
            "number as word" => Spec with { Mode = "1" },
            "minReady" => Spec with { Health = new() { MinReady = "175%" } },
            "same selector" => Spec with { Slots = Spec.Slots with { Green = Spec.Slots.Blue } },
            "service" => Spec with { Service = "" },
            _ => Spec with { Failover = new() { HoldDown = TimeSpan.FromHours(1) } },
        };
        Assert.Equal(objection, BlueGreenRules.Read(spec).Objection);
    }

    [Theory]
    [InlineData("75%", 75, true)]
    [InlineData("2", 2, false)]
    public void Read_MinReady_IsShareOrNumber(string text, int value, bool isPercent) =>
        Assert.Equal(new ReadyThreshold(value, isPercent), BlueGreenRules.Read(Spec with { Health = new() { MinReady = text } }).Limits.MinReady);
}
