using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Resilience.Web.Faults;

namespace Resilience.Web.Tests;

public sealed class FaultTests
{
    private static readonly string[] Probes = ["/healthz", "/readyz"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Latency_SlowsUsersAndLeavesProbesAlone()
    {
        var clock = new FakeTimeProvider();
        await using var web = await WebFixture.StartAsync(clock);
        using var accepted = await web.PutFaultsAsync("""{"latencyMs":400}""");
        var slow = web.Main.GetAsync("/", Cancel);
        foreach (var probe in Probes)
        {
            using var answer = await web.Main.GetAsync(probe, Cancel);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.False(slow.IsCompleted);
        // The request may not have reached its delay yet; time passes in steps until it has been through one.
        while (!slow.IsCompleted)
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(slow, Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Cancel));
        }

        using var response = await slow;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public void DrawLatency_WithJitter_StaysInsideItsBandAndReplaysBySeed()
    {
        using var first = NewState(seed: 7);
        using var second = NewState(seed: 7);
        first.Set(new FaultSet(LatencyMs: 400, JitterMs: 50));
        second.Set(new FaultSet(LatencyMs: 400, JitterMs: 50));
        var draws = Enumerable.Range(0, 1_000).Select(_ => first.DrawLatency().TotalMilliseconds).ToArray();
        Assert.All(draws, draw => Assert.InRange(draw, 350, 450));
        Assert.True(draws.Max() - draws.Min() > 90, "jitter uses its whole band");
        Assert.Equal(draws, Enumerable.Range(0, 1_000).Select(_ => second.DrawLatency().TotalMilliseconds));
    }

    [Fact]
    public void Describe_SaysHowLongFaultsLast()
    {
        Assert.Equal("none", FaultSet.None.Describe());
        Assert.Equal("latency until healed", new FaultSet(LatencyMs: 400).Describe());
        Assert.Equal("errors+hang for 2.5 s", new FaultSet(ErrorRatio: 0.2, Hang: true, ForSeconds: 2.5).Describe());
    }

    [Fact]
    public async Task Errors_FailUsersAndLeaveProbesAlone()
    {
        await using var web = await WebFixture.StartAsync();
        using var accepted = await web.PutFaultsAsync("""{"errorRatio":1}""");
        using var failed = await web.Main.GetAsync("/work", Cancel);
        using var probe = await web.Main.GetAsync("/readyz", Cancel);
        Assert.Equal((HttpStatusCode.InternalServerError, HttpStatusCode.OK), (failed.StatusCode, probe.StatusCode));
        Assert.Equal("blue", failed.Headers.GetValues("X-Slot").Single());
    }

    [Fact]
    public void DrawError_HitsTheAskedShare()
    {
        using var state = NewState(seed: 3);
        state.Set(new FaultSet(ErrorRatio: 0.1));
        Assert.InRange(Enumerable.Range(0, 10_000).Count(_ => state.DrawError()), 900, 1_100);
    }

    [Fact]
    public async Task Hang_AnswersNobodyUntilHealed()
    {
        await using var web = await WebFixture.StartAsync();
        using var accepted = await web.PutFaultsAsync("""{"hang":true}""");
        var waiting = new[] { web.Main.GetAsync("/", Cancel), web.Main.GetAsync("/readyz", Cancel), web.Management.GetAsync("/healthz", Cancel) };
        // The management answer that follows proves that the server had its chance to answer the others.
        using var faults = await web.PutFaultsAsync("""{"hang":true}""");
        Assert.Equal(HttpStatusCode.OK, faults.StatusCode);
        Assert.DoesNotContain(waiting, answer => answer.IsCompleted);
        await web.HealAsync();
        foreach (var answer in await Task.WhenAll(waiting))
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            answer.Dispose();
        }
    }

    [Fact]
    public async Task NotReady_FailsReadinessWithItsReasonAndServesOn()
    {
        await using var web = await WebFixture.StartAsync();
        using var accepted = await web.PutFaultsAsync("""{"notReady":true}""");
        using var ready = await web.Main.GetAsync("/readyz", Cancel);
        using var alive = await web.Main.GetAsync("/healthz", Cancel);
        using var user = await web.Main.GetAsync("/", Cancel);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK, HttpStatusCode.OK), (ready.StatusCode, alive.StatusCode, user.StatusCode));
        Assert.Contains("injected fault: not ready", await ready.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Crash_IsAcceptedAndThenEndsTheProcess()
    {
        await using var web = await WebFixture.StartAsync();
        using var accepted = await web.PutFaultsAsync("""{"crash":true}""");
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await web.Crashed.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }

    [Fact]
    public void ForSeconds_HealsByItself_AndALaterSetIsNotHealedByTheEarlierTimer()
    {
        var clock = new FakeTimeProvider();
        using var state = NewState(1, clock);
        state.Set(new FaultSet(NotReady: true, ForSeconds: 20));
        clock.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal(TimeSpan.FromSeconds(1), state.HealsIn);
        state.Set(new FaultSet(ErrorRatio: 0.5, ForSeconds: 20));
        clock.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal(0.5, state.Current.ErrorRatio);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(FaultSet.None, state.Current);
        Assert.Null(state.HealsIn);
    }

    [Fact]
    public void MemoryGrowth_GrowsEverySecondAndIsGivenBack()
    {
        var clock = new FakeTimeProvider();
        using var hog = new MemoryHog(clock);
        hog.Set(3);
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(12, hog.HeldMegabytes);
        hog.Set(0);
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(0, hog.HeldMegabytes);
    }

    [Theory]
    [InlineData("SLOW_REQUESTS", "true", "latency")]
    [InlineData("SLOW_REQUESTS", "250", "latency")]
    [InlineData("REQUEST_ERRORS", "0.2", "errors")]
    [InlineData("POD_NOT_READY", "on", "not-ready")]
    [InlineData("POD_HANG", "1", "hang")]
    [InlineData("POD_CRASH", "yes", "crash")]
    [InlineData("CPU_BURN", "0.3", "cpu")]
    [InlineData("MEMORY_GROWTH_MB", "5", "memory")]
    public void FromEnvironment_ReadsEachSwitch(string name, string value, string kind)
    {
        var configuration = new Microsoft.Extensions.Configuration.ConfigurationManager { [name] = value };
        Assert.Equal([kind], FaultSet.FromEnvironment(configuration).Kinds());
    }

    [Theory]
    [InlineData("""{"latencyMs":-1}""", "latencyMs")]
    [InlineData("""{"latencyMs":60001}""", "latencyMs")]
    [InlineData("""{"errorRatio":1.01}""", "errorRatio")]
    [InlineData("""{"cpuBurn":2}""", "cpuBurn")]
    [InlineData("""{"memoryMbPerSecond":257}""", "memoryMbPerSecond")]
    [InlineData("""{"forSeconds":0}""", "forSeconds")]
    [InlineData("""{"forSeconds":3601}""", "forSeconds")]
    [InlineData("""{"latency":5}""", "latency")]
    [InlineData("""{"hang":"yes"}""", "hang")]
    [InlineData("not json", "fault set")]
    [InlineData("null", "fault set")]
    [InlineData("", "fault set")]
    public async Task BadFaultSet_IsRefusedAndChangesNothing(string body, string named)
    {
        await using var web = await WebFixture.StartAsync();
        using var refused = await web.PutFaultsAsync(body);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains(named, await refused.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        using var user = await web.Main.GetAsync("/", Cancel);
        Assert.Equal(HttpStatusCode.OK, user.StatusCode);
    }

    [Fact]
    public async Task Faults_NeedTheTokenTheManagementPortAndABoundedBody()
    {
        await using var web = await WebFixture.StartAsync();
        using var wrong = await web.PutFaultsAsync("{}", "wrong");
        using var missing = await web.Management.GetAsync("/faults", Cancel);
        using var elsewhere = await web.Main.GetAsync("/faults", Cancel);
        using var large = await web.PutFaultsAsync(new string(' ', 5_000));
        Assert.Equal(
            [HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.NotFound, HttpStatusCode.RequestEntityTooLarge],
            [wrong.StatusCode, missing.StatusCode, elsewhere.StatusCode, large.StatusCode]);
    }

    [Fact]
    public async Task Faults_WithoutATokenInTheEnvironment_DoNotExist()
    {
        await using var web = await WebFixture.StartAsync(null, ("FAULTS_TOKEN", ""));
        using var absent = await web.PutFaultsAsync("{}");
        Assert.Equal(HttpStatusCode.NotFound, absent.StatusCode);
    }

    private static FaultState NewState(int seed, TimeProvider? clock = null) => new(
        new WebSettings("blue", "pod", "1", 0, TimeSpan.Zero, 0, null, seed), clock ?? TimeProvider.System, NullLogger<FaultState>.Instance, static () => { });
}
