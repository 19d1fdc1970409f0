using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Deploying;

/// <summary>Looks into the lab's namespace for things that would go with it although the lab did not make them.</summary>
internal sealed class NamespaceContents(ClusterApi api)
{
    /// <summary>What controllers put there by themselves, and readings that are no objects.</summary>
    private static readonly string[] Derived = ["events", "endpoints", "endpointslices", "podmetrics", "pods.metrics.k8s.io", "controllerrevisions"];

    private static readonly string[] Makers = [FieldManagers.Lab, FieldManagers.FailoverWatcher, FieldManagers.ScalingAgent];

    /// <returns>Each as <c>kind name</c>.</returns>
    public async Task<IReadOnlyList<string>> ForeignAsync(InstallRecord record, CancellationToken stop)
    {
        var ours = record.Objects.Where(item => !item.Object.Existed).Select(item => item.Object.Uid).Where(uid => uid.Length > 0).ToHashSet(StringComparer.Ordinal);
        var foreign = new List<string>();
        foreach (var type in await TypesAsync(stop).ConfigureAwait(false))
        {
            try
            {
                foreach (var (metadata, kind) in await ListAsync(api, type, Names.Namespace, stop).ConfigureAwait(false))
                {
                    if (!ours.Contains((string?)metadata["uid"] ?? string.Empty) && !IsLabelled(metadata, record.Id) && !IsSelfMade(type, metadata, record))
                    {
                        foreign.Add($"{kind} {(string?)metadata["name"]}");
                    }
                }
            }
            catch (ClusterException refused) when (refused.IsForbidden)
            {
                foreign.Add($"perhaps {type}, which this account may not list");
            }
        }

        return foreign;
    }

    /// <summary>Metadata of every object of a kind; empty when the kind is not served.</summary>
    public static async Task<IReadOnlyList<(JsonObject Metadata, string Kind)>> ListAsync(ClusterApi api, ResourceType type, string? ns, CancellationToken stop)
    {
        var found = new List<(JsonObject, string)>();
        var next = string.Empty;
        do
        {
            var path = $"{type.Path(ns)}?limit=500{(next.Length > 0 ? $"&continue={Uri.EscapeDataString(next)}" : string.Empty)}";
            JsonNode? page;
            try
            {
                page = JsonNode.Parse(await api.SendRawAsync(HttpMethod.Get, path, null, stop).ConfigureAwait(false));
            }
            catch (ClusterException unserved) when (unserved.IsNotFound || unserved.StatusCode is System.Net.HttpStatusCode.MethodNotAllowed)
            {
                return found;
            }

            // kind: "ServiceList"; the items of a list carry no kind of their own.
            var kind = ((string?)page?["kind"] ?? type.Kind).Replace("List", string.Empty, StringComparison.Ordinal);
            foreach (var metadata in (page?["items"] as JsonArray ?? []).Select(item => item?["metadata"]).OfType<JsonObject>())
            {
                found.Add((metadata, kind));
            }

            next = (string?)page?["metadata"]?["continue"] ?? string.Empty;
        }
        while (next.Length > 0);

        return found;
    }

    private static bool IsLabelled(JsonObject metadata, string id) => (string?)metadata["labels"]?[ResilienceApi.InstallLabel] == id;

    /// <summary>Made by the cluster itself, by an owner that is looked at too, or by a process of the lab.</summary>
    private static bool IsSelfMade(ResourceType type, JsonObject metadata, InstallRecord record)
    {
        var name = (string?)metadata["name"] ?? string.Empty;
        return metadata["ownerReferences"] is JsonArray { Count: > 0 }
            || type.Plural switch
            {
                "configmaps" => name is "kube-root-ca.crt" or "openshift-service-ca.crt",
                "serviceaccounts" => name is "default" or "builder" or "deployer",
                "secrets" => (string?)metadata["annotations"]?["kubernetes.io/service-account.name"] is not null,
                "leases" => record.Objects.Any(item => item.Object.Kind == "Deployment" && item.Object.Name == name),
                _ => false,
            }
            || (metadata["managedFields"] as JsonArray ?? []).Any(entry => Makers.Contains((string?)entry?["manager"]));
    }

    private async Task<IReadOnlyList<ResourceType>> TypesAsync(CancellationToken stop)
    {
        var versions = new List<string> { "v1" };
        var groups = JsonNode.Parse(await api.SendRawAsync(HttpMethod.Get, "apis", null, stop).ConfigureAwait(false));
        versions.AddRange((groups?["groups"] as JsonArray ?? []).Select(group => (string?)group?["preferredVersion"]?["groupVersion"]).OfType<string>());
        var types = new List<ResourceType>();
        foreach (var version in versions)
        {
            types.AddRange(await TypesAsync(version, stop).ConfigureAwait(false));
        }

        return types;
    }

    private async Task<IEnumerable<ResourceType>> TypesAsync(string groupVersion, CancellationToken stop)
    {
        JsonNode? list;
        try
        {
            list = JsonNode.Parse(await api.SendRawAsync(HttpMethod.Get, groupVersion == "v1" ? "api/v1" : $"apis/{groupVersion}", null, stop).ConfigureAwait(false));
        }
        catch (ClusterException away) when (away.StatusCode is System.Net.HttpStatusCode.NotFound or System.Net.HttpStatusCode.ServiceUnavailable)
        {
            // An aggregated API whose server is down; the cluster itself cannot look into it either.
            return [];
        }

        var parts = groupVersion.Split('/');
        var (group, version) = parts.Length == 2 ? (parts[0], parts[1]) : (string.Empty, parts[0]);
        return (list?["resources"] as JsonArray ?? []).OfType<JsonObject>()
            .Where(resource => resource["namespaced"]?.GetValue<bool>() == true && (resource["verbs"] as JsonArray ?? []).Any(verb => (string?)verb == "list"))
            .Select(resource => new ResourceType(group, version, (string)resource["name"]!, (string)resource["kind"]!, Namespaced: true))
            .Where(type => !type.Plural.Contains('/', StringComparison.Ordinal) && !Derived.Contains(type.Plural) && !Derived.Contains(type.ToString()) && type.Group != "events.k8s.io");
    }
}
