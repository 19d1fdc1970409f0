using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Cluster;
using Resilience.Testing;

namespace Resilience.ScalingAgent.Tests;

/// <summary>The shipped manifests and the code say the same.</summary>
public sealed class ManifestTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "k8s", "intelligent");

    [Fact]
    public void EveryFile_IsListedInTheKustomization()
    {
        var kustomization = Load("kustomization.yaml").Single();
        var listed = kustomization["resources"]!.AsArray().Select(file => (string)file!)
            .Concat(kustomization["patches"]!.AsArray().Select(patch => (string)patch!["path"]!)).ToHashSet();
        foreach (var file in Directory.EnumerateFiles(Folder, "*.yaml").Select(file => Path.GetFileName(file)!).Where(file => file != "kustomization.yaml"))
        {
            Assert.Contains(file, listed);
        }
    }

    [Fact]
    public void Overlay_IsTheTraditionalSystemWithASafetyNetAtEightyToEightyFivePercent()
    {
        var traditional = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "traditional")).Items;
        var intelligent = ManifestSet.Load(Folder).Items;
        Assert.All(traditional, item => Assert.Contains(intelligent, other => (other.Kind, other.Name) == (item.Kind, item.Name)));
        var targets = intelligent.Where(item => item.Kind == "HorizontalPodAutoscaler").Select(item => (long?)item.Body["spec"]!["metrics"]![0]!["resource"]!["target"]!["averageUtilization"]).ToList();
        Assert.Equal(2, targets.Count);
        Assert.All(targets, target => Assert.InRange(target!.Value, 80, 85));
    }

    [Fact]
    public void Schema_Defaults_AreTheCodesDefaults()
    {
        var properties = Definition()["properties"]!["spec"]!["properties"]!.AsObject();
        var spec = Defaulted(properties);
        spec["target"] = Defaulted(properties["target"]!["properties"]!.AsObject());
        spec["target"]!["blueGreen"] = "web";
        var (fromSchema, objection) = PredictiveAutoscalerRules.Read(spec.Deserialize<PredictiveAutoscalerSpec>(ClusterJson.Options)!);
        var (fromCode, _) = PredictiveAutoscalerRules.Read(new() { Target = new() { BlueGreen = "web" } });
        Assert.Null(objection);
        Assert.Equal(fromCode.Policy with { Calendar = [] }, fromSchema.Policy with { Calendar = fromCode.Policy.Calendar is [] ? [] : fromCode.Policy.Calendar });
        Assert.Equal(
            (fromCode.Mode, fromCode.Target, fromCode.Interval, fromCode.Zone, fromCode.Capacity, fromCode.Lead, fromCode.PricePerReplicaHour),
            (fromSchema.Mode, fromSchema.Target, fromSchema.Interval, fromSchema.Zone, fromSchema.Capacity, fromSchema.Lead, fromSchema.PricePerReplicaHour));
        Assert.Null(fromSchema.Policy.DropGuard);
    }

    [Fact]
    public void Schema_DropGuardDefaults_AreTheCodesDefaults()
    {
        var guard = Definition()["properties"]!["spec"]!["properties"]!["floor"]!["properties"]!["dropGuard"]!["properties"]!.AsObject();
        var fromSchema = PredictiveAutoscalerRules.Read(new() { Target = new() { BlueGreen = "web" }, Floor = new() { DropGuard = Defaulted(guard).Deserialize<DropGuardSpec>(ClusterJson.Options) } });
        Assert.Equal(Control.Scaling.DropGuard.Default, fromSchema.Settings.Policy.DropGuard);
    }

    [Fact]
    public void Schema_Columns_TellTheStory()
    {
        var columns = Load("../crds/predictiveautoscalers.yaml").Single()["spec"]!["versions"]![0]!["additionalPrinterColumns"]!.AsArray();
        Assert.Equal(["Target", "Mode", "Demand", "P99", "Floor", "Champion", "Skill", "Cost/h", "Reason", "Age"], columns.Select(column => (string)column!["name"]!));
    }

    [Fact]
    public void ShippedPredictiveAutoscaler_IsAccepted_AndFitsItsAutoscalers()
    {
        var (settings, objection) = PredictiveAutoscalerRules.Read(Load("pa-web.yaml").Single()["spec"]!.Deserialize<PredictiveAutoscalerSpec>(ClusterJson.Options)!);
        Assert.Null(objection);
        Assert.Equal(ScalerMode.Auto, settings.Mode);
        var max = ManifestSet.Load(Folder).Items.Where(item => item.Kind == "HorizontalPodAutoscaler").Select(item => (long)item.Body["spec"]!["maxReplicas"]!).Distinct().Single();
        Assert.Equal(max, settings.Policy.MaxReplicas);
    }

    [Fact]
    public void Agent_MayWriteNothingButWhatItOwns()
    {
        var permissions = AgentPermissions.All();
        Assert.Equal(
            ["create events", "create leases", "patch deployments", "patch events", "patch horizontalpodautoscalers", "patch predictiveautoscalers/status", "update leases"],
            permissions.Where(permission => permission.Split(' ')[0] is not ("get" or "list" or "watch")).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(permissions, permission => permission.Contains("switchover", StringComparison.Ordinal) || permission.Contains("secrets", StringComparison.Ordinal));
    }

    [Fact]
    public void Agent_KeepsItsDataOnTheVolume_AndNothingElseIsWritable()
    {
        var spec = Load("scaling-agent.yaml").Single()["spec"]!;
        var container = spec["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal(1, (long?)spec["replicas"]);
        Assert.Equal("Recreate", (string?)spec["strategy"]!["type"]);
        Assert.True((bool?)container["securityContext"]!["readOnlyRootFilesystem"]);
        var path = (string)container["env"]!.AsArray().Single(variable => (string?)variable!["name"] == "Store__Path")!["value"]!;
        Assert.StartsWith((string)container["volumeMounts"]![0]!["mountPath"]! + "/", path, StringComparison.Ordinal);
        Assert.Equal((string?)Load("scaling-agent-data.yaml").Single()["metadata"]!["name"], (string?)spec["template"]!["spec"]!["volumes"]![0]!["persistentVolumeClaim"]!["claimName"]);
    }

    private static JsonNode Definition() => Load("../crds/predictiveautoscalers.yaml").Single()["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!;

    private static IEnumerable<JsonNode> Load(string file) => YamlJson.Parse(File.ReadAllText(Path.Combine(Folder, file))).Select(found => found.Document);

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

/// <summary>What rbac-scaling-agent.yaml allows, as "verb resource".</summary>
internal static class AgentPermissions
{
    public static IReadOnlyList<string> All() =>
    [
        .. YamlJson.Parse(File.ReadAllText(Path.Combine(Repository.Root, "k8s", "intelligent", "rbac-scaling-agent.yaml")))
            .Select(found => found.Document)
            .Where(item => (string?)item["kind"] is "ClusterRole" or "Role")
            .SelectMany(role => role["rules"]!.AsArray())
            .SelectMany(rule => rule!["resources"]!.AsArray().SelectMany(resource => rule["verbs"]!.AsArray().Select(verb => $"{verb} {resource}"))),
    ];

    /// <summary>The permission that a request needs.</summary>
    public static string Of(FakeRequest request)
    {
        var parts = request.Path.Trim('/').Split('/');
        var rest = parts[(parts[0] == "api" ? 2 : 3)..];
        rest = rest is ["namespaces", _, ..] ? rest[2..] : rest;
        var verb = request.Method switch
        {
            "GET" => request.IsWatch ? "watch" : rest.Length == 1 ? "list" : "get",
            "POST" => "create",
            "PUT" => "update",
            var other => other.ToLowerInvariant(),
        };
        return rest.Length > 2 ? $"{verb} {rest[0]}/{rest[2]}" : $"{verb} {rest[0]}";
    }
}
