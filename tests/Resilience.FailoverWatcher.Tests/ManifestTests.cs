using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;
using Resilience.Testing;

namespace Resilience.FailoverWatcher.Tests;

/// <summary>The shipped manifests and the code say the same.</summary>
public sealed class ManifestTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "k8s", "traditional");
    private static readonly string Definitions = Path.Combine(Repository.Root, "k8s", "crds");

    [Fact]
    public void BlueGreenSchema_Defaults_AreTheCodesDefaults()
    {
        var properties = Definition("bluegreens.yaml", "BlueGreen")["properties"]!["spec"]!["properties"]!.AsObject();
        var spec = Defaulted(properties)!;
        spec["service"] = "web";
        spec["slots"] = JsonNode.Parse("""{"blue":{"deployment":"b","selector":{"v":"b"}},"green":{"deployment":"g","selector":{"v":"g"}}}""");
        var rules = BlueGreenRules.Read(spec.Deserialize<BlueGreenSpec>(ClusterJson.Options)!);
        Assert.Null(rules.Objection);
        Assert.Equal(new FailoverLimits(), rules.Limits);
    }

    [Fact]
    public void BlueGreenSchema_ProbeDefaults_AreTheCodesDefaults()
    {
        var probe = Definition("bluegreens.yaml", "BlueGreen")["properties"]!["spec"]!["properties"]!["health"]!["properties"]!["probe"]!["properties"]!.AsObject();
        var fromSchema = BlueGreenRules.Read(new() { Health = new() { Probe = Defaulted(probe).Deserialize<ProbeSpec>(ClusterJson.Options) } }).Probe;
        var fromCode = BlueGreenRules.Read(new() { Health = new() { Probe = new() } }).Probe;
        Assert.Equal(fromCode, fromSchema);
    }

    [Fact]
    public void SwitchoverSchema_Phases_AreTheCodesPhases()
    {
        var phases = Definition("switchovers.yaml", "Switchover")["properties"]!["status"]!["properties"]!["phase"]!["enum"]!.AsArray();
        Assert.Equal(Enum.GetNames<SwitchoverPhase>(), phases.Select(phase => (string)phase!));
    }

    [Fact]
    public void ShippedBlueGreen_IsAccepted()
    {
        var spec = Load(Path.Combine(Folder, "bluegreen-web.yaml")).Single()["spec"]!;
        var rules = BlueGreenRules.Read(spec.Deserialize<BlueGreenSpec>(ClusterJson.Options)!);
        Assert.Null(rules.Objection);
        Assert.Equal(FailbackPolicy.Automatic, rules.Limits.Failback);
        Assert.NotNull(rules.Probe);
    }

    [Fact]
    public void Watcher_MayWriteNothingButWhatItOwns()
    {
        var writes = Load(Path.Combine(Folder, "rbac-failover-watcher.yaml"))
            .Where(item => (string?)item["kind"] is "ClusterRole" or "Role")
            .SelectMany(role => role["rules"]!.AsArray())
            .SelectMany(rule => rule!["resources"]!.AsArray().SelectMany(resource => rule["verbs"]!.AsArray().Select(verb => $"{verb} {resource}")))
            .Where(permission => permission.Split(' ')[0] is not ("get" or "list" or "watch"))
            .Order(StringComparer.Ordinal);
        Assert.Equal(
            ["create events", "create leases", "patch bluegreens/status", "patch deployments", "patch events", "patch horizontalpodautoscalers", "patch services",
             "patch switchovers/status", "update leases"],
            writes);
    }

    private static IEnumerable<JsonNode> Load(string file) => YamlJson.Parse(File.ReadAllText(file)).Select(found => found.Document);

    private static JsonNode Definition(string file, string kind) =>
        Load(Path.Combine(Definitions, file)).Single(item => (string?)item["spec"]?["names"]?["kind"] == kind)
            ["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!;

    /// <summary>What the API server makes of an empty object: properties with a default get it, objects with a default are entered.</summary>
    private static JsonObject Defaulted(JsonObject properties)
    {
        var result = new JsonObject();
        foreach (var (name, schema) in properties)
        {
            if (schema!["default"] is { } value)
            {
                result[name] = value is JsonObject && schema["properties"] is JsonObject inner ? Defaulted(inner) : value.DeepClone();
            }
        }
        return result;
    }
}
