using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Resilience.ScalingAgent.Metrics;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests.Metrics;

public sealed class ScrapeSourceTests : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _clock = new(new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly List<RawServer> _pods = RawServer.Pods(4);
    private readonly ScrapeSource _source;

    public ScrapeSourceTests()
    {
        _source = new(_clock, new() { PageBytes = 64 << 10 });
        _pods.ForEach(pod => pod.Answer = _ => Page(0));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _source.Dispose();
        foreach (var pod in _pods)
        {
            await pod.DisposeAsync();
        }
    }

    [Fact]
    public async Task Demand_IsReadFromAllPods()
    {
        Assert.Contains("first reading", (await ReadAsync()).Problem, StringComparison.Ordinal);
        for (var i = 0; i < _pods.Count; i++)
        {
            var count = 60 * (i + 1);
            _pods[i].Answer = _ => Page(count);
        }

        var reading = await ReadAsync();
        Assert.Equal(1 + 2 + 3 + 4, reading.Demand, 1e-9);
        Assert.Null(reading.Problem);
        Assert.Equal(2.5, reading.Observation!.Value.ThroughputPerReplica, 1e-9);
        Assert.All(_pods, pod => Assert.StartsWith("GET /metrics HTTP/1.1\r\n", pod.Requests.First(), StringComparison.Ordinal));
    }

    public static TheoryData<string, RawAnswer, string> BadAnswers() => new()
    {
        { "status", RawAnswer.Ok("busy", status: "503 Service Unavailable"), "answered 503 Service Unavailable" },
        { "redirect", RawAnswer.Ok("", status: "302 Found", extra: "Location: /login\r\n"), "answered 302 Found" },
        { "html", RawAnswer.Ok("<html>welcome</html>", "text/html"), "answered with text/html where metrics as text are needed" },
        { "html called text", RawAnswer.Ok("\n<html>welcome</html>"), "answered with text/plain where metrics as text are needed" },
        { "json", RawAnswer.Ok("{}", "application/json"), "answered with application/json where metrics as text are needed" },
        { "empty", RawAnswer.Ok(""), "answered with an empty page" },
        { "half", new("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nresilience_web_req", Close: true), "closed the connection before the answer was complete" },
        { "half a chunk", new("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nresilience", Close: true), "closed the connection before the answer was complete" },
        { "half a line", new("HTTP/1.1 200 OK\r\n\r\nresilience_web_requests_total{outcome=\"ok\"} 1", Close: true), "closed the connection in the middle of a line" },
        { "closed", new("", Close: true), "closed the connection before the answer was complete" },
        { "not http", new("SSH-2.0-OpenSSH_9.2\r\n", Close: true), "did not answer in HTTP" },
        { "huge", RawAnswer.Ok(new string('#', 70 << 10)), "sent more than 64 KiB" },
        { "huge and endless", new("HTTP/1.1 200 OK\r\n\r\n" + new string('#', 70 << 10)), "sent more than 64 KiB" },
        { "broken line", RawAnswer.Ok("resilience_web_requests_total{outcome=\"ok\"} many\n"), "sent a page that line 1 cannot be read" },
        { "no count", RawAnswer.Ok("resilience_web_requests_total{outcome=\"ok\"} NaN\n"), "sent a page that has NaN as a value of resilience_web_requests_total" },
    };

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task BadAnswer_OfOnePod_IsSaidAndScaledUpFor(string name, RawAnswer answer, string problem)
    {
        await ReadAsync();
        _pods.ForEach(pod => pod.Answer = _ => Page(120));
        _pods[1].Answer = _ => answer;
        var reading = await ReadAsync();
        Assert.Equal(8, reading.Demand, 1e-9);
        Assert.StartsWith("1 of 4 pods could not be read (web-1 " + problem, reading.Problem, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', reading.Problem!);
        Assert.NotEmpty(name);
    }

    [Theory]
    [MemberData(nameof(BadAnswers))]
    public async Task BadAnswer_OfMostPods_IsMissingDemand(string name, RawAnswer answer, string problem)
    {
        await ReadAsync();
        _pods.ForEach(pod => pod.Answer = _ => answer);
        _pods[0].Answer = _ => Page(120);
        var reading = await ReadAsync();
        Assert.True(double.IsNaN(reading.Demand), name);
        Assert.StartsWith("only 1 of 4 pods could be read (web-1 " + problem, reading.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PodThatHangs_IsGivenUp_AndDoesNotHoldUpOthers()
    {
        await ReadAsync();
        _pods.ForEach(pod => pod.Answer = _ => Page(120));
        _pods[2].Answer = _ => new("HTTP/1.1 200 OK\r\nContent-Le", Hang: true);
        _clock.Advance(Interval);
        var reading = _source.ReadAsync(Target(), Token).AsTask();
        await Eventually.TrueAsync(() => _pods.All(pod => pod.Requests.Count == 2), "all pods were asked");
        await Eventually.AfterAsync(_clock, TimeSpan.FromMilliseconds(500), () => reading.IsCompleted, "the hung pod is given up");
        Assert.StartsWith("1 of 4 pods could not be read (web-2 did not answer within 2 s)", (await reading).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PodThatIsGone_RefusesTheConnection()
    {
        await ReadAsync();
        await _pods[3].DisposeAsync();
        var reading = await ReadAsync();
        Assert.StartsWith("1 of 4 pods could not be read (web-3 ", reading.Problem, StringComparison.Ordinal);
        Assert.Equal(0, reading.Demand);
    }

    [Fact]
    public async Task CancelledReading_Throws()
    {
        _pods[0].Answer = _ => new("", Hang: true);
        using var stop = new CancellationTokenSource();
        var reading = _source.ReadAsync(Target(), stop.Token).AsTask();
        await Eventually.TrueAsync(() => !_pods[0].Requests.IsEmpty, "the pod was asked");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task Concurrency_IsBounded()
    {
        using var source = new ScrapeSource(_clock, new() { Concurrency = 2 });
        _pods.ForEach(pod => pod.Answer = _ => new("", Hang: true));
        var reading = source.ReadAsync(Target(), Token).AsTask();
        await Eventually.TrueAsync(() => _pods.Sum(pod => pod.Requests.Count) == 2, "two pods were asked");
        _clock.Advance(new ScrapeLimits().Timeout);
        await Eventually.TrueAsync(() => _pods.Sum(pod => pod.Requests.Count) == 4, "the others were asked when these were given up");
        await Eventually.AfterAsync(_clock, TimeSpan.FromSeconds(1), () => reading.IsCompleted, "all were given up");
        Assert.Equal(4, _pods.Sum(pod => pod.Requests.Count));
        Assert.StartsWith("only 0 of 4 pods", (await reading).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ForgottenTarget_AndChangedMetric_BeginAnew()
    {
        await ReadAsync();
        _source.Forget(Target().Key);
        Assert.Contains("first reading", (await ReadAsync()).Problem, StringComparison.Ordinal);
        Assert.Null((await ReadAsync()).Problem);
        Assert.Contains("first reading", (await ReadAsync("resilience_web_requests_total{outcome=\"ok\"}")).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MetricThatIsNone_AsksNobody()
    {
        var reading = await ReadAsync("rate(x[5m])");
        Assert.StartsWith("spec.demand.scrape.metric \"rate(x[5m])\" is not a metric's name", reading.Problem, StringComparison.Ordinal);
        Assert.All(_pods, pod => Assert.Empty(pod.Requests));
    }

    [Theory]
    [InlineData("not an address")]
    [InlineData("")]
    public async Task PodWithoutAddress_IsSaid(string address)
    {
        var target = Target() with { Pods = [new("u", "web-9", address, true)] };
        Assert.Contains("web-9 has no address", (await _source.ReadAsync(target, Token)).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_IsNone() => Assert.Equal(DemandHistory.None, await _source.ReadHistoryAsync(Target(), default, _clock.GetUtcNow(), Interval, Token));

    private static RawAnswer Page(int requests) => RawAnswer.Ok(string.Create(CultureInfo.InvariantCulture, $"resilience_web_requests_total{{outcome=\"ok\"}} {requests}\n"));

    private DemandTarget Target(string? metric = null) => new(
        new("shop", "web"),
        new() { Interval = Interval, Scrape = new() { Port = _pods[0].Endpoint.Port, Metric = metric } },
        [.. _pods.Select((pod, i) => new PodEndpoint($"uid-{i}", $"web-{i}", pod.Endpoint.Address.ToString(), Serves: true))]);

    private async Task<DemandReading> ReadAsync(string? metric = null)
    {
        _clock.Advance(Interval);
        return await Eventually.WithinAsync(_source.ReadAsync(Target(metric), Token).AsTask(), "the reading");
    }
}
