using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Resilience.ServiceDefaults;

namespace Microsoft.Extensions.Hosting;

/// <summary>Telemetry, health, HTTP resilience, draining and the lifeline, the same in every process.</summary>
public static class ServiceDefaultsExtensions
{
    /// <summary>Registers the defaults. Readiness consists of every health check tagged <c>ready</c>.</summary>
    /// <exception cref="EnvironmentException">An environment variable of the process contract is not usable.</exception>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder, Action<ServiceDefaultsOptions>? configure = null)
        where TBuilder : IHostApplicationBuilder
    {
        var options = new ServiceDefaultsOptions();
        configure?.Invoke(options);
        var pod = PodIdentity.Read(builder.Configuration);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(pod);
        AddConsoleLog(builder.Logging);
        ProcessTelemetry.Add(builder, pod);
        builder.AddLifeline();
        var health = builder.Services.AddHealthChecks();
        if (options.Drain)
        {
            builder.Services.AddSingleton<Draining>().AddHostedService(static services => services.GetRequiredService<Draining>());
            health.AddCheck<Draining>("draining", tags: [HealthEndpoints.ReadyTag]);
            // The host cancels a stop that takes longer than this; what is left after the drain is for requests in flight.
            builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = pod.Drain + TimeSpan.FromSeconds(5));
        }

        if (options.HttpResilience)
        {
            builder.Services.AddServiceDiscovery();
            builder.Services.ConfigureHttpClientDefaults(static http =>
            {
                http.AddStandardResilienceHandler();
                http.AddServiceDiscovery();
            });
        }

        return builder;
    }

    /// <summary>
    /// Ends the process when its parent is gone and leaves SIGINT to the parent, if <c>RESILIENCE_LIFELINE=stdin</c> asks for it;
    /// SIGTERM stops gracefully in any case. Part of <see cref="AddServiceDefaults{TBuilder}"/>.
    /// </summary>
    public static TBuilder AddLifeline<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        _ = Lifeline.Start();
        builder.Services.Replace(ServiceDescriptor.Singleton<IHostLifetime, PodLifetime>());
        return builder;
    }

    /// <summary>
    /// Kestrel listens on <c>POD_IP</c>: <c>PORT</c> for users unless <paramref name="main"/> is false, <c>MANAGEMENT_PORT</c> for probes,
    /// metrics and drills. Call after <see cref="AddServiceDefaults{TBuilder}"/>.
    /// </summary>
    /// <param name="builder">Of the process.</param>
    /// <param name="main">False for a process that has no users.</param>
    /// <param name="warmUp">Paths of the users' port that the process asks itself for before it says that it is ready.</param>
    public static TBuilder AddPodEndpoints<TBuilder>(this TBuilder builder, bool main = true, params IReadOnlyList<string> warmUp)
        where TBuilder : IHostApplicationBuilder
    {
        builder.Services.AddOptions<KestrelServerOptions>().Configure<PodIdentity>((kestrel, pod) => ManagementPort.Listen(kestrel, pod, main));
        builder.Services.AddSingleton(services => new WarmUp(services.GetRequiredService<IServer>(), warmUp, services.GetRequiredService<TimeProvider>()))
            .AddHostedService(static services => services.GetRequiredService<WarmUp>());
        if (warmUp.Count > 0)
        {
            builder.Services.AddHealthChecks().AddCheck<WarmUp>("warm-up", tags: [HealthEndpoints.ReadyTag]);
        }

        return builder;
    }

    /// <summary>Maps <c>/healthz</c> and <c>/readyz</c> on every port and <c>/metrics</c> on the management port.</summary>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        app.Use(WarmUp.LeaveOutAsync);
        if (app.Services.GetService<Draining>() is { } draining)
        {
            app.Use((context, next) =>
            {
                // A keep-alive connection would otherwise stay with this process for as long as it lives.
                if (draining.IsActive)
                {
                    context.Response.Headers.Connection = "close";
                }

                return next(context);
            });
        }

        HealthEndpoints.Map(app);
        app.MapPrometheusScrapingEndpoint("/metrics").RequireManagementPort();
        return app;
    }

    /// <summary>The endpoint answers 404 on every port but the management port.</summary>
    public static TBuilder RequireManagementPort<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder
    {
        endpoint.Finally(static builder => builder.RequestDelegate = ManagementPort.Only(builder.RequestDelegate!));
        return endpoint;
    }

    /// <summary>True when the request came in on the management port.</summary>
    public static bool IsOnManagementPort(this HttpContext context) => ManagementPort.Serves(context);

    /// <summary>True for a request that the process sent itself while it started: it is nobody's, and counts nowhere.</summary>
    public static bool IsWarmUp(this HttpContext context) => WarmUp.IsOwn(context);

    private static void AddConsoleLog(ILoggingBuilder logging)
    {
        logging.AddSimpleConsole(static console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        // A failing probe would log an error every time it is asked; its answer says why.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.Critical);
        // What keeps a process from starting is told by its Program, in one line. A background service that fails later is Critical.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
    }
}
