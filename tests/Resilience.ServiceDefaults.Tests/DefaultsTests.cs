using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Resilience.Testing;

namespace Resilience.ServiceDefaults.Tests;

public sealed class DefaultsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Readiness_IsEveryCheckTaggedReady_LivenessIsNone()
    {
        var ready = false;
        await using var app = await StartAsync(builder => builder.Services.AddHealthChecks()
            .AddCheck("cache", () => ready ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("not listed yet"), tags: ["ready"])
            .AddCheck("elsewhere", static () => HealthCheckResult.Unhealthy("a dependency is down")));
        using var client = Client(app, port: 0);
        using var before = await client.GetAsync("/readyz", Cancel);
        using var alive = await client.GetAsync("/healthz", Cancel);
        ready = true;
        using var after = await client.GetAsync("/readyz", Cancel);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK, HttpStatusCode.OK), (before.StatusCode, alive.StatusCode, after.StatusCode));
        Assert.Contains("\"cache\":\"Unhealthy: not listed yet\"", await before.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Production")]
    [InlineData("Development")]
    public async Task Endpoints_ExistInEveryEnvironment_MetricsOnTheManagementPortOnly(string environment)
    {
        await using var app = await StartAsync(builder => builder.Environment.EnvironmentName = environment);
        using var main = Client(app, port: 0);
        using var management = Client(app, port: 1);
        foreach (var path in new[] { "/healthz", "/readyz" })
        {
            using var onMain = await main.GetAsync(path, Cancel);
            using var onManagement = await management.GetAsync(path, Cancel);
            Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (onMain.StatusCode, onManagement.StatusCode));
        }

        using var hidden = await main.GetAsync("/metrics", Cancel);
        using var shown = await management.GetAsync("/metrics", Cancel);
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.OK), (hidden.StatusCode, shown.StatusCode));
    }

    [Fact]
    public async Task ManagementPort_CannotBeReachedByAHostHeader()
    {
        await using var app = await StartAsync();
        using var main = Client(app, port: 0);
        using var management = Client(app, port: 1);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Host = management.BaseAddress!.Authority;
        using var answer = await main.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task HttpResilience_RetriesForOrdinaryClientsAndNeverForMeasuringOnes(bool resilience, int expectedCalls)
    {
        var calls = 0;
        await using var app = await StartAsync(
            configureApp: web => web.MapGet("/flaky", context =>
            {
                context.Response.StatusCode = Interlocked.Increment(ref calls) == 1 ? 503 : 200;
                return Task.CompletedTask;
            }),
            options: defaults => defaults.HttpResilience = resilience);
        using var address = Client(app, port: 0);
        using var client = app.Services.GetRequiredService<IHttpClientFactory>().CreateClient("any");
        using var answer = await client.GetAsync(new Uri(address.BaseAddress!, "/flaky"), Cancel);
        Assert.Equal(expectedCalls, calls);
        Assert.Equal(resilience ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("http://127.0.0.1:9", true)]
    public async Task Traces_AreRecordedOnlyWhenSomebodyTakesThem_MetricsAlways(string? endpoint, bool traces)
    {
        await using var app = await StartAsync(builder => builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint);
        Assert.Equal(traces, app.Services.GetService<TracerProvider>() is not null);
        Assert.NotNull(app.Services.GetService<MeterProvider>());
    }

    [Fact]
    public async Task Drain_FailsReadinessBeforeHostedServicesStop()
    {
        var stopped = new StopRecorder();
        var app = await StartAsync(builder =>
        {
            builder.Configuration["DRAIN_SECONDS"] = "3";
            builder.Services.AddSingleton<IHostedService>(stopped);
        });
        using var client = Client(app, port: 1);
        var stopping = app.StopAsync(Cancel);
        HttpResponseMessage answer;
        while ((answer = await client.GetAsync("/readyz", Cancel)).StatusCode == HttpStatusCode.OK)
        {
            answer.Dispose();
        }

        Assert.False(stopped.HasStopped);
        Assert.True(answer.Headers.ConnectionClose);
        answer.Dispose();
        await stopping;
        Assert.True(stopped.HasStopped);
        await app.DisposeAsync();
    }

    [Fact]
    public async Task Readiness_WaitsForTheProcessesOwnFirstRequests_WhichNoMetricCounts()
    {
        var (asked, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var app = Create(warmUp: ["/page"], configureApp: made => made.MapGet("/page", async () =>
        {
            asked.TrySetResult();
            await go.Task;
            return "page";
        }));
        var starting = app.StartAsync(Cancel);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        using var users = Client(app, 0);
        using var management = Client(app, 1);
        using var cold = await management.GetAsync("/readyz", Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, cold.StatusCode);
        Assert.Contains("\"warm-up\":\"Unhealthy", await cold.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);

        go.SetResult();
        await starting;
        using var warm = await management.GetAsync("/readyz", Cancel);
        Assert.Equal(HttpStatusCode.OK, warm.StatusCode);
        Assert.DoesNotContain("http_route=\"/page\"", await management.GetStringAsync("/metrics", Cancel), StringComparison.Ordinal);
        users.DefaultRequestHeaders.Add("X-Warm-Up", "guessed");   // nobody else can hide
        // A request is counted after its answer has gone; the connection's next one comes after that.
        _ = await users.GetStringAsync("/page", Cancel);
        _ = await users.GetStringAsync("/page", Cancel);
        Assert.Contains("http_route=\"/page\"", await management.GetStringAsync("/metrics", Cancel), StringComparison.Ordinal);
    }

    /// <summary>A refusal to start is the Program's to tell, in one line; what ends a running process is in its log, with the stack.</summary>
    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task FailureOfAService_IsLoggedWhenItRanAlready(bool ran, int records)
    {
        await using var app = Create(builder =>
        {
            builder.Configuration["Logging:LogLevel:Default"] = "Information";
            builder.Logging.AddFakeLogging();
            builder.Services.AddSingleton<IHostedService>(new FailingService(ran));
        });
        var log = app.Services.GetFakeLogCollector();
        var ended = app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        if (ran)
        {
            await app.StartAsync(Cancel);
            await Eventually.TrueAsync(() => ended.IsCancellationRequested, "the process ends");
        }
        else
        {
            _ = await Assert.ThrowsAsync<NotSupportedException>(() => app.StartAsync(Cancel));
        }

        Assert.Equal(records, log.GetSnapshot().Count(record => record.Exception is NotSupportedException));
    }

    private static async Task<WebApplication> StartAsync(
        Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? configureApp = null, Action<ServiceDefaultsOptions>? options = null)
    {
        var app = Create(configure, configureApp, options);
        await app.StartAsync(Cancel);
        return app;
    }

    private static WebApplication Create(
        Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? configureApp = null, Action<ServiceDefaultsOptions>? options = null,
        IReadOnlyList<string>? warmUp = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["PORT"] = "0", ["MANAGEMENT_PORT"] = "0", ["DRAIN_SECONDS"] = "0", ["Logging:LogLevel:Default"] = "None",
        });
        configure?.Invoke(builder);
        builder.AddServiceDefaults(options);
        builder.Services.AddHttpClient();
        builder.AddPodEndpoints(main: true, warmUp ?? []);
        var app = builder.Build();
        app.MapDefaultEndpoints();
        configureApp?.Invoke(app);
        return app;
    }

    private static HttpClient Client(WebApplication app, int port)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return new() { BaseAddress = new Uri(addresses.ElementAt(port)) };
    }

    private sealed class FailingService(bool runs) : BackgroundService
    {
        public override Task StartAsync(CancellationToken cancellationToken) => runs ? base.StartAsync(cancellationToken) : throw new NotSupportedException("at the start");

        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            throw new NotSupportedException("later");
        }
    }

    private sealed class StopRecorder : IHostedService
    {
        public bool HasStopped { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            HasStopped = true;
            return Task.CompletedTask;
        }
    }
}
