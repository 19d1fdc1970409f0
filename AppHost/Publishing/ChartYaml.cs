using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.AppHost.EmbeddedCluster;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.AppHost.Publishing;

/// <summary>Manifests as files of a Helm chart.</summary>
internal static class ChartYaml
{
    /// <summary>What Helm replaces by the namespace that it installs into.</summary>
    public const string ReleaseNamespace = "{{ .Release.Namespace }}";

    // Relaxed: the default would write the quotes and braces of descriptions as \u0027 and the like.
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>JSON, which is YAML too: nothing has to be quoted anew.</summary>
    public static string Write(Manifest manifest) => InReleaseNamespace(manifest.Body.DeepClone()).ToJsonString(Readable) + "\n";

    /// <summary>Replaces the manifests' namespace, wherever it stands as a value, by the release's.</summary>
    public static JsonNode InReleaseNamespace(JsonNode node)
    {
        switch (node)
        {
            case JsonObject map:
                foreach (var (key, value) in map.ToArray())
                {
                    map[key] = value is null ? null : InReleaseNamespace(value.DeepClone());
                }

                return map;
            case JsonArray list:
                for (var i = 0; i < list.Count; i++)
                {
                    list[i] = list[i] is { } item ? InReleaseNamespace(item.DeepClone()) : null;
                }

                return list;
            default:
                return node.GetValueKind() == JsonValueKind.String && node.GetValue<string>() == ClusterTopology.Namespace ? JsonValue.Create(ReleaseNamespace) : node;
        }
    }
}
