using System.Text.Json;
using Resilience.Lab.Reporting;

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
                FirstFailureAtSeconds = 20.01, FirstGoodAtSeconds = 20.08, LastOldReplyAtSeconds = 20.012,
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
