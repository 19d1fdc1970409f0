using System.Net;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.AppHost.EmbeddedCluster;

/// <summary>Where pods report to, as the variables of OpenTelemetry's specification.</summary>
/// <param name="Key">What Aspire's dashboard asks of a sender; null asks nothing.</param>
internal sealed record PodTelemetry(string Endpoint, string? Key)
{
    public IEnumerable<(string Name, string Value)> Variables(string service)
    {
        yield return ("OTEL_SERVICE_NAME", service);
        yield return ("OTEL_EXPORTER_OTLP_ENDPOINT", Endpoint);
        yield return ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        yield return ("OTEL_METRIC_EXPORT_INTERVAL", "2000");
        yield return ("OTEL_BSP_SCHEDULE_DELAY", "1000");
        yield return ("OTEL_BLRP_SCHEDULE_DELAY", "1000");
        if (Key is not null)
        {
            yield return ("OTEL_EXPORTER_OTLP_HEADERS", $"x-otlp-api-key={Key}");
        }
    }
}

/// <summary>Applies manifests to the embedded cluster, definitions of custom resources first.</summary>
internal static class ManifestWriter
{
    public static async Task ApplyAsync(KubernetesApi api, ManifestSet manifests, PodTelemetry? telemetry, CancellationToken stop)
    {
        var kinds = new Dictionary<string, JsonArray>(StringComparer.Ordinal);
        var inside = manifests.Items.Where(manifest => manifest.Kind != "Deployment" || !ClusterTopology.Outside.Contains(manifest.Name));
        foreach (var manifest in inside.OrderBy(manifest => manifest.Kind != "CustomResourceDefinition"))
        {
            var body = (JsonObject)manifest.Body.DeepClone();
            if (telemetry is not null && manifest.Kind == "Deployment")
            {
                Instrument(body, telemetry.Variables(manifest.Name));
            }

            _ = await api.ApplyAsync(await PathAsync(api, kinds, manifest, stop).ConfigureAwait(false), body, stop).ConfigureAwait(false);
        }
    }

    private static async Task<string> PathAsync(KubernetesApi api, Dictionary<string, JsonArray> kinds, Manifest manifest, CancellationToken stop)
    {
        var root = manifest.ApiVersion.Contains('/', StringComparison.Ordinal) ? $"apis/{manifest.ApiVersion}" : $"api/{manifest.ApiVersion}";
        if (!kinds.TryGetValue(root, out var served))
        {
            kinds[root] = served = await ServedAsync(api, root, stop).ConfigureAwait(false);
        }

        var kind = served.FirstOrDefault(entry => (string?)entry!["kind"] == manifest.Kind && !((string)entry["name"]!).Contains('/', StringComparison.Ordinal))
            ?? throw new KubernetesApiException(HttpStatusCode.NotFound, $"{manifest}: the cluster has no such kind");
        return (bool)kind["namespaced"]!
            ? $"{root}/namespaces/{manifest.Namespace ?? ClusterTopology.Namespace}/{(string?)kind["name"]}/{manifest.Name}"
            : $"{root}/{(string?)kind["name"]}/{manifest.Name}";
    }

    private static async Task<JsonArray> ServedAsync(KubernetesApi api, string root, CancellationToken stop)
    {
        try
        {
            return (JsonArray)(await api.GetAsync(root, stop).ConfigureAwait(false))["resources"]!;
        }
        catch (KubernetesApiException absent) when (absent.Status == HttpStatusCode.NotFound)
        {
            return [];
        }
    }

    private static void Instrument(JsonObject deployment, IEnumerable<(string Name, string Value)> variables)
    {
        var container = (JsonObject)deployment["spec"]!["template"]!["spec"]!["containers"]![0]!;
        var environment = container["env"] as JsonArray ?? (JsonArray)(container["env"] = new JsonArray());
        foreach (var (name, value) in variables)
        {
            environment.Add(new JsonObject { ["name"] = name, ["value"] = value });
        }
    }
}
