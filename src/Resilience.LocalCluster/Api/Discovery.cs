using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api;

/// <summary>What is served: <c>/version</c>, <c>/api</c>, <c>/apis</c>, in the plain and in the aggregated form.</summary>
internal sealed class Discovery(ResourceRegistry registry)
{
    public const string KubernetesVersion = "v1.33.0+resilience-lab";

    private const string AggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    private static readonly string[] AllVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly string[] WriteVerbs = ["get", "patch", "update"];

    /// <summary>False when the path is not a discovery path.</summary>
    public async Task<bool> TryHandleAsync(HttpContext context, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var aggregated = Negotiation.Of(context.Request)?.Form == ResponseForm.AggregatedDiscovery;
        var body = parts switch
        {
            ["version"] => Version(),
            ["api"] => aggregated ? Aggregated(core: true) : Versions(context),
            ["apis"] => aggregated ? Aggregated(core: false) : new JsonObject
            {
                ["kind"] = "APIGroupList",
                ["apiVersion"] = "v1",
                ["groups"] = new JsonArray([.. Groups().Select(g => Group(g))]),
            },
            ["api", var version] => Resources("", version),
            ["apis", var group] => Groups().Contains(group) ? Group(group, standalone: true) : null,
            ["apis", var group, var version] => Resources(group, version),
            _ => null,
        };
        if (body is null)
        {
            return false;
        }

        await Responses.JsonAsync(context, body, contentType: aggregated && parts.Length == 1 && parts[0] != "version" ? AggregatedType : Responses.JsonType)
            .ConfigureAwait(false);
        return true;
    }

    private static JsonObject Version() => new()
    {
        ["major"] = "1",
        ["minor"] = "33",
        ["gitVersion"] = KubernetesVersion,
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "2026-01-01T00:00:00Z",
        ["goVersion"] = "",
        ["compiler"] = "dotnet",
        ["platform"] = OperatingSystem.IsLinux() ? "linux/amd64" : OperatingSystem.IsMacOS() ? "darwin/arm64" : "windows/amd64",
    };

    private static JsonObject Versions(HttpContext context) => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = new JsonArray("v1"),
        ["serverAddressByClientCIDRs"] = new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = context.Request.Host.Value }),
    };

    private List<string> Groups() => [.. registry.Types.Select(static t => t.Group).Where(static g => g.Length > 0).Distinct()];

    private List<string> VersionsOf(string group) => [.. registry.Types.Where(t => t.Group == group).Select(static t => t.Version).Distinct()];

    private JsonObject Group(string group, bool standalone = false)
    {
        var versions = VersionsOf(group).Select(v => new JsonObject { ["groupVersion"] = $"{group}/{v}", ["version"] = v }).ToList();
        var body = new JsonObject();
        if (standalone)
        {
            body["kind"] = "APIGroup";
            body["apiVersion"] = "v1";
        }

        body["name"] = group;
        body["versions"] = new JsonArray([.. versions]);
        body["preferredVersion"] = versions[0].DeepClone();
        return body;
    }

    private JsonObject? Resources(string group, string version)
    {
        var types = registry.Types.Where(t => t.Group == group && t.Version == version).ToList();
        if (types.Count == 0)
        {
            return null;
        }

        var list = new JsonObject { ["kind"] = "APIResourceList" };
        if (group.Length > 0)
        {
            list["apiVersion"] = "v1";
        }

        list["groupVersion"] = types[0].ApiVersion;
        list["resources"] = new JsonArray([.. types.SelectMany(Entries)]);
        return list;
    }

    private static IEnumerable<JsonNode> Entries(ResourceType type)
    {
        var entry = new JsonObject
        {
            ["name"] = type.Plural,
            ["singularName"] = type.Singular,
            ["namespaced"] = type.Namespaced,
            ["kind"] = type.Kind,
            ["verbs"] = Strings(VerbsOf(type)),
        };
        if (type.ShortNames.Count > 0)
        {
            entry["shortNames"] = Strings(type.ShortNames);
        }

        if (type.Categories.Count > 0)
        {
            entry["categories"] = Strings(type.Categories);
        }

        yield return entry;
        foreach (var sub in SubresourcesOf(type))
        {
            var child = new JsonObject { ["name"] = $"{type.Plural}/{sub.Name}", ["singularName"] = "", ["namespaced"] = type.Namespaced };
            if (sub.Group is not null)
            {
                child["group"] = sub.Group;
                child["version"] = sub.Version;
            }

            child["kind"] = sub.Kind;
            child["verbs"] = Strings(sub.Verbs);
            yield return child;
        }
    }

    private JsonObject Aggregated(bool core)
    {
        var groups = core ? [""] : Groups();
        return new()
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = "apidiscovery.k8s.io/v2",
            ["metadata"] = new JsonObject(),
            ["items"] = new JsonArray([.. groups.Select(group => new JsonObject
            {
                ["metadata"] = group.Length == 0 ? [] : new JsonObject { ["name"] = group },
                ["versions"] = new JsonArray([.. VersionsOf(group).Select(version => new JsonObject
                {
                    ["version"] = version,
                    ["resources"] = new JsonArray([.. registry.Types.Where(t => t.Group == group && t.Version == version).Select(AggregatedEntry)]),
                    ["freshness"] = "Current",
                })]),
            })]),
        };
    }

    private static JsonObject AggregatedEntry(ResourceType type)
    {
        var entry = new JsonObject
        {
            ["resource"] = type.Plural,
            ["responseKind"] = Kind("", "", type.Kind),
            ["scope"] = type.Namespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = type.Singular,
            ["verbs"] = Strings(VerbsOf(type)),
        };
        if (type.ShortNames.Count > 0)
        {
            entry["shortNames"] = Strings(type.ShortNames);
        }

        if (type.Categories.Count > 0)
        {
            entry["categories"] = Strings(type.Categories);
        }

        var subresources = SubresourcesOf(type).ToList();
        if (subresources.Count > 0)
        {
            entry["subresources"] = new JsonArray([.. subresources.Select(static s => new JsonObject
            {
                ["subresource"] = s.Name,
                ["responseKind"] = Kind(s.Group ?? "", s.Version ?? "", s.Kind),
                ["verbs"] = Strings(s.Verbs),
            })]);
        }

        return entry;
    }

    private static IReadOnlyList<string> VerbsOf(ResourceType type) => type.Verbs.Count > 0 ? type.Verbs : AllVerbs;

    private static IEnumerable<Subresource> SubresourcesOf(ResourceType type)
    {
        if (type == ResourceTypes.Pods)
        {
            yield return new("eviction", "Eviction", ["create"], "policy", "v1");
            yield return new("log", "Pod", ["get"]);
            yield return new("proxy", "PodProxyOptions", ["create", "delete", "get", "patch", "update"]);
        }

        if (type == ResourceTypes.ServiceAccounts)
        {
            yield return new("token", "TokenRequest", ["create"], "authentication.k8s.io", "v1");
        }

        if (type.HasScale)
        {
            yield return new("scale", "Scale", WriteVerbs, "autoscaling", "v1");
        }

        if (type.HasStatus)
        {
            yield return new("status", type.Kind, WriteVerbs);
        }
    }

    private static JsonObject Kind(string group, string version, string kind) => new() { ["group"] = group, ["version"] = version, ["kind"] = kind };

    private static JsonArray Strings(IEnumerable<string> values) => [.. values.Select(static v => JsonValue.Create(v))];

    private sealed record Subresource(string Name, string Kind, IReadOnlyList<string> Verbs, string? Group = null, string? Version = null);
}
