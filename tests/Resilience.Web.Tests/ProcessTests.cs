using System.Net;
using Resilience.Testing;

namespace Resilience.Web.Tests;

/// <summary>The process contract, kept by the real program under real signals.</summary>
public sealed class ProcessTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SigTerm_FailsReadinessServesWhileDrainingAndClosesKeepAlives()
    {
        SkipOnWindows();
        await using var pod = await PodProcess.StartAsync(Cancel, ("DRAIN_SECONDS", "3"));
        using var kept = await RawConnection.OpenAsync(pod.Main, Cancel);
        using var idle = await RawConnection.OpenAsync(pod.Main, Cancel);
        var before = await kept.GetAsync("/work?n=1", Cancel);
        _ = await idle.GetAsync("/work?n=1", Cancel);
        using var client = new HttpClient { BaseAddress = pod.Main };

        pod.Signal(PodProcess.SigTerm);
        await UntilAsync(async () => (await StatusAsync(client, "/readyz")) == HttpStatusCode.ServiceUnavailable);

        // Traffic that is still on its way is served, on connections old and new, and told not to come back on the old ones.
        var after = await kept.GetAsync("/work?n=1", Cancel);
        Assert.DoesNotContain("Connection: close", before, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", after, StringComparison.Ordinal);
        Assert.Contains("Connection: close", after, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/work?n=1"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/healthz"));
        await kept.ClosedAsync(Cancel);
        await idle.ClosedAsync(Cancel);
        Assert.Equal(0, await pod.ExitCodeAsync(Cancel));
    }

    [Fact]
    public async Task FirstRequestsOfThePodsOwn_CountNowhere()
    {
        await using var pod = await PodProcess.StartAsync(Cancel, ("DRAIN_SECONDS", "0"));
        using var users = new HttpClient { BaseAddress = pod.Main };
        using var management = new HttpClient { BaseAddress = pod.Management };
        await UntilAsync(async () => await StatusAsync(users, "/readyz") == HttpStatusCode.OK);
        var metrics = await management.GetStringAsync("/metrics", Cancel);
        Assert.DoesNotContain("http_route=\"/work\"", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain("resilience_web_requests_total{", metrics, StringComparison.Ordinal);

        _ = await users.GetStringAsync("/work?n=1", Cancel);
        // Counted after the answer has gone.
        await UntilAsync(async () => await management.GetStringAsync("/metrics", Cancel) is var now
            && now.Contains("http_route=\"/work\"", StringComparison.Ordinal) && now.Contains("resilience_web_requests_total{", StringComparison.Ordinal));
    }

    [Fact]
    public async Task SigTerm_LetsARequestInFlightFinish()
    {
        SkipOnWindows();
        await using var pod = await PodProcess.StartAsync(Cancel, ("DRAIN_SECONDS", "0"), ("SERVICE_TIME_MS", "1500"));
        using var connection = await RawConnection.OpenAsync(pod.Main, Cancel);
        var answer = connection.GetAsync("/work?n=1", Cancel);
        using var management = new HttpClient { BaseAddress = pod.Management };
        // Counted on admission: the request is inside, and takes its 1.5 s.
        await UntilAsync(async () => (await management.GetStringAsync("/metrics", Cancel)).Contains("resilience_web_queue_wait_seconds_count", StringComparison.Ordinal));
        pod.Signal(PodProcess.SigTerm);
        Assert.StartsWith("HTTP/1.1 200", await answer, StringComparison.Ordinal);
        Assert.Equal(0, await pod.ExitCodeAsync(Cancel));
    }

    [Fact]
    public async Task Lifeline_WhenItsParentIsGone_TheProcessEndsEvenWhileHanging()
    {
        await using var pod = await PodProcess.StartAsync(Cancel, ("POD_HANG", "true"));
        Assert.False(pod.HasExited);
        pod.CloseLifeline();
        Assert.Equal(0, await pod.ExitCodeAsync(Cancel));
    }

    [Fact]
    public async Task SigInt_UnderALifeline_IsTheParentsBusiness()
    {
        SkipOnWindows();
        await using var pod = await PodProcess.StartAsync(Cancel, ("DRAIN_SECONDS", "0"));
        using var client = new HttpClient { BaseAddress = pod.Main };
        pod.Signal(PodProcess.SigInt);
        pod.Signal(PodProcess.SigInt);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/readyz"));
        }

        pod.Signal(PodProcess.SigTerm);
        Assert.Equal(0, await pod.ExitCodeAsync(Cancel));
    }

    [Fact]
    public async Task SigInt_WithoutALifeline_StopsAsInAnyTerminal()
    {
        SkipOnWindows();
        Assert.SkipWhen(Interrupts.AreIgnored, Interrupts.WhyNot);
        await using var pod = await PodProcess.StartAsync(Cancel, ("RESILIENCE_LIFELINE", ""), ("DRAIN_SECONDS", "0"));
        pod.Signal(PodProcess.SigInt);
        Assert.Equal(0, await pod.ExitCodeAsync(Cancel));
    }

    /// <summary>In a process of its own: OpenTelemetry hears every meter of a process, and those of other tests come and go.</summary>
    [Fact]
    public async Task Metrics_AreOnlyOnTheManagementPort()
    {
        await using var pod = await PodProcess.StartAsync(Cancel);
        using var main = new HttpClient { BaseAddress = pod.Main };
        using var management = new HttpClient { BaseAddress = pod.Management };
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(main, "/metrics"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(main, "/work"));
        // Not at once: a scrape that meets the pod's own first one is answered together with it, from before the request.
        var scrape = "";
        await UntilAsync(async () => (scrape = await management.GetStringAsync("/metrics", Cancel)).Contains("resilience_web_requests_total{", StringComparison.Ordinal));
        Assert.Matches("resilience_web_requests_total\\{[^}]*outcome=\"ok\"[^}]*\\} 1\\b", scrape);   // only what users asked for
        Assert.Contains("http_server_request_duration_seconds_count", scrape, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Crash_ExitsWithCodeOne()
    {
        await using var pod = await PodProcess.StartAsync(Cancel, ("FAULTS_TOKEN", "t"));
        using var client = new HttpClient { BaseAddress = pod.Management };
        using var request = new HttpRequestMessage(HttpMethod.Put, "/faults") { Content = new StringContent("""{"crash":true}""") };
        request.Headers.Add("X-Fault-Token", "t");
        using var accepted = await client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        Assert.Equal(1, await pod.ExitCodeAsync(Cancel));
    }

    private static void SkipOnWindows() => Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM to send to another process.");

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(path, Cancel);
        return response.StatusCode;
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
        }
    }
}
