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

    private const string Day = """
        name: mine
        title: A title
        description: A description
        hypothesis: All is well.
        overlay: intelligent
        timeScale: 120
        nodeCpu: 2
        metricsResolution: 30s
        slo: {errorRatio: 0.02, p95Ms: 300}
        load:
          {duration: 60s, trace: {
            low: 40, high: 120, startsAt: "07:30", noise: 0.05, seed: 3,
            bursts: [{at: "09:00", for: 20m, factor: 2.5, rise: 2m, jitter: 3m}],
            surges: [{at: "10:00", for: 1h, factor: 2, declared: {name: sale, replicas: 7}}]}}
        setup:
          replicas: {web-blue: 4}
          cpu: {web-blue: 100m}
          cpuTargetOfCapacity: {web-blue: 60}
          env: {web-blue: {CAPACITY_RPS: "40"}}
        variants:
          - {name: one, title: The first}
          - {name: two, title: The second, overlay: traditional, setup: {replicas: {web-blue: 2}, cpu: {web-blue: 200m}, cpuTargetOfCapacity: {web-blue: 85}, env: {web-blue: {MORE: "1"}}},
             expectations: [
               {name: Enough, metric: highestFloor, atLeast: 4}]}
        comparisons:
          - {name: Fewer, metric: sloViolationSeconds, of: two, lessThan: one}
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
    [InlineData("equals: 0", "equals: 0, cluster: mine", "mine.yaml:9: \"cluster\": expected one of embedded, kubernetes, found \"mine\"")]
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
    public void Load_ADayWithVariants_IsReadWhole()
    {
        var experiment = Load(Day);

        Assert.Equal(("intelligent", 120, 2, 30), (experiment.Overlay, experiment.Cluster.TimeScale, experiment.Cluster.NodeCpu, experiment.Cluster.MetricsResolution.TotalSeconds));
        Assert.Equal((0.02, 300), (experiment.Slo.ErrorRatio, experiment.Slo.P95Ms));
        var course = experiment.Load.Course!;
        Assert.Equal(("trace", 40, 120, 7.5, 3), (course.Shape, course.LowRps, course.HighRps, course.StartsAt.TotalHours, course.Seed));
        Assert.Equal((9, 2.5, 3, 120), (course.Bursts[0].At.TotalHours, course.Bursts[0].Factor, course.Bursts[0].Jitter.TotalMinutes, course.Bursts[0].Rise.TotalSeconds));
        Assert.Equal(new DeclaredPeak("sale", 7), Assert.Single(course.Surges).Declared);
        Assert.Equal(["one", "two"], experiment.Variants.Select(variant => variant.Name));
        Assert.Equal(new ComparisonSpec("Fewer", "sloViolationSeconds", "two", true, "one"), Assert.Single(experiment.Comparisons));
    }

    [Fact]
    public void As_LaysTheVariantOverTheExperiment()
    {
        var experiment = Load(Day);
        var (one, two) = (experiment.As(experiment.Variants[0]), experiment.As(experiment.Variants[1]));

        Assert.Equal(("intelligent", "traditional"), (one.Overlay, two.Overlay));
        Assert.Equal((4, 2), (one.Setup.Replicas["web-blue"], two.Setup.Replicas["web-blue"]));
        Assert.Equal(("40", "1"), (two.Setup.Env["web-blue"]["CAPACITY_RPS"], two.Setup.Env["web-blue"]["MORE"]));
        Assert.Equal(("100m", "200m"), (one.Setup.Cpu["web-blue"], two.Setup.Cpu["web-blue"]));
        Assert.Equal((60, 85), (one.Setup.CpuTargetOfCapacity["web-blue"], two.Setup.CpuTargetOfCapacity["web-blue"]));
        Assert.Equal((1, 2), (one.Expectations.Count, two.Expectations.Count));
        Assert.Empty(two.Variants);
        Assert.Empty(two.Comparisons);
    }

    [Theory]
    //          in the day                      instead                                    line and what was expected
    [InlineData("overlay: intelligent", "overlay: clever", "mine.yaml:5: \"overlay\": expected one of traditional, intelligent")]
    [InlineData("timeScale: 120", "timeScale: 0", "mine.yaml:6: \"timeScale\": expected a number from 1 to 1000")]
    [InlineData("nodeCpu: 2", "nodeCpu: 1.5", "mine.yaml:7: \"nodeCpu\": expected a whole number from 1 to 64")]
    [InlineData("metricsResolution: 30s", "metricsResolution: 10ms", "mine.yaml:8: \"metricsResolution\": expected a time from 1s to 1h")]
    [InlineData("p95Ms: 300", "p59Ms: 300", "mine.yaml:9: unknown key \"p59Ms\". Did you mean \"p95Ms\"?")]
    [InlineData("duration: 60s", "duration: 60s, rps: 5", "mine.yaml:11: \"rps\": expected neither rps nor steps beside \"trace\"")]
    [InlineData("duration: 60s", "duration: 60s, warmUp: 60s", "mine.yaml:11: \"warmUp\": expected less than the load's 60 s")]
    [InlineData("trace:", "diurnal: {low: 1, high: 2, startsAt: \"07:30\"}, trace:", "mine.yaml:11: \"trace\": expected either diurnal or trace, not both")]
    [InlineData("trace:", "diurnal:", "mine.yaml:12: unknown key \"noise\"")]
    [InlineData("low: 40", "low: 400", "mine.yaml:12: \"high\": expected at least as much as low")]
    [InlineData("startsAt: \"07:30\"", "startsAt: \"25:30\"", "mine.yaml:12: \"startsAt\": expected a time of day like 09:30, found \"25:30\"")]
    [InlineData("startsAt: \"07:30\", ", "", "mine.yaml:11: the key \"startsAt\" is missing")]
    [InlineData("rise: 2m", "rise: 0s", "mine.yaml:13: \"rise\": expected a time above zero")]
    [InlineData("replicas: 7", "replicas: 0", "mine.yaml:14: \"replicas\": expected a number from 1 to 1000")]
    [InlineData("name: two", "name: one", "expected 2 to 6 variants with different names")]
    [InlineData("name: two", "name: \"../two\"", "mine.yaml:22: \"name\": expected a word of letters, digits and hyphens")]
    [InlineData("web-blue: 200m", "web-blue: much", "mine.yaml:22: \"web-blue\": expected a CPU request like 100m")]
    [InlineData("{web-blue: 60}", "{web-blue: 100}", "mine.yaml:18: \"web-blue\": expected a number from 5 to 95, found \"100\"")]
    [InlineData("lessThan: one", "lessThan: three", "mine.yaml:26: \"lessThan\": expected one of one, two, found \"three\"")]
    [InlineData("lessThan: one", "lessThan: one, noMoreThan: one", "mine.yaml:26: \"name\": expected exactly one of lessThan, noMoreThan")]
    [InlineData("metric: sloViolationSeconds", "metric: recovered", "mine.yaml:26: \"metric\": expected one of clientGapMs")]
    public void Load_ABadDay_SaysWhereAndWhatWasExpected(string good, string bad, string expected)
    {
        Assert.Contains(good, Day, StringComparison.Ordinal);
        var line = Assert.Throws<LabException>(() => Load(Day.Replace(good, bad, StringComparison.Ordinal))).Line;

        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public void WithDuration_OfADay_ShowsLessOfIt_AtTheSameSpeed()
    {
        var day = Load(Day);
        var cut = day.WithDuration(TimeSpan.FromSeconds(30));

        Assert.Equal((day.Load.Course, day.Cluster, 30), (cut.Load.Course, cut.Cluster, cut.Load.Duration.TotalSeconds));
        Assert.Contains("less of the day", cut.Description, StringComparison.Ordinal);
    }

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
            ["outage", "crash", "hang", "not-ready", "partial", "slow", "flap", "both-down", "cold-standby", "controller-loss", "rollout", "steady", "reactive-scaling",
             "predictive-vs-reactive", "black-friday", "flash-crowd", "budget-squeeze", "constrained"],
            all.Select(found => found.Name));
        Assert.All(all, found => Assert.Equal(found.Name + ".yaml", found.Source));
    }

    private static Experiment Load(string text) => ExperimentLoader.Load("mine.yaml", new StringReader(text));
}
