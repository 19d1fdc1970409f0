using System.Text.Json.Nodes;
using Resilience.LocalCluster.Api.Security;

namespace Resilience.Manifests.Tests.Cluster;

/// <summary>
/// The shipped Roles against what the processes ask for: pods run as processes under RBAC, through everything the watcher ever does.
/// Nothing may be refused, and nothing may be granted that nobody asked for, but for what is excused here and in the manifest.
/// </summary>
public sealed class LeastPrivilegeTests
{
    /// <summary>Granted, but asked for only in moments that a test cannot bring about at will; each says when.</summary>
    private static readonly Dictionary<string, string> Excused = new(StringComparer.Ordinal)
    {
        ["patch events"] = "only when a decision is repeated within ten minutes of its first Event",
    };

    [Fact]
    public async Task ShippedRoles_AllowWhatTheProcessesDo_AndNoMore()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pods as processes need Linux");
        await using var cluster = await TestCluster.StartAsync(processes: true);
        var world = new WatchedSystem(cluster);
        await world.InstallAsync();
        await world.RescueAsync();
        await world.SwitchBackWithApprovalAsync();
        await world.LoseTheLeaderAsync();

        var refused = cluster.Accesses.Where(a => !a.Allowed).ToList();
        Assert.True(refused.Count == 0, string.Join('\n', refused));
        var accesses = cluster.Accesses.Where(a => a.User == $"system:serviceaccount:{TestCluster.Namespace}:failover-watcher").ToList();
        Assert.Equal(accesses.Count, cluster.Accesses.Count);   // the Web pods have no identity and ask for nothing
        var unused = Granted().Where(grant => !accesses.Any(grant.Covers)).Select(grant => $"{grant.Verb} {grant.Resource}")
            .Where(name => !Excused.ContainsKey(name)).ToList();
        Assert.True(unused.Count == 0, $"granted and never asked for: {string.Join(", ", unused)}");
    }

    [Fact]
    public void Excuses_AreForThingsThatAreGranted()
    {
        var granted = Granted().Select(grant => $"{grant.Verb} {grant.Resource}").ToHashSet(StringComparer.Ordinal);
        Assert.All(Excused, excuse => Assert.Contains(excuse.Key, granted));
    }

    /// <summary>No verb, group or resource is a wildcard, and nothing of RBAC or of secrets is in reach.</summary>
    [Fact]
    public void ShippedRoles_HaveNoWildcardsAndNoWayToMore()
    {
        foreach (var grant in Granted())
        {
            Assert.DoesNotContain('*', grant.Verb + grant.Group + grant.Resource);
            Assert.DoesNotContain(grant.Resource, (string[])["secrets", "pods/exec", "pods/attach", "pods/proxy", "serviceaccounts", "serviceaccounts/token", "roles", "clusterroles", "rolebindings", "clusterrolebindings"]);
            Assert.DoesNotContain(grant.Verb, (string[])["escalate", "bind", "impersonate"]);
        }
    }

    private static IReadOnlyList<Grant> Granted() =>
    [
        .. TestCluster.Known("traditional").Items.Where(m => m.Kind is "ClusterRole" or "Role").SelectMany(role =>
            role.Body["rules"]!.AsArray().SelectMany(rule => Words(rule!, "apiGroups").SelectMany(group => Words(rule!, "resources").SelectMany(resource =>
                Words(rule!, "verbs").Select(verb => new Grant(verb, group, resource, Words(rule!, "resourceNames").ToList(), role.Namespace)))))),
    ];

    private static IEnumerable<string> Words(JsonNode rule, string field) => (rule[field]?.AsArray() ?? []).Select(word => (string)word!);

    private sealed record Grant(string Verb, string Group, string Resource, IReadOnlyList<string> Names, string? Namespace)
    {
        public bool Covers(AccessRecord access) => access.Verb == Verb && access.Group == Group && access.Resource == Resource
            && (Namespace is null || access.Namespace == Namespace) && (Names.Count == 0 || (access.Name is { } name && Names.Contains(name)));
    }
}
