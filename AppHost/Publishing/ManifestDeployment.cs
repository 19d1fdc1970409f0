using System.Text.Json;
using System.Text.Json.Nodes;
using Aspire.Hosting.Kubernetes.Resources;
using Resilience.ClusterAccess.Manifests;
using YamlDotNet.Serialization;

namespace Resilience.AppHost.Publishing;

/// <summary>A Deployment from <c>k8s/</c> in the place of a generated one, of which it keeps the image: that is a value of the chart.</summary>
internal sealed class ManifestDeployment : Workload
{
    private readonly Workload _generated;

    private ManifestDeployment(Workload generated, object spec)
        : base("apps/v1", "Deployment")
    {
        _generated = generated;
        Spec = spec;
    }

    [YamlMember(Alias = "spec")]
    public object Spec { get; }

    [YamlIgnore]
    public override PodTemplateSpecV1 PodTemplate => _generated.PodTemplate;

    public static ManifestDeployment From(Manifest manifest, Workload generated)
    {
        var spec = (JsonObject)manifest.Body["spec"]!.DeepClone();
        spec["template"]!["spec"]!["containers"]![0]!["image"] = generated.PodTemplate.Spec.Containers[0].Image;
        var deployment = new ManifestDeployment(generated, Plain(ChartYaml.InReleaseNamespace(spec)));
        deployment.Metadata.Name = manifest.Name;
        deployment.Metadata.Namespace = ChartYaml.ReleaseNamespace;
        foreach (var (name, value) in manifest.Body["metadata"]!["labels"] as JsonObject ?? [])
        {
            deployment.Metadata.Labels[name] = (string)value!;
        }

        foreach (var (name, value) in manifest.Body["metadata"]!["annotations"] as JsonObject ?? [])
        {
            deployment.Metadata.Annotations[name] = (string)value!;
        }

        return deployment;
    }

    /// <summary>JSON as the dictionaries, lists and scalars that a YAML serialiser writes.</summary>
    private static object Plain(JsonNode node) => node switch
    {
        JsonObject map => map.ToDictionary(entry => entry.Key, entry => entry.Value is null ? null : Plain(entry.Value)),
        JsonArray list => list.Select(item => item is null ? null : Plain(item)).ToList(),
        _ => node.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number when node.AsValue().TryGetValue<long>(out var whole) => whole,
            JsonValueKind.Number => node.GetValue<double>(),
            _ => node.GetValue<string>(),
        },
    };
}
