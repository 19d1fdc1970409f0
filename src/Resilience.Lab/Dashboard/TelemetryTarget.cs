using System.Globalization;
using System.Text.Json.Serialization;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Dashboard;

/// <summary>Where processes send logs, traces and metrics.</summary>
/// <param name="Endpoint">Takes OTLP over gRPC.</param>
/// <param name="Key">Lets its holder send telemetry to this one dashboard, and nothing else.</param>
internal sealed record TelemetryTarget(Uri Endpoint, string Key)
{
    /// <summary>Often enough that a person who watches a drill sees it while it happens.</summary>
    private static readonly TimeSpan MetricInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BatchDelay = TimeSpan.FromSeconds(1);

    [JsonIgnore]
    public string Headers => $"x-otlp-api-key={Key}";

    /// <summary>The variables of OpenTelemetry's own specification, for one service.</summary>
    public IReadOnlyDictionary<string, string> Variables(string service) => new Dictionary<string, string>
    {
        ["OTEL_SERVICE_NAME"] = service,
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Endpoint.ToString().TrimEnd('/'),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc",
        ["OTEL_EXPORTER_OTLP_HEADERS"] = Headers,
        ["OTEL_METRIC_EXPORT_INTERVAL"] = Milliseconds(MetricInterval),
        ["OTEL_BSP_SCHEDULE_DELAY"] = Milliseconds(BatchDelay),
        ["OTEL_BLRP_SCHEDULE_DELAY"] = Milliseconds(BatchDelay),
    };

    /// <summary>Has every Deployment of the set report here, as a service of the Deployment's name; slot and pod are told by the processes themselves.</summary>
    public ManifestSet Instrument(ManifestSet set) => set.Items
        .Where(manifest => manifest.Kind == "Deployment")
        .Aggregate(set, (changed, deployment) => changed.WithEnvironment(deployment.Name, Variables(deployment.Name)));

    private static string Milliseconds(TimeSpan span) => span.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
}
