using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Resilience.ServiceDefaults;

/// <summary>
/// OpenTelemetry for one process. Metrics always, for the scrape; logs and traces are only recorded when somebody takes them
/// (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>), since a span that is never exported costs as much as one that is.
/// </summary>
internal static class ProcessTelemetry
{
    private const string OwnSources = "Resilience.*";

    // The instruments of the runtime and of ASP.NET Core are built in since .NET 8 and 9. The instrumentation packages would only name them.
    private static readonly string[] Meters =
    [
        OwnSources, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime",
    ];

    private const int PlatformCardinality = 250;

    private static readonly string[] QuietPaths = ["/healthz", "/readyz", "/metrics"];

    public static void Add(IHostApplicationBuilder builder, PodIdentity pod)
    {
        var otlp = !string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        if (otlp)
        {
            builder.Logging.AddOpenTelemetry(static logging => (logging.IncludeFormattedMessage, logging.IncludeScopes) = (true, true));
        }

        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => Describe(resource, builder.Environment.ApplicationName, pod))
            .WithMetrics(static metrics => metrics.AddMeter(Meters)
                .AddView(OfThePlatform)
                // Every scrape reads afresh: an agent that scrapes often must not be told what was true a moment ago.
                .AddPrometheusExporter(static exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0));
        if (otlp)
        {
            telemetry.WithTracing(static tracing => tracing
                .AddSource(OwnSources)
                .AddAspNetCoreInstrumentation(static options => options.Filter = IsWorthASpan)
                .AddHttpClientInstrumentation(static options => options.FilterHttpRequestMessage = static _ => IsPartOfATrace(Activity.Current)));
            telemetry.UseOtlpExporter();
        }
    }

    /// <summary>
    /// The SDK sets aside room for 2000 combinations of tags for each instrument from the start, some 200 kB. The instruments of the platform
    /// have a few dozen; ours may have one for each object of a large cluster.
    /// </summary>
    private static MetricStreamConfiguration? OfThePlatform(Instrument instrument) =>
        instrument.Meter.Name.StartsWith("Resilience.", StringComparison.Ordinal) ? null : new MetricStreamConfiguration { CardinalityLimit = PlatformCardinality };

    // A probe every second would bury the traces that people look for.
    private static bool IsWorthASpan(HttpContext context) => !QuietPaths.Contains(context.Request.Path.Value);

    // Nor may the lease renewals and watches of a controller: a request to the API server counts as part of a decision, not for itself.
    private static bool IsPartOfATrace(Activity? request) => request is not null && request.ParentSpanId != default;

    private static void Describe(ResourceBuilder resource, string application, PodIdentity pod)
    {
        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, when set, were read before and win over the application's own name.
        var name = Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME") is { Length: > 0 } given ? given : application;
        resource.AddService(name, serviceInstanceId: pod.Name).AddAttributes(
        [
            new("k8s.pod.name", pod.Name),
            new("k8s.namespace.name", pod.Namespace),
            .. pod.Slot is { } slot ? [new KeyValuePair<string, object>("resilience.slot", slot)] : Array.Empty<KeyValuePair<string, object>>(),
        ]);
    }
}
