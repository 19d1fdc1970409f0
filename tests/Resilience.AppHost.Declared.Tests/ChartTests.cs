extern alias apphost;

using System.Text.Json.Nodes;
using apphost::Resilience.AppHost.Publishing;
using Aspire.Hosting.Kubernetes.Resources;
using Resilience.ClusterAccess.Manifests;
using YamlDotNet.Serialization;

namespace Resilience.AppHost.Declared.Tests;

/// <summary>The chart's parts, one by one; that Aspire puts them together right is for Resilience.AppHost.Tests.</summary>
public sealed class ChartTests
{
    private const string Namespace = "distributed-resilience";
    private const string Image = "{{ .Values.parameters.any.any_image }}";

    [Theory]
    [InlineData("""{"metadata":{"namespace":"distributed-resilience"}}""", """{"metadata":{"namespace":"{{ .Release.Namespace }}"}}""")]
    [InlineData("""{"subjects":[{"namespace":"distributed-resilience"},"distributed-resilience"]}""", """{"subjects":[{"namespace":"{{ .Release.Namespace }}"},"{{ .Release.Namespace }}"]}""")]
    [InlineData("""{"a":null,"b":[null],"c":1,"d":true}""", """{"a":null,"b":[null],"c":1,"d":true}""")]
    [InlineData("""{"url":"http://web.distributed-resilience.svc"}""", """{"url":"http://web.distributed-resilience.svc"}""")]   // part of a word is not the namespace
    [InlineData("""{"distributed-resilience":"x"}""", """{"distributed-resilience":"x"}""")]
    public void Namespace_IsReplaced_WhereItStandsAlone(string before, string expected) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), ChartYaml.InReleaseNamespace(JsonNode.Parse(before)!)));

    [Fact]
    public void Files_SayWhatTheManifestsSay() => Assert.All(Manifests.Intelligent.Items, manifest =>
    {
        var written = ChartYaml.Write(manifest);

        var back = written.Replace(ChartYaml.ReleaseNamespace, Namespace, StringComparison.Ordinal);
        Assert.True(JsonNode.DeepEquals(manifest.Body, YamlJson.Parse(back).Single().Document), manifest.ToString());
        // What Helm would take for an expression of its own.
        Assert.DoesNotContain("{{", written.Replace(ChartYaml.ReleaseNamespace, "", StringComparison.Ordinal), StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("web-blue")]
    [InlineData("web-green")]
    [InlineData("failover-watcher")]
    [InlineData("scaling-agent")]
    public void Deployment_IsTheManifests_WithTheImageOfTheChart(string name)
    {
        var manifest = Manifests.Intelligent.Items.Single(item => item.Kind == "Deployment" && item.Name == name);

        var yaml = new SerializerBuilder().ConfigureDefaultValuesHandling(DefaultValuesHandling.OmitNull).WithQuotingNecessaryStrings().Build()
            .Serialize(ManifestDeployment.From(manifest, new Generated()));

        var published = (JsonObject)YamlJson.Parse(yaml).Single().Document;
        var expected = (JsonObject)ChartYaml.InReleaseNamespace(manifest.Body.DeepClone());
        expected["spec"]!["template"]!["spec"]!["containers"]![0]!["image"] = Image;
        if (published["metadata"]!["annotations"] is JsonObject { Count: 0 })
        {
            _ = published["metadata"]!.AsObject().Remove("annotations");
        }

        Assert.True(JsonNode.DeepEquals(expected, published), $"expected {expected.ToJsonString()}\nwas      {published.ToJsonString()}");
    }

    /// <summary>What Aspire would make up.</summary>
    private sealed class Generated() : Workload("apps/v1", "Deployment")
    {
        public override PodTemplateSpecV1 PodTemplate { get; } = new() { Spec = { Containers = { new() { Image = Image } } } };
    }
}
