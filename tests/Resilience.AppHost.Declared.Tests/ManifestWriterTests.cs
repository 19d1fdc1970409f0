extern alias apphost;

using apphost::Resilience.AppHost.EmbeddedCluster;
using Resilience.LocalCluster;

namespace Resilience.AppHost.Declared.Tests;

public sealed class ManifestWriterTests
{
    [Theory]
    [InlineData("key", "x-otlp-api-key=key")]
    [InlineData(null, null)]
    public void Variables_CarryTheKey_OnlyWhenThereIsOne(string? key, string? expected)
    {
        var variables = new PodTelemetry("http://127.0.0.1:4317", key).Variables("web-blue").ToDictionary(variable => variable.Name, variable => variable.Value);

        Assert.Equal(expected, variables.GetValueOrDefault("OTEL_EXPORTER_OTLP_HEADERS"));
        Assert.Equal(("web-blue", "http://127.0.0.1:4317", "grpc"), (variables["OTEL_SERVICE_NAME"], variables["OTEL_EXPORTER_OTLP_ENDPOINT"], variables["OTEL_EXPORTER_OTLP_PROTOCOL"]));
    }

    [Fact]
    public async Task Apply_OfAKindThatTheClusterLacks_NamesTheManifest()
    {
        var folder = Directory.CreateTempSubdirectory("resilience-writer-");
        try
        {
            await using var cluster = await EmbeddedCluster.StartAsync(
                new() { DataDirectory = folder.FullName, PodRuntime = PodRuntime.Null }, TestContext.Current.CancellationToken);
            using var api = new KubernetesApi(cluster.KubeconfigPath);
            var withoutDefinitions = Manifests.Intelligent.Select(manifest => manifest.Kind == "CustomResourceDefinition" || manifest.Kind == "PredictiveAutoscaler" ? null : manifest);

            var refused = await Assert.ThrowsAsync<KubernetesApiException>(() => ManifestWriter.ApplyAsync(api, withoutDefinitions, null, TestContext.Current.CancellationToken));

            Assert.Matches("^BlueGreen web \\(.*bluegreen-web.yaml:[0-9]+\\): the cluster has no such kind$", refused.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
