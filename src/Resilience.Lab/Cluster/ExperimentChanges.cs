using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Experiments;

namespace Resilience.Lab.Cluster;

/// <summary>What undoes an experiment's change of one object; kept on the object itself while it lasts, so that anyone can undo it.</summary>
/// <param name="Before">JSON merge patch that restores what was there.</param>
internal sealed record ExperimentRecord(string Id, JsonObject Before)
{
    public string ToJson() => JsonSerializer.Serialize(this, ExperimentJson.Default.ExperimentRecord);

    /// <returns>Null when the text is no record.</returns>
    public static ExperimentRecord? Parse(string? text)
    {
        try
        {
            return string.IsNullOrEmpty(text) ? null : JsonSerializer.Deserialize(text, ExperimentJson.Default.ExperimentRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ExperimentRecord))]
internal sealed partial class ExperimentJson : JsonSerializerContext;

/// <summary>An experiment's changes to a system that was there before it, and their undoing.</summary>
internal static class ExperimentChanges
{
    private static readonly (string ApiVersion, string Kind, ResourceType Type)[] Kinds =
    [
        ("apps/v1", "Deployment", ResourceTypes.Deployments),
        ("autoscaling/v2", "HorizontalPodAutoscaler", ResourceTypes.HorizontalPodAutoscalers),
        (ResilienceApi.GroupVersion, BlueGreen.KubeKind, ResourceTypes.BlueGreens),
        (ResilienceApi.GroupVersion, PredictiveAutoscaler.KubeKind, ResourceTypes.PredictiveAutoscalers),
        ("v1", "Service", ResourceTypes.Services),
        ("v1", "ConfigMap", ResourceTypes.ConfigMaps),
        ("policy/v1", "PodDisruptionBudget", ResourceTypes.PodDisruptionBudgets),
    ];

    /// <summary>Changes the objects that the experiment's setup names, and lets the watcher act and start afresh.</summary>
    /// <param name="id">Of this run.</param>
    /// <returns>How many objects were changed.</returns>
    public static async Task<int> ApplyAsync(ClusterApi api, SetupSpec setup, string id, CancellationToken stop)
    {
        var patches = Patches(setup, id);
        foreach (var ((kind, name), patch) in patches)
        {
            var type = Kinds.FirstOrDefault(each => each.Kind == kind).Type
                ?? throw new ManifestException($"an experiment cannot change a {kind} of an installed system; the kinds it can change are {string.Join(", ", Kinds.Select(each => each.Kind))}");
            var live = await ReadAsync(api, type, name, stop).ConfigureAwait(false)
                ?? throw new Cli.LabException($"the experiment changes {kind} {name}, which this cluster does not have", "\"./lab deploy\" installs the system whole.");
            var change = setup.Env.TryGetValue(name, out var variables) && kind == "Deployment" ? WithEnvironment(patch, live, variables) : patch;

            // An object without annotations must lose each one by name: the record itself is removed by name too.
            _ = Annotations(live);
            var before = Inverse(change, live);
            Annotations(change)[ResilienceApi.ExperimentAnnotation] = new ExperimentRecord(id, before).ToJson();
            await PatchAsync(api, type, name, change, stop).ConfigureAwait(false);
        }

        return patches.Count;
    }

    /// <summary>Undoes what experiments left changed, whoever ran them.</summary>
    /// <returns>What was restored, for people.</returns>
    public static async Task<IReadOnlyList<string>> RestoreAsync(ClusterApi api, CancellationToken stop)
    {
        var restored = new List<string>();
        foreach (var (_, kind, type) in Kinds)
        {
            foreach (var live in await ListAsync(api, type, stop).ConfigureAwait(false))
            {
                if (ExperimentRecord.Parse((string?)live["metadata"]?["annotations"]?[ResilienceApi.ExperimentAnnotation]) is { } record)
                {
                    var name = (string)live["metadata"]!["name"]!;
                    var patch = (JsonObject)record.Before.DeepClone();
                    Annotations(patch)[ResilienceApi.ExperimentAnnotation] = null;
                    await PatchAsync(api, type, name, patch, stop).ConfigureAwait(false);
                    restored.Add($"{kind} {name}");
                }
            }
        }

        return restored;
    }

    /// <summary>The merge patch that takes <paramref name="change"/> back: what was there, and null for what was not.</summary>
    public static JsonObject Inverse(JsonObject change, JsonObject live)
    {
        var before = new JsonObject();
        foreach (var (key, value) in change)
        {
            before[key] = value is JsonObject below && live[key] is JsonObject there ? Inverse(below, there) : live[key]?.DeepClone();
        }

        return before;
    }

    private static Dictionary<(string Kind, string Name), JsonObject> Patches(SetupSpec setup, string id)
    {
        var patches = new Dictionary<(string Kind, string Name), JsonObject>();
        JsonObject For(string kind, string name) => patches.TryGetValue((kind, name), out var known) ? known : patches[(kind, name)] = [];

        // An acknowledgement clears the hold-down of earlier runs: each run must find the watcher as a fresh one would be.
        Combine(For(BlueGreen.KubeKind, Names.BlueGreen), new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [ResilienceApi.AcknowledgeAnnotation] = id } },
            ["spec"] = new JsonObject { ["mode"] = "Auto" },
        });
        foreach (var (name, replicas) in setup.Replicas)
        {
            Combine(For("Deployment", name), new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas } });
        }

        foreach (var name in setup.Env.Keys)
        {
            _ = For("Deployment", name);
        }

        foreach (var patch in setup.Patches)
        {
            Combine(For(patch.Kind, patch.Name), patch.Merge);
        }

        return patches;
    }

    private static JsonObject WithEnvironment(JsonObject patch, JsonObject live, IReadOnlyDictionary<string, string> variables)
    {
        var containers = (JsonArray)(live["spec"]?["template"]?["spec"]?["containers"]?.DeepClone() ?? new JsonArray());
        foreach (var container in containers.OfType<JsonObject>())
        {
            ManifestChanges.SetVariables(container, variables);
        }

        Combine(patch, new JsonObject
        {
            ["spec"] = new JsonObject { ["template"] = new JsonObject { ["spec"] = new JsonObject { ["containers"] = containers } } },
        });
        return patch;
    }

    /// <summary>Both patches in one; unlike a merge, a null stays: it removes the field when the patch is applied.</summary>
    private static void Combine(JsonObject into, JsonObject patch)
    {
        foreach (var (key, value) in patch)
        {
            if (value is JsonObject below && into[key] is JsonObject there)
            {
                Combine(there, below);
            }
            else
            {
                into[key] = value?.DeepClone();
            }
        }
    }

    private static JsonObject Annotations(JsonObject patch)
    {
        if (patch["metadata"] is not JsonObject metadata)
        {
            patch["metadata"] = metadata = [];
        }

        if (metadata["annotations"] is not JsonObject annotations)
        {
            metadata["annotations"] = annotations = [];
        }

        return annotations;
    }

    private static Task<JsonObject> PatchAsync(ClusterApi api, ResourceType type, string name, JsonObject patch, CancellationToken stop) =>
        api.PatchAsync(type, Names.Namespace, name, ResourcePatch.Merge(patch), FieldManagers.Lab, stop);

    private static async Task<JsonObject?> ReadAsync(ClusterApi api, ResourceType type, string name, CancellationToken stop)
    {
        try
        {
            return JsonNode.Parse(await api.SendRawAsync(HttpMethod.Get, type.Path(Names.Namespace, name), null, stop).ConfigureAwait(false)) as JsonObject;
        }
        catch (ClusterException absent) when (absent.IsNotFound)
        {
            return null;
        }
    }

    private static async Task<IReadOnlyList<JsonObject>> ListAsync(ClusterApi api, ResourceType type, CancellationToken stop)
    {
        try
        {
            var list = JsonNode.Parse(await api.SendRawAsync(HttpMethod.Get, type.Path(Names.Namespace), null, stop).ConfigureAwait(false));
            return [.. (list?["items"] as JsonArray ?? []).OfType<JsonObject>()];
        }
        catch (ClusterException unserved) when (unserved.IsNotFound)
        {
            return [];
        }
    }
}
