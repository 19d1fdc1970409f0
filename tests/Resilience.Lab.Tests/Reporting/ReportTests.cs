using System.Text.Json;
using Resilience.Lab.Experiments;
using Resilience.Lab.Reporting;
using Resilience.Lab.Running;

namespace Resilience.Lab.Tests.Reporting;

public sealed class ReportTests
{
    /// <summary>Names that other tools read; they may be joined by new ones but never changed.</summary>
    private static readonly Dictionary<string, string[]> Promised = new()
    {
        [""] = ["schemaVersion", "experiment", "verdict", "seed", "cluster", "timeScale", "faults", "failovers", "load", "scaling", "cost", "expectations"],
        ["faults"] = ["kind", "target", "atSeconds", "forSeconds"],
        ["failovers"] = ["kind", "from", "to", "detectMs", "decideMs", "patchMs", "clientGapMs", "lastOldReplyMs", "failedRequests", "reason"],
        ["load"] = ["requests", "failed", "errorRatio", "rps", "p50Ms", "p95Ms", "p99Ms", "p999Ms", "maxMs", "longestGapMs", "perSlot"],
        ["scaling"] = ["scaleUpLatencySeconds", "replicaHours", "sloViolationSeconds", "forecastWape"],
        ["cost"] = ["usd", "usdPerMillionGoodRequests", "usdPerMillionBefore", "usdPerMillionAfter"],
        ["expectations"] = ["name", "expected", "actual", "pass"],
    };

    [Fact]
    public void Json_HasEveryPromisedName()
    {
        using var document = JsonDocument.Parse(JsonSerializer.Serialize(Sample(), ReportJson.Readable.RunReport));
        foreach (var (path, names) in Promised)
        {
            var node = path.Length == 0 ? document.RootElement : document.RootElement.GetProperty(path);
            node = node.ValueKind == JsonValueKind.Array ? node[0] : node;
            Assert.All(names, name => Assert.True(node.TryGetProperty(name, out _), $"{path}.{name} is missing"));
        }
    }

    [Fact]
    public void Html_NeedsNothingElse_AndEscapesText()
    {
        var html = HtmlReport.Of([Sample() with { Description = "<script>alert(1)</script>" }], "A title");

        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("src=", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<link", html, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("embedded cluster", html, StringComparison.Ordinal);
        Assert.Contains("var(--blue)", html, StringComparison.Ordinal);
        Assert.Contains("users waited 81 ms at most", html, StringComparison.Ordinal);
    }

    [Theory]
    //          wait from, until   left and right edge of the band; the picture goes from 20.0 s (x 64) to 20.08 s (x 896)
    [InlineData(20.02, 20.06, 272, 688)]
    [InlineData(20.02, 20.09, 272, 936)]     // beyond the last mark: cut at the edge
    [InlineData(19.90, 20.04, 24, 480)]
    public void Timeline_ShadesTheLongestWaitItself(double from, double until, double left, double right)
    {
        var svg = TimelineSvg.Of(Sample().Failovers[0] with { WaitFromSeconds = from, WaitUntilSeconds = until, LastOldReplyAtSeconds = null });

        Assert.Contains(FormattableString.Invariant($"<rect x=\"{left:0.0}\" y=\"34\" width=\"{right - left:0.0}\""), svg, StringComparison.Ordinal);
    }

    [Fact]
    public void Html_OfAScalingRun_HasItsChartsAndDecisions_AndSaysWhichClock()
    {
        var html = HtmlReport.Of([Scaled("predictive", 3, 0.21)], "A title");

        Assert.All(
            ["Demand and capacity", "Pods wanted and Ready", "Forecast and what came", "Price of the pods", "What the scaling agent decided", "1 of 5 replicas; no room for 2 pods", "in 1 s of the wall clock 2 min of the experiment", "(6 min of the day) outside the SLO"],
            words => Assert.Contains(words, html, StringComparison.Ordinal));
        Assert.DoesNotContain("Demand and capacity", HtmlReport.Of([Sample()], "A title"), StringComparison.Ordinal);
    }

    [Fact]
    public void Variants_AreComparedInOneTableAndOneChartEach()
    {
        var report = VariantRuns.Judge(Compared, 1, [Scaled("reactive", 9, 0.25), Scaled("predictive", 3, 0.21)]);

        Assert.Equal("pass", report.Verdict);
        Assert.Equal(["sloViolationSeconds of predictive < that of reactive, 9 s", "replicaHours of predictive ≤ that of reactive, 0.25 h"], report.Comparisons.Select(check => check.Expected));
        var html = VariantsHtml.Of(report);
        Assert.All(["Side by side", "Seconds outside the SLO", "Money spent", "predictive: agent", "reactive: agent"], words => Assert.Contains(words, html, StringComparison.Ordinal));
        Assert.Contains("| time outside the SLO | 9 s (18 min of the day) | 3 s (6 min of the day) |", VariantsMarkdown.Of(report), StringComparison.Ordinal);
        using var json = JsonDocument.Parse(JsonSerializer.Serialize(report, ReportJson.Readable.VariantsReport));
        Assert.Equal(2, json.RootElement.GetProperty("variants").GetArrayLength());
    }

    [Theory]
    //          reactive s, h   predictive s, h   verdict
    [InlineData(9, 0.25, 9, 0.21, "fail")]      // as many is not fewer
    [InlineData(9, 0.25, 3, 0.25, "pass")]      // as much pod time is no more
    [InlineData(9, 0.25, 3, 0.26, "fail")]
    public void Variants_PassOnlyWhenEveryComparisonHolds(double slow, double much, double few, double less, string verdict) =>
        Assert.Equal(verdict, VariantRuns.Judge(Compared, 1, [Scaled("reactive", slow, much), Scaled("predictive", few, less)]).Verdict);

    [Fact]
    public void Variants_WithOneThatFailed_Fail() =>
        Assert.Equal("aborted", VariantRuns.Judge(Compared, 1, [Scaled("reactive", 9, 1) with { Verdict = "aborted" }, Scaled("predictive", 3, 0.5)]).Verdict);

    [Fact]
    public void Html_OfARunWithoutMovesOrSeconds_IsStillAPage()
    {
        var html = HtmlReport.Of([Sample() with { Failovers = [], Seconds = [], Faults = [] }], "A title");
        Assert.Contains("No traffic moved", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Markdown_SaysWhereTheFigureComesFrom() =>
        Assert.Contains("not a Kubernetes figure", MarkdownReport.Of(Sample()), StringComparison.Ordinal);

    [Theory]
    [InlineData(new double[] { 3 }, 3)]
    [InlineData(new double[] { 9, 1, 5 }, 5)]
    [InlineData(new double[] { 4, 1, 2, 9 }, 3)]
    public void Median_IsTheMiddle(double[] values, double expected) => Assert.Equal(expected, Summaries.Median(values));

    [Fact]
    public void Summary_TakesMedianAndWorst()
    {
        var runs = new[] { 40.0, 300, 81 }.Select(gap => Sample() with { Failovers = [Sample().Failovers[0] with { ClientGapMs = gap }] }).ToArray();

        var summary = Summaries.Of(runs);

        Assert.Equal((81, 300), (summary.ClientGapMsMedian, summary.ClientGapMsWorst));
    }

    private static Experiment Compared => ExperimentCatalog.Find("predictive-vs-reactive");

    private static RunReport Scaled(string variant, double outside, double hours) => Sample() with
    {
        TimeScale = 120,
        Variant = variant,
        VariantTitle = "agent",
        CapacityRps = 40,
        WarmUpSeconds = 5,
        Failovers = [],
        Faults = [],
        Scaling = new ScalingReport(2.5, hours, outside, 0.08, 7, 3) { ShortOfCapacitySeconds = 4, HighestFloor = 7, LowestFloor = 2, ForecastCoverage99 = 0.97 },
        Decisions =
        [
            new DecisionReport(1, 10, DateTimeOffset.UnixEpoch, 90, 3, "Floor 3.", "Full", 95, 120, 12.5, 15, 97),
            new DecisionReport(2, 12.5, DateTimeOffset.UnixEpoch, 97, 5, "Raise the floor to 5.", "Full", 150, 180, 15, 17.5, 144) { Risk = 0.02, GivenUp = "1 of 5 replicas", PodsWithoutRoom = 2 },
        ],
    };

    private static RunReport Sample() => new()
    {
        Experiment = "outage",
        Verdict = "pass",
        Seed = 1,
        Cluster = "embedded",
        Faults = [new FaultReport("outage", "blue", 20, 20)],
        Failovers =
        [
            new FailoverReport
            {
                Kind = "rescue", From = "blue", To = "green", DetectMs = 50, DecideMs = 1, PatchMs = 7, ClientGapMs = 81, LastOldReplyMs = 12, FailedRequests = 14,
                Reason = "nothing serves on blue", FaultAtSeconds = 20, DetectedAtSeconds = 20.05, DecidedAtSeconds = 20.051, PatchedAtSeconds = 20.058,
                FirstFailureAtSeconds = 20.01, FirstGoodAtSeconds = 20.08, LastOldReplyAtSeconds = 20.012, WaitFromSeconds = 20.012, WaitUntilSeconds = 20.093,
            },
        ],
        Load = new LoadReport
        {
            Requests = 12_000, Failed = 14, ErrorRatio = 0.001167, Rps = 200, P50Ms = 2, P95Ms = 5, P99Ms = 9, P999Ms = 60, MaxMs = 90, LongestGapMs = 81,
            PerSlot = new Dictionary<string, long> { ["blue"] = 4_000, ["green"] = 7_986 }, FailedOutsideGaps = 0,
        },
        Scaling = new ScalingReport(null, 0.0667, 1, null, 2, 2),
        Cost = new CostReport(0.0008, 0.0667, null, null, "an estimate"),
        Expectations = [new ExpectationReport("Traffic was rescued once", "rescues = 1", "1", true)],
        Title = "The active slot disappears",
        Description = "All pods are scaled away.",
        Hypothesis = "All is well.",
        StartedAt = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero),
        Detection = "events",
        Recovery = new RecoveryReport(true, 2.5, "blue", "green"),
        Environment = new EnvironmentReport(2, 8, "Linux", ".NET 10", "0.1.0", "embedded cluster: not a Kubernetes figure"),
        Timeline = [new TimelineEntry(20, "fault", "fault: outage of blue")],
        Seconds = [.. Enumerable.Range(0, 60).Select(second => new SecondReport(second, 200, 0, 2, 9, second < 20 ? 200 : 0, second < 20 ? 0 : 200, 2, 2))],
    };
}
