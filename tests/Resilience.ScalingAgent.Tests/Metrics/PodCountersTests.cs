using System.Text;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Metrics;

public sealed class PodCountersTests
{
    private const string Demo = """
        resilience_web_requests_total{outcome="ok"} 100
        resilience_web_requests_total{outcome="shed"} 20
        resilience_web_requests_total{outcome="fault"} 3
        resilience_web_requests_total{outcome="rejected"} 7
        dotnet_process_cpu_time_seconds_total{cpu_mode="user"} 1.5
        dotnet_process_cpu_time_seconds_total{cpu_mode="system"} 0.5
        process_start_time_seconds 1714000000
        http_server_request_duration_seconds_bucket{http_route="/",le="0.1"} 60
        http_server_request_duration_seconds_bucket{http_route="/",le="+Inf"} 100
        http_server_request_duration_seconds_bucket{http_route="/work",le="0.1"} 10
        http_server_request_duration_seconds_bucket{http_route="/work",le="+Inf"} 10
        http_server_request_duration_seconds_bucket{http_route="/healthz",le="0.1"} 5000
        http_server_request_duration_seconds_bucket{http_route="/healthz",le="+Inf"} 5000
        http_server_request_duration_seconds_bucket{http_route="/",http_response_status_code="503",le="+Inf"} 20

        """;

    [Fact]
    public void Demo_DemandIsAllButRejected()
    {
        var counters = Read(Demo, "resilience_web_requests_total")!;
        Assert.True(counters.HasMetric);
        Assert.Equal(123, counters.Asked);
        Assert.Equal(new OutcomeCounts(123, 100, 20), counters.Outcomes);
        Assert.Equal(2, counters.CpuSeconds);
        Assert.Equal(1714000000, counters.ProcessStart);
        Assert.Equal([KeyValuePair.Create(0.1, 70d), KeyValuePair.Create(double.PositiveInfinity, 110d)], counters.Latency);    // no probes, no errors
    }

    [Theory]
    [InlineData("http_requests_total", 60, 48, 5)]
    [InlineData("http_requests_total{handler=\"/\"}", 50, 42, 2)]
    [InlineData("http_requests_total{code!~\"5..\"}", 51, 48, 3)]
    [InlineData("http_requests", 60, 48, 5)]                            // OpenMetrics: the suffix is not part of the name
    public void Foreign_AllLabelSetsAreSummed_AndStatusTellsOutcomes(string metric, double asked, double good, double refused)
    {
        var counters = Read("""
            http_requests_total{handler="/",code="200"} 42
            http_requests_total{handler="/",code="500"} 6
            http_requests_total{handler="/",code="503"} 2
            http_requests_total{handler="/api",code="201"} 6
            http_requests_total{handler="/api",code="429"} 3
            http_requests_total{handler="/api",code="502"} 1

            """, metric)!;
        Assert.Equal(asked, counters.Asked);
        Assert.Equal(new OutcomeCounts(asked, good, refused), counters.Outcomes);
    }

    [Fact]
    public void Plain_CounterTellsNoOutcomes_UnlessTheDurationsDo()
    {
        Assert.False(Read("hits 5\n", "hits")!.Outcomes.AreKnown);
        var counters = Read("""
            hits 5
            http_server_request_duration_seconds_count{http_route="/",http_response_status_code="200"} 9
            http_server_request_duration_seconds_count{http_route="/",http_response_status_code="503"} 1
            http_server_request_duration_seconds_count{http_route="/readyz",http_response_status_code="503"} 900

            """, "hits")!;
        Assert.Equal((5, new OutcomeCounts(10, 9, 1)), (counters.Asked, counters.Outcomes));
        Assert.True(double.IsNaN(counters.CpuSeconds));
    }

    [Theory]
    [InlineData("hits NaN\n")]
    [InlineData("hits -1\n")]
    [InlineData("hits +Inf\n")]
    public void ValueThatIsNoCount_SpoilsThePage(string page)
    {
        Assert.Null(Read(page, "hits", out var problem));
        Assert.Contains("a value of hits, which counts requests", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Since_OutcomesThatAppearLater_HaveCountedFromZero()
    {
        var before = Read("other 1\n", "http_requests_total")!;
        Assert.False(before.HasMetric);
        var now = Read("http_requests_total{code=\"200\"} 8\n", "http_requests_total")!;
        Assert.Equal(new OutcomeCounts(8, 8, 0), now.Since(before, out var restarted).Outcomes);
        Assert.False(restarted);
    }

    private static PodCounters? Read(string page, string metric) => Read(page, metric, out _);

    private static PodCounters? Read(string page, string metric, out string? problem)
    {
        Assert.True(MetricSelector.TryParse(metric, out var selector, out _));
        var (samples, bad) = ExpositionParser.Parse(Encoding.UTF8.GetBytes(page), PodCounters.Names(selector));
        Assert.Null(bad);
        return PodCounters.Read(samples, selector, out problem);
    }
}
