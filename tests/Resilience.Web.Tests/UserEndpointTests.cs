using System.Net;

namespace Resilience.Web.Tests;

public sealed class UserEndpointTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/")]
    [InlineData("/work")]
    [InlineData("/work?ms=2")]
    [InlineData("/work?n=1")]
    [InlineData("/api/whoami")]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    public async Task EveryAnswer_NamesSlotPodAndVersion(string path)
    {
        await using var web = await WebFixture.StartAsync();
        using var response = await web.Main.GetAsync(path, Cancel);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(["blue", "web-blue-1", "9.9"], new[] { "X-Slot", "X-Pod", "X-Version" }.Select(name => response.Headers.GetValues(name).Single()));
    }

    [Fact]
    public async Task HomePage_ShowsItsIdentityAndLoadsNothingFromElsewhere()
    {
        await using var web = await WebFixture.StartAsync(null, ("POD_NAME", "<b>pod"));
        var html = await web.Main.GetStringAsync("/", Cancel);
        Assert.Contains("data-slot=\"blue\"", html, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;pod", html, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", html, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", html, StringComparison.Ordinal);
        Assert.DoesNotContain("https:", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoAmI_ClosesItsConnectionSoThatTheNextPollFollowsTheTraffic()
    {
        await using var web = await WebFixture.StartAsync();
        using var response = await web.Main.GetAsync("/api/whoami", Cancel);
        Assert.True(response.Headers.ConnectionClose);
        Assert.Contains("\"slot\":\"blue\"", await response.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ms=-1", "ms")]
    [InlineData("ms=1001", "ms")]
    [InlineData("ms=1.5", "ms")]
    [InlineData("ms=", "ms")]
    [InlineData("ms=1&ms=2", "ms")]
    [InlineData("n=100001", "n")]
    [InlineData("n=abc", "n")]
    [InlineData("n=99999999999999999999", "n")]
    public async Task Work_OutOfBounds_IsABadRequestThatNamesTheField(string query, string field)
    {
        await using var web = await WebFixture.StartAsync();
        using var response = await web.Main.GetAsync($"/work?{query}", Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains($"\"{field}\":[\"must be one whole number", await response.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SLOT", "red", "SLOT must be blue or green, not 'red'.")]
    [InlineData("CAPACITY_RPS", "-1", "CAPACITY_RPS must be a number from 0 to 100000, not '-1'.")]
    [InlineData("SERVICE_TIME_MS", "fast", "SERVICE_TIME_MS must be a number from 0 to 60000, not 'fast'.")]
    [InlineData("POD_IP", "nowhere", "POD_IP must be an IP address, not 'nowhere'.")]
    [InlineData("DRAIN_SECONDS", "-2", "DRAIN_SECONDS must be a number from 0 to 600, not '-2'.")]
    [InlineData("SLOW_REQUESTS", "70000", "SLOW_REQUESTS must be a number from 0 to 60000, not '70000'.")]
    public async Task BadEnvironment_IsRefusedWithOneLineThatSaysWhatIsAccepted(string name, string value, string message)
    {
        var failure = await Assert.ThrowsAsync<ServiceDefaults.EnvironmentException>(() => WebFixture.StartAsync(null, (name, value)));
        Assert.Equal(message, failure.Message);
    }

    [Fact]
    public async Task QueueFull_IsShedWith503AndRetryAfter()
    {
        // One request per 10 s and nobody may wait: the second request finds the replica booked.
        await using var web = await WebFixture.StartAsync(null, ("CAPACITY_RPS", "0.1"), ("QUEUE_LIMIT", "0"));
        using var first = await web.Main.GetAsync("/work?n=1", Cancel);
        using var second = await web.Main.GetAsync("/work?n=1", Cancel);
        using var probe = await web.Main.GetAsync("/readyz", Cancel);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.InRange(second.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 10);
        Assert.Equal(HttpStatusCode.OK, probe.StatusCode);
    }
}
