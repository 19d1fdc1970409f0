namespace Resilience.LoadGenerator.Tests;

public sealed class LoadRunTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>
    /// An open model in closed form: at rate r, a stall of length s delays r·s requests, the i-th of them by what is left of the stall. Among n
    /// requests the share delayed by more than x is r·(s − x)/n, so percentile q of all lies at x = s − (1 − q)·n/r.
    /// </summary>
    [Fact]
    public async Task Stall_AppearsInThePercentilesAsItWouldToUsers()
    {
        const double rps = 200, stallMs = 300, seconds = 2;
        await using var server = new StubServer();
        await using var run = await LoadRun.StartAsync(Plan(server, rps, seconds), TimeProvider.System, Cancel);
        await Task.Delay(TimeSpan.FromSeconds(0.8), TimeProvider.System, Cancel);
        var clock = TimeProvider.System;
        server.Stall();
        var stalled = clock.GetTimestamp();
        await Task.Delay(TimeSpan.FromMilliseconds(stallMs), clock, Cancel);
        server.Resume();
        var actualStallMs = clock.GetElapsedTime(stalled).TotalMilliseconds;
        var result = await run.Completion;

        Assert.Equal((400, 0), (result.Ok, result.Failed));
        Assert.InRange(result.Latency.MaxMs, actualStallMs - 40, actualStallMs + 100);
        // p95 of 400 requests is the 20th worst: 19 arrivals of 5 ms after the stall began.
        var expectedP95 = actualStallMs - (0.05 * seconds * 1_000);
        Assert.InRange(result.Latency.P95Ms, expectedP95 - 40, expectedP95 + 100);
        // A closed loop would have sent one request in all that time; here every one of them was sent and waited.
        var delayed = result.Series().Sum(static second => second.Ok);
        Assert.Equal(400, delayed);
        Assert.InRange(result.LongestGapMs, actualStallMs - 40, actualStallMs + 100);
    }

    /// <summary>A promise about time, kept where nothing else runs beside it.</summary>
    [Fact(Explicit = true)]
    [Trait("tier", "slow")]
    public async Task AchievedRate_At500PerSecond_IsWithinOnePercent()
    {
        await using var server = new StubServer();
        await using var run = await LoadRun.StartAsync(Plan(server, 500, 3), TimeProvider.System, Cancel);
        var result = await run.Completion;
        Assert.Equal(1_500, result.Scheduled);
        Assert.InRange(result.AchievedRps, 495, 505);
        Assert.InRange(server.Requests, 1_485, 1_500);
        // The median only: on a shared machine the tail of the lag belongs to the machine.
        Assert.InRange(result.Generator.SendLagP50Ms, 0, 2);
        // Seconds are full while they last, not made up for at the end.
        var perSecond = result.Series().Select(static second => second.Ok + second.Failed);
        Assert.All(perSecond, static count => Assert.InRange(count, 495, 505));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.25)]
    [InlineData(0.5)]
    [InlineData(1.0)]
    public async Task NewConnectionRatio_IsKept(double ratio)
    {
        await using var server = new StubServer();
        await using var run = await LoadRun.StartAsync(Plan(server, 200, 1) with { NewConnectionRatio = ratio, KeptConnections = 4 }, TimeProvider.System, Cancel);
        var result = await run.Completion;
        Assert.Equal(200, result.Ok);
        // Kept connections are opened once; while all are busy, as when the machine stalls, more may be: never for each request.
        var fresh = (int)(200 * ratio);
        var kept = ratio < 1 ? 4 : 0;
        Assert.InRange(server.Connections, fresh + kept, fresh + kept + ((200 - fresh) / 2));
        Assert.Equal(server.Connections, result.Generator.ConnectionsOpened);
    }

    [Fact]
    public async Task FrozenServer_TimesEverythingOutWithinItsLimits()
    {
        await using var server = new StubServer();
        server.Stall();
        var plan = Plan(server, 500, 1) with { Timeout = TimeSpan.FromMilliseconds(400), MaxInFlight = 50 };
        await using var run = await LoadRun.StartAsync(plan, TimeProvider.System, Cancel);
        var result = await run.Completion;
        Assert.Equal((0, 500), (result.Ok, result.Failed));
        Assert.Equal(500, result.FailedBy[Outcome.TimedOut] + result.FailedBy[Outcome.NotSent]);
        // 50 at a time, each for 0.4 s.
        Assert.InRange(result.FailedBy[Outcome.TimedOut], 100, 150);
        Assert.InRange(server.Connections, 50, 150);
        Assert.False(result.GapAfter(result.StartedAt, result.StartedAt + TimeSpan.FromSeconds(1)).Recovered);
    }

    [Fact]
    public async Task NobodyListens_EveryRequestFailsAsNotConnected()
    {
        var server = new StubServer();
        var plan = Plan(server, 100, 0.5);
        await server.DisposeAsync();
        await using var run = await LoadRun.StartAsync(plan, TimeProvider.System, Cancel);
        var result = await run.Completion;
        Assert.Equal(50, result.FailedBy[Outcome.NotConnected]);
        Assert.Equal(1, result.ErrorRatio);
    }

    [Fact]
    public async Task Answers_AreCountedBySlotAndStatus()
    {
        await using var server = new StubServer
        {
            Answer = static number => (number % 4) switch
            {
                0 => "HTTP/1.1 503 Service Unavailable\r\nX-Slot: blue\r\nContent-Length: 0\r\n\r\n",
                1 => "HTTP/1.1 200 OK\r\nX-Slot: green\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                2 => StubServer.Ok("blue"),
                _ => "HTTP/1.1 204 No Content\r\n\r\n",
            },
        };
        await using var run = await LoadRun.StartAsync(Plan(server, 400, 0.5), TimeProvider.System, Cancel);
        var result = await run.Completion;
        Assert.Equal((150, 50), (result.Ok, result.FailedBy[Outcome.HttpError]));
        Assert.Equal([("blue", 50L), ("green", 50L), ("unknown", 50L)], result.PerSlot.OrderBy(static p => p.Key).Select(static p => (p.Key, p.Value)));
    }

    [Fact]
    public async Task BrokenAnswer_FailsOnceAndIsNotRetried()
    {
        await using var server = new StubServer { Answer = static _ => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort" };
        await using var run = await LoadRun.StartAsync(Plan(server, 100, 0.5) with { NewConnectionRatio = 1 }, TimeProvider.System, Cancel);
        var result = await run.Completion;
        Assert.Equal(50, result.FailedBy[Outcome.Broken]);
        Assert.Equal(50, server.Requests);
    }

    [Fact]
    public async Task Stop_EndsEarlyAndCountsNothingThatWasUnderWay()
    {
        await using var server = new StubServer();
        server.Stall();
        await using var run = await LoadRun.StartAsync(Plan(server, 200, 600), TimeProvider.System, Cancel);
        while (run.Snapshot().InFlight < 20)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        }

        run.StopSending();
        var result = await run.Completion.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Equal((0, 0), (result.Ok, result.Failed));
    }

    [Fact]
    public async Task Snapshot_ShowsTheLastSecond()
    {
        await using var server = new StubServer();
        await using var run = await LoadRun.StartAsync(Plan(server, 200, 600), TimeProvider.System, Cancel);
        LoadSnapshot snapshot;
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel);
            snapshot = run.Snapshot();
        }
        while (snapshot.Ok < 100);

        Assert.Equal(("blue", 200.0, 0L), (snapshot.LastSlot, snapshot.TargetRps, snapshot.Failed));
        Assert.InRange(snapshot.RecentOk, 1, 250);
        Assert.True(snapshot.RecentP50Ms <= snapshot.RecentP99Ms);
    }

    [Theory]
    [InlineData("ftp://host/", 1, 0.5, "http or https")]
    [InlineData("http://host/", 0, 0.5, "duration")]
    [InlineData("http://host/", 1, 1.5, "ratio")]
    public async Task BadPlan_IsRefusedInWords(string url, int seconds, double ratio, string named)
    {
        var plan = new LoadPlan { Url = new Uri(url), Profile = LoadProfile.Constant(1), Duration = TimeSpan.FromSeconds(seconds), NewConnectionRatio = ratio };
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => LoadRun.StartAsync(plan, TimeProvider.System, Cancel));
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    private static LoadPlan Plan(StubServer server, double rps, double seconds) =>
        new() { Url = server.Url, Profile = LoadProfile.Constant(rps), Duration = TimeSpan.FromSeconds(seconds) };
}
