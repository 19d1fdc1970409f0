using Resilience.Lab.Experiments;
using Resilience.Lab.Reporting;
using Resilience.Lab.Running;
using Resilience.LoadGenerator;

namespace Resilience.Lab.Tests.Running;

/// <summary>From the facts of a run on compressed time to its figures: 20 s of load, the first 4 s of them a warm-up.</summary>
public sealed class ReportBuilderTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Build_CountsFromTheEndOfTheWarmUp()
    {
        // Ten requests each second; in seconds 2 and 6 one fails, in second 8 all are slow, in second 10 one of ten is.
        var report = Build((second, i) => (second is 2 or 6 && i == 0, second == 8 || (second == 10 && i == 0) ? 300 : 5), pods: _ => 2);

        Assert.Equal(3, report.Scaling.SloViolationSeconds);      // second 10 counts too: its p95 is its slowest
        Assert.Equal([2, 6, 8, 10], report.Seconds.Where(second => !second.WithinSlo).Select(second => second.Second));
        Assert.Equal(Math.Round(3 * 16 / 3600.0, 5), report.Scaling.ReplicaHours);   // two pods of blue, one of green
        Assert.Equal(Math.Round(3 * 16 * 0.012 / 3600 / 159 * 1e6, 4), report.Cost.UsdPerMillionGoodRequests);
        Assert.Equal((60, "traditional", 4, 40), (report.TimeScale, report.Overlay, report.WarmUpSeconds, report.CapacityRps));
        Assert.Equal("pass", report.Verdict);

        // What is promised of another kind of cluster is not asked of this one.
        Assert.Equal(["Nothing moved", "Nothing moved here"], report.Expectations.Select(check => check.Name));
    }

    [Fact]
    public void Build_SaysForHowLongDemandExceededCapacity()
    {
        // A flat 100 requests/s are asked for; two pods carry 80, three carry 120.
        var report = Build((_, _) => (false, 5), pods: second => second is >= 8 and < 11 ? 2 : 3);

        Assert.Equal((3, 3), (report.Scaling.ScaleUpLatencySeconds, report.Scaling.ShortOfCapacitySeconds));
    }

    [Fact]
    public void Build_HoldsForecastsAgainstTheRequestsThatCame()
    {
        AgentDecision Decision(double at, double p50, double p99) => new(1, Start.AddSeconds(at), Start, 10, at < 10 ? 3 : 5, "because", "Full", p50, p99, Start.AddSeconds(at + 1), Start.AddSeconds(at + 2));

        var report = Build((_, _) => (false, 5), pods: _ => 3, [Decision(1, 99, 99), Decision(6, 8, 9), Decision(12, 12, 14)]);

        // The first one's interval lies in the warm-up; ten requests came in each second.
        Assert.Equal((0.2, 0.5, 3, 5), (report.Scaling.ForecastWape, report.Scaling.ForecastCoverage99, report.Scaling.LowestFloor, report.Scaling.HighestFloor));
        Assert.Equal([10, 10, 10], report.Decisions.Select(decision => decision.Actual));
    }

    /// <param name="request">For each second and each of its ten requests: whether it failed, and its latency in milliseconds.</param>
    private static RunReport Build(Func<int, int, (bool Failed, int Ms)> request, Func<int, int> pods, IReadOnlyList<AgentDecision>? decisions = null)
    {
        var recorder = new Recorder(1_000);
        var meter = new ReplicaMeter();
        for (var second = 0; second < 20; second++)
        {
            meter.Sample(TimeSpan.FromSeconds(second), new SlotCount(pods(second), pods(second)), new SlotCount(1, 1));
            for (var i = 0; i < 10; i++)
            {
                var (failed, ms) = request(second, i);
                var due = (second * 1_000_000L) + (i * 100_000L);
                recorder.Ended(due, due + (ms * 1_000L), failed ? Outcome.HttpError : Outcome.Ok, "blue");
            }
        }

        meter.Sample(TimeSpan.FromSeconds(20), new SlotCount(pods(19), pods(19)), new SlotCount(1, 1));
        var load = new LoadSpec(100, TimeSpan.FromSeconds(20), "constant", 1, TimeSpan.FromSeconds(2), "/", [])
        {
            WarmUp = TimeSpan.FromSeconds(4),
            Course = new CourseSpec { Shape = "diurnal", LowRps = 100, HighRps = 100, StartsAt = TimeSpan.FromHours(7) },
        };
        var experiment = new Experiment(
            "mine", "A title", "A description", "All is well.", load, SetupSpec.None, [], new AbortSpec(1, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5)),
            [
                new ExpectationSpec("Nothing moved", "failovers", Comparison.Equal, 0, null),
                new ExpectationSpec("Nothing moved here", "failovers", Comparison.Equal, 0, null) { Cluster = "embedded" },
                new ExpectationSpec("Much moved elsewhere", "failovers", Comparison.Equal, 7, null) { Cluster = "kubernetes" },
            ],
            [], "mine.yaml")
        {
            Cluster = ClusterSpec.Default with { TimeScale = 60 },
            Slo = new SloSpec(0.01, 250),
        };
        return ReportBuilder.Build(new RunFacts(
            experiment, new RunOptions(1, "events", null), "embedded", recorder.Result(Start, TimeSpan.FromSeconds(20), recorder.Generator(0, 0)), [], [], [], meter,
            new RecoveryReport(true, 0, "blue", "blue"), [], 40, 3, null)
        {
            Decisions = decisions ?? [],
        });
    }
}
