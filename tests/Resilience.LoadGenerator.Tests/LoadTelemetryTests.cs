using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Resilience.LoadGenerator.Tests;

/// <summary>Listeners are global to the process, so these run alone.</summary>
[CollectionDefinition(nameof(LoadTelemetryTests), DisableParallelization = true)]
[Collection(nameof(LoadTelemetryTests))]
public sealed class LoadTelemetryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WithoutAListener_NoRequestCarriesATrace()
    {
        await using var server = new StubServer();
        var (_, parents) = await RunAsync(server, rps: 100, seconds: 0.5, traces: 1_000);

        Assert.Equal(50, parents.Count);
        Assert.All(parents, Assert.Null);
    }

    [Fact]
    public async Task WithAListener_EveryRequestCarriesAParent_AndAFewAreSampled()
    {
        await using var server = new StubServer();
        var spans = new ConcurrentBag<Activity>();
        using var listener = Listen(spans.Add);
        var (result, parents) = await RunAsync(server, rps: 100, seconds: 2, traces: 5);

        Assert.Equal((200, 200), (result.Ok, parents.Count));
        Assert.All(parents, parent => Assert.Matches("^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$", parent));
        var sampled = parents.Where(parent => parent!.EndsWith("-01", StringComparison.Ordinal)).ToArray();
        // One at 0 s and one in each fifth of a second after it.
        Assert.Equal(10, sampled.Length);
        Assert.Equal(spans.Select(span => $"00-{span.TraceId}-{span.SpanId}-01").Order(), sampled.Order());
        Assert.Equal(10, spans.Select(span => span.TraceId).Distinct().Count());
        Assert.All(spans, span => Assert.Equal(("200", "blue", ActivityKind.Client, ActivityStatusCode.Unset),
            ($"{span.GetTagItem("http.response.status_code")}", $"{span.GetTagItem("resilience.slot")}", span.Kind, span.Status)));
    }

    [Fact]
    public async Task ASampledRequestThatFails_SaysSo()
    {
        await using var server = new StubServer { Answer = static _ => "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" };
        var spans = new ConcurrentBag<Activity>();
        using var listener = Listen(spans.Add);
        _ = await RunAsync(server, rps: 20, seconds: 0.2, traces: 1);

        var span = Assert.Single(spans);
        Assert.Equal(("503", ActivityStatusCode.Error), ($"{span.GetTagItem("error.type")}", span.Status));
    }

    [Fact]
    public async Task Metrics_CountEveryRequest_ByOutcomeAndSlot()
    {
        await using var server = new StubServer { Answer = static n => n % 4 == 0 ? "HTTP/1.1 500 No\r\nX-Slot: green\r\nContent-Length: 0\r\n\r\n" : StubServer.Ok("blue") };
        var counted = new ConcurrentDictionary<string, long>();
        var latencies = new ConcurrentBag<double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Meter.Name == LoadTelemetry.Name)
            {
                own.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => counted.AddOrUpdate(string.Join(' ', tags.ToArray().Select(tag => tag.Value)), value, (_, sum) => sum + value));
        listener.SetMeasurementEventCallback<double>((_, value, _, _) => latencies.Add(value));
        listener.Start();
        _ = await RunAsync(server, rps: 100, seconds: 1, traces: 0);

        Assert.Equal(new Dictionary<string, long> { ["Ok blue"] = 75, ["HttpError green"] = 25 }, counted.ToDictionary());
        Assert.Equal(75, latencies.Count);
        Assert.All(latencies, seconds => Assert.InRange(seconds, 0, 2));
    }

    [Theory]
    [InlineData(5, 1_000, 10, 50)]
    [InlineData(5, 2, 10, 20)]
    [InlineData(0, 1_000, 10, 0)]
    public void Sampler_TakesOneOfEachPeriod(double perSecond, int rps, int seconds, int expected)
    {
        var sampler = new TraceSampler(perSecond);

        Assert.Equal(expected, Enumerable.Range(0, rps * seconds).Count(i => sampler.IsDue(TimeSpan.FromSeconds((double)i / rps), i % 2 == 1)));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(15)]
    [InlineData(20)]
    [InlineData(200)]
    public void Sampler_TakesNewAndKeptConnectionsInTurn(int rps)
    {
        var sampler = new TraceSampler(5);

        var traced = Enumerable.Range(0, rps * 10).Where(i => sampler.IsDue(TimeSpan.FromSeconds((double)i / rps), i % 2 == 1)).ToArray();

        Assert.InRange(traced.Length, 49, 50);
        Assert.All(traced.Zip(traced.Skip(1)), pair => Assert.NotEqual(pair.First % 2, pair.Second % 2));
    }

    [Fact]
    public void Sampler_SeesRareNewConnectionsToo()
    {
        var sampler = new TraceSampler(5);

        var traced = Enumerable.Range(0, 100 * 30).Where(i => sampler.IsDue(TimeSpan.FromSeconds(i / 100.0), i % 4 == 3)).ToArray();

        Assert.Equal(150, traced.Length);
        Assert.InRange(traced.Count(i => i % 4 == 3), 60, 90);
    }

    private static ActivityListener Listen(Action<Activity> stopped)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == LoadTelemetry.Name,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = stopped,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static async Task<(LoadResult Result, IReadOnlyCollection<string?> Parents)> RunAsync(StubServer server, double rps, double seconds, double traces)
    {
        var parents = new ConcurrentBag<string?>();
        server.Hears = head => parents.Add(head.Split("\r\n").FirstOrDefault(line => line.StartsWith("traceparent: ", StringComparison.Ordinal))?["traceparent: ".Length..]);
        var plan = new LoadPlan { Url = server.Url, Profile = LoadProfile.Constant(rps), Duration = TimeSpan.FromSeconds(seconds), TracesPerSecond = traces };
        await using var run = await LoadRun.StartAsync(plan, TimeProvider.System, Cancel);
        return (await run.Completion, parents);
    }
}
