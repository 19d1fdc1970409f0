using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>What the lab put into a cluster. Written before the first object and after each one, so that an installation that
/// stopped half-way is known to be one.</summary>
/// <param name="Id">Also the value of the label <see cref="ResilienceApi.InstallLabel"/> on every object.</param>
/// <param name="Complete">False: the last installation did not finish.</param>
internal sealed record InstallRecord(string Id, string Overlay, bool Complete, IReadOnlyList<InstalledObject> Objects);

/// <param name="Object">Its uid is empty until the server has confirmed it: then the label alone says whose it is.</param>
/// <param name="Source">deploy or adopt: an overlay that no longer has an object of its own loses it, adopted ones stay.</param>
internal sealed record InstalledObject(AppliedObject Object, string Source)
{
    public bool Is(string apiVersion, string kind, string? ns, string name) =>
        Object.Kind == kind && Object.Name == name && Object.Namespace == ns && Group(Object.ApiVersion) == Group(apiVersion);

    public override string ToString() => $"{Object.Kind} {(Object.Namespace is { } ns ? $"{ns}/" : string.Empty)}{Object.Name}";

    private static string Group(string apiVersion) => apiVersion.Contains('/', StringComparison.Ordinal) ? apiVersion[..apiVersion.IndexOf('/', StringComparison.Ordinal)] : string.Empty;
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(IReadOnlyList<InstalledObject>))]
internal sealed partial class InstallJson : JsonSerializerContext;

/// <summary>Keeps the record in the cluster itself, in a ConfigMap of the lab's namespace, so that any machine can clean up.</summary>
internal sealed class InstallStore(ClusterApi api)
{
    public const string ConfigMap = "lab-inventory";

    public async Task<InstallRecord?> ReadAsync(CancellationToken stop)
    {
        var found = await api.FindAsync(ResourceTypes.ConfigMaps, Names.Namespace, ConfigMap, stop).ConfigureAwait(false);
        if (found?.Data is not { } data)
        {
            return null;
        }

        try
        {
            var objects = JsonSerializer.Deserialize(data["objects"], InstallJson.Default.IReadOnlyListInstalledObject) ?? [];
            return new InstallRecord(data["id"], data["overlay"], data["state"] == "complete", objects);
        }
        catch (Exception unreadable) when (unreadable is KeyNotFoundException or JsonException)
        {
            throw new LabException(
                $"the ConfigMap {ConfigMap} in {Names.Namespace}, the record of what the lab installed, cannot be read",
                $"\"kubectl -n {Names.Namespace} get configmap {ConfigMap} -o yaml\" shows it; whatever the lab made has the label {ResilienceApi.InstallLabel}.");
        }
    }

    public Task WriteAsync(InstallRecord record, CancellationToken stop)
    {
        var body = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject
            {
                ["name"] = ConfigMap,
                ["namespace"] = Names.Namespace,
                ["labels"] = new JsonObject { [ResilienceApi.InstallLabel] = record.Id },
            },
            ["data"] = new JsonObject
            {
                ["id"] = record.Id,
                ["overlay"] = record.Overlay,
                ["state"] = record.Complete ? "complete" : "installing",
                ["objects"] = JsonSerializer.Serialize(record.Objects, InstallJson.Default.IReadOnlyListInstalledObject),
            },
        };
        return api.ApplyAsync(ResourceTypes.ConfigMaps, body, FieldManagers.Lab, force: true, stop);
    }

    public Task<bool> DeleteAsync(CancellationToken stop) => api.DeleteAsync(ResourceTypes.ConfigMaps, Names.Namespace, ConfigMap, stop);
}
