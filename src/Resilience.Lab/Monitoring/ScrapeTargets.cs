using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;

namespace Resilience.Lab.Monitoring;

/// <summary>One entry of a file for Prometheus's <c>file_sd_configs</c>.</summary>
internal sealed record TargetGroup(IReadOnlyList<string> Targets, IReadOnlyDictionary<string, string> Labels);

/// <summary>
/// Pods as Prometheus's own discovery (<c>kubernetes_sd_configs</c>, role pod) would tell them: one target for each declared port, with the
/// same labels, so that the same relabelling follows. Pure.
/// </summary>
internal static class ScrapeTargets
{
    private const string Prefix = "__meta_kubernetes_";

    public static IReadOnlyList<TargetGroup> Of(IEnumerable<V1Pod> pods) =>
    [
        .. pods.Where(pod => !string.IsNullOrEmpty(pod.Status?.PodIP))
            .OrderBy(pod => pod.Metadata.NamespaceProperty, StringComparer.Ordinal).ThenBy(pod => pod.Metadata.Name, StringComparer.Ordinal)
            .SelectMany(pod => pod.Spec.Containers.SelectMany(container => (container.Ports ?? []).Select(port => Target(pod, container, port)))),
    ];

    public static string Json(IReadOnlyList<TargetGroup> targets) => JsonSerializer.Serialize(targets, TargetJson.Readable.IReadOnlyListTargetGroup);

    private static TargetGroup Target(V1Pod pod, V1Container container, V1ContainerPort port)
    {
        var address = pod.Status.PodIP.Contains(':', StringComparison.Ordinal) ? $"[{pod.Status.PodIP}]" : pod.Status.PodIP;
        var number = port.ContainerPort.ToString(CultureInfo.InvariantCulture);
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [Prefix + "namespace"] = pod.Metadata.NamespaceProperty ?? string.Empty,
            [Prefix + "pod_name"] = pod.Metadata.Name,
            [Prefix + "pod_uid"] = pod.Metadata.Uid ?? string.Empty,
            [Prefix + "pod_ip"] = pod.Status.PodIP,
            [Prefix + "pod_node_name"] = pod.Spec.NodeName ?? string.Empty,
            [Prefix + "pod_phase"] = pod.Status.Phase ?? string.Empty,
            [Prefix + "pod_ready"] = pod.Status.Conditions?.FirstOrDefault(condition => condition.Type == "Ready")?.Status is "True" ? "true" : "false",
            [Prefix + "pod_container_name"] = container.Name,
            [Prefix + "pod_container_port_name"] = port.Name ?? string.Empty,
            [Prefix + "pod_container_port_number"] = number,
            [Prefix + "pod_container_port_protocol"] = port.Protocol ?? "TCP",
        };
        foreach (var (name, value) in pod.Metadata.Labels ?? new Dictionary<string, string>())
        {
            labels[$"{Prefix}pod_label_{Word(name)}"] = value;
            labels[$"{Prefix}pod_labelpresent_{Word(name)}"] = "true";
        }

        return new TargetGroup([$"{address}:{number}"], labels);
    }

    /// <remarks>app.kubernetes.io/part-of → app_kubernetes_io_part_of: a label of Prometheus has letters, digits and underscores only.</remarks>
    private static string Word(string name)
    {
        var word = new StringBuilder(name.Length);
        foreach (var c in name)
        {
            _ = word.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
        }

        return word.ToString();
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<TargetGroup>))]
internal sealed partial class TargetJson : JsonSerializerContext
{
    public static TargetJson Readable { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
