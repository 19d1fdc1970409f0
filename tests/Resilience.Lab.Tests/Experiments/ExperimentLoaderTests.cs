using Resilience.Lab.Cli;
using Resilience.Lab.Experiments;

namespace Resilience.Lab.Tests.Experiments;

public sealed class ExperimentLoaderTests
{
    private const string Good = """
        name: mine
        title: A title
        description: A description
        hypothesis: All is well.
        load: {rps: 100, duration: 30s}
        drills:
          - {fault: slow, target: active, at: 5s, for: 10s, latencyMs: 250}
        expectations:
          - {name: Nothing moved, metric: failovers, equals: 0}
        """;

    [Fact]
    public void Load_AGoodFile_IsReadWhole()
    {
        var experiment = Load(Good);

        Assert.Equal(("mine", 100, 30), (experiment.Name, experiment.Load.Rps, experiment.Load.Duration.TotalSeconds));
        var drill = Assert.Single(experiment.Drills);
        Assert.Equal(("slow", "active", 250), (drill.Fault, drill.Target, drill.Parameters["latencyMs"]));
        Assert.Equal(Comparison.Equal, Assert.Single(experiment.Expectations).Comparison);
    }

    [Theory]
    //          in the good file             instead                        line and what was expected
    [InlineData("name: mine", "nme: mine", "mine.yaml:1: the key \"name\" is missing")]
    [InlineData("title: A title", "title: A title\ntilte: B", "mine.yaml:3: unknown key \"tilte\". Did you mean \"title\"?")]
    [InlineData("rps: 100", "rps: fast", "mine.yaml:5: \"rps\": expected a number from 0.1 to 20000, found \"fast\"")]
    [InlineData("rps: 100", "rps: -1", "mine.yaml:5: \"rps\": expected a number from 0.1 to 20000")]
    [InlineData("duration: 30s", "duration: soon", "mine.yaml:5: \"duration\": expected a time like 250ms, 20s or 2m")]
    [InlineData("duration: 30s", "duration: 2h", "mine.yaml:5: \"duration\": expected a time from 1s to 1h")]
    [InlineData("duration: 30s", "duration: 10s", "mine.yaml:7: \"at\": expected a drill that ends within the 10 s of load")]
    [InlineData("fault: slow", "fault: slwo", "mine.yaml:7: \"fault\": expected one of outage, crash")]
    [InlineData("fault: slow", "fault: outage", "mine.yaml:7: unknown key \"latencyMs\"")]
    [InlineData("target: active", "target: red", "mine.yaml:7: \"target\": expected one of active, standby, blue, green, both, leader, found \"red\"")]
    [InlineData("at: 5s, ", "", "mine.yaml:7: the key \"at\" is missing")]
    [InlineData("metric: failovers", "metric: failover", "Did you mean \"failovers\"?")]
    [InlineData(", equals: 0", "", "mine.yaml:9: \"name\": expected exactly one of atMost, atLeast, equals, is")]
    [InlineData("equals: 0", "is: none", "mine.yaml:9: \"metric\": expected atMost, atLeast or equals with this metric")]
    [InlineData("load: {rps: 100", "load: {rps: 100, [", "mine.yaml: this is not YAML: a bracket or a quote is not closed")]
    [InlineData("title: A title", "title: \"A title", "mine.yaml:2: this is not YAML")]
    [InlineData("drills:", "drills: none\nrest:", "mine.yaml:6: \"drills\": expected a list")]
    public void Load_ABadFile_SaysWhereAndWhatWasExpected(string good, string bad, string expected)
    {
        var line = Assert.Throws<LabException>(() => Load(Good.Replace(good, bad, StringComparison.Ordinal))).Line;

        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Theory]
    [InlineData("")]
    [InlineData("- a\n- b")]
    [InlineData("just words")]
    public void Load_NoMapping_IsOneClearLine(string text) =>
        Assert.StartsWith("lab: mine.yaml:1: ", Assert.Throws<LabException>(() => Load(text)).Line, StringComparison.Ordinal);

    [Fact]
    public void WithDuration_KeepsTheShapeOfTheRun()
    {
        var squeezed = Load(Good).WithDuration(TimeSpan.FromSeconds(12));

        Assert.Equal((2, 4), (squeezed.Drills[0].At.TotalSeconds, squeezed.Drills[0].For.TotalSeconds));
    }

    [Fact]
    public void Catalog_EveryShippedExperiment_Loads()
    {
        var all = ExperimentCatalog.All();

        Assert.Equal(
            ["outage", "crash", "hang", "not-ready", "partial", "slow", "flap", "both-down", "cold-standby", "controller-loss", "rollout", "steady", "reactive-scaling"],
            all.Select(found => found.Name));
        Assert.All(all, found => Assert.Equal(found.Name + ".yaml", found.Source));
    }

    private static Experiment Load(string text) => ExperimentLoader.Load("mine.yaml", new StringReader(text));
}
