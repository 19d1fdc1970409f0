using System.Text.Json.Nodes;
using Aspire.Hosting.Testing;
using Resilience.ClusterAccess.Manifests;
using Resilience.Testing;

namespace Resilience.AppHost.Tests;

/// <summary>The chart that Aspire publishes against the manifests that the lab applies: they must not drift apart.</summary>
public sealed class ChartTests : IAsyncLifetime
{
    private const string Namespace = "distributed-resilience";
    private static readonly string[] AddedByAspire = ["app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/instance"];
    private static readonly string[] Workloads = ["web-blue", "web-green", "failover-watcher", "scaling-agent"];
    private readonly string _chart = Directory.CreateTempSubdirectory("resilience-chart-").FullName;

    public async ValueTask InitializeAsync()
    {
        var cancel = TestContext.Current.CancellationToken;
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Resilience_AppHost>(
            ["--operation", "publish", "--step", "publish", "--output-path", _chart], cancel);
        await using var app = await builder.BuildAsync(cancel);
        await app.RunAsync(cancel);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_chart, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Chart_SaysWhatTheManifestsSay()
    {
        var published = Published();
        var expected = Manifests().Where(manifest => manifest.Kind != "Namespace").ToDictionary(Key, manifest => Expected(manifest.Body));

        Assert.Equal(expected.Keys.Order(), published.Keys.Order());
        Assert.All(expected, manifest => Assert.Equal(Text(manifest.Value), Text(published[manifest.Key])));
    }

    [Fact]
    public void Chart_HasWhatProductionAsksFor()
    {
        var published = Published();

        Assert.All(["web-blue", "web-green"], slot =>
        {
            Assert.Contains($"HorizontalPodAutoscaler {slot}", published.Keys);
            Assert.Contains($"PodDisruptionBudget {slot}", published.Keys);
        });
        Assert.All(Workloads, name =>
        {
            var pod = published[$"Deployment {name}"]["spec"]!["template"]!["spec"]!;
            var container = pod["containers"]![0]!;
            Assert.True((bool)pod["securityContext"]!["runAsNonRoot"]!, name);
            Assert.True((bool)container["securityContext"]!["readOnlyRootFilesystem"]!, name);
            Assert.All(["startupProbe", "readinessProbe", "livenessProbe"], probe => Assert.NotNull(container[probe]?["httpGet"]));
            Assert.StartsWith("{{ .Values.parameters.", (string?)container["image"], StringComparison.Ordinal);
        });
        Assert.All(["failover-watcher", "scaling-agent"], name => Assert.Contains($"ServiceAccount {name}", published.Keys));
    }

    [Fact]
    public void Definitions_AreWhereHelmInstallsThemFirst()
    {
        var definitions = Directory.EnumerateFiles(Path.Combine(_chart, "crds")).Select(file => Path.GetFileName(file)).Order();

        Assert.Equal(Manifests().Where(manifest => manifest.Kind == "CustomResourceDefinition").Select(manifest => $"customresourcedefinition-{manifest.Name}.yaml").Order(), definitions);
    }

    [Fact]
    public void Values_NameAnImageForEachWorkload()
    {
        var values = YamlJson.Parse(File.ReadAllText(Path.Combine(_chart, "values.yaml")))[0].Document;

        Assert.All(Workloads.Select(name => name.Replace('-', '_')), name => Assert.NotNull(values["parameters"]![name]![$"{name}_image"]));
        Assert.DoesNotContain("loadtests", values.ToJsonString(), StringComparison.Ordinal);
    }

    private static IEnumerable<Manifest> Manifests() => ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "intelligent")).Items;

    private Dictionary<string, JsonObject> Published() => Directory.EnumerateFiles(_chart, "*.yaml", SearchOption.AllDirectories)
        .Where(file => Path.GetDirectoryName(file) != _chart)
        .SelectMany(file => YamlJson.Parse(File.ReadAllText(file)))
        .Select(document => (JsonObject)document.Document)
        .ToDictionary(body => $"{(string?)body["kind"]} {(string?)body["metadata"]!["name"]}", Comparable);

    private static string Key(Manifest manifest) => $"{manifest.Kind} {manifest.Name}";

    private static JsonObject Expected(JsonObject body) => Comparable((JsonObject)JsonNode.Parse(
        body.ToJsonString().Replace($"\"{Namespace}\"", "\"{{ .Release.Namespace }}\"", StringComparison.Ordinal))!);

    /// <summary>Without what must differ: the labels that Aspire adds, and the image of a Deployment, which is a chart value.</summary>
    private static JsonObject Comparable(JsonObject body)
    {
        var copy = (JsonObject)body.DeepClone();
        foreach (var label in AddedByAspire)
        {
            _ = (copy["metadata"]!["labels"] as JsonObject)?.Remove(label);
        }

        return copy;
    }

    private static string Text(JsonObject body)
    {
        var copy = (JsonObject)body.DeepClone();
        if ((string?)copy["kind"] == "Deployment")
        {
            copy["spec"]!["template"]!["spec"]!["containers"]![0]!["image"] = "any";
        }

        return Sorted(copy)!.ToJsonString(new() { WriteIndented = true });
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => KeyValuePair.Create(entry.Key, Sorted(entry.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
