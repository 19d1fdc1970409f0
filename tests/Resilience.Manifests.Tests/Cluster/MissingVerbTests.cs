using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.Manifests.Tests.Cluster;

/// <summary>A watcher whose Role lacks one verb says which, on what, in the words of the server, and goes on once it is granted.</summary>
public sealed class MissingVerbTests
{
    private const string User = $"User \"system:serviceaccount:{TestCluster.Namespace}:failover-watcher\"";

    [Theory]
    [InlineData("", "pods", "list", "pods is forbidden: " + User + " cannot list resource \"pods\" in API group \"\" at the cluster scope")]
    [InlineData("resilience.dev", "bluegreens", "watch", "bluegreens.resilience.dev is forbidden: " + User + " cannot watch resource \"bluegreens\" in API group \"resilience.dev\" at the cluster scope")]
    [InlineData("coordination.k8s.io", "leases", "create", "leases.coordination.k8s.io is forbidden: " + User + " cannot create resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"distributed-resilience\"")]
    public async Task MissingFromTheStart_IsSaid(string group, string resource, string verb, string sentence)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pods as processes need Linux");
        await using var cluster = await TestCluster.StartAsync(processes: true);
        var world = new WatchedSystem(cluster);
        await world.InstallAsync(m => m.Kind == "Deployment" && m.Name != "failover-watcher" ? null : Without(m, group, resource, verb));
        await WatchedSystem.UntilAsync(async () => (await world.WatcherLogsAsync()).Contains(sentence, StringComparison.Ordinal), $"the log says: {sentence}");
        Assert.Contains(cluster.Accesses, a => !a.Allowed && a.Verb == verb && a.Resource == resource);
    }

    /// <summary>The verbs of the moment of truth: the refusal is in the log, and granting the verb is all it takes.</summary>
    [Theory]
    [InlineData("", "services", "patch", "services \"web\" is forbidden: " + User + " cannot patch resource \"services\" in API group \"\" in the namespace \"distributed-resilience\"")]
    [InlineData("resilience.dev", "bluegreens/status", "patch", "bluegreens.resilience.dev \"web\" is forbidden: " + User + " cannot patch resource \"bluegreens/status\" in API group \"resilience.dev\" in the namespace \"distributed-resilience\"")]
    [InlineData("", "events", "create", "events is forbidden: " + User + " cannot create resource \"events\" in API group \"\" in the namespace \"distributed-resilience\"")]
    public async Task MissingWhenNeeded_IsSaid_AndMadeUpForOnceGranted(string group, string resource, string verb, string sentence)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pods as processes need Linux");
        await using var cluster = await TestCluster.StartAsync(processes: true);
        var world = new WatchedSystem(cluster);
        await world.InstallAsync();
        var roles = TestCluster.Known("traditional").Select(m => m.Kind is "ClusterRole" ? m : null);
        _ = await cluster.ApplyAsync(roles.Select(m => Without(m, group, resource, verb)));
        await world.ScaleAsync("web-blue", 0);
        await WatchedSystem.UntilAsync(async () => (await world.WatcherLogsAsync()).Contains(sentence, StringComparison.Ordinal), $"the log says: {sentence}");
        if (resource == "services")
        {
            Assert.Equal("blue", await world.ActiveAsync());
        }

        _ = await cluster.ApplyAsync(roles);
        await WatchedSystem.UntilAsync(async () => await world.ActiveAsync() == "green", "traffic is rescued");
    }

    private static Manifest Without(Manifest manifest, string group, string resource, string verb)
    {
        if (manifest.Kind is not ("Role" or "ClusterRole"))
        {
            return manifest;
        }

        var body = manifest.Body.DeepClone().AsObject();
        foreach (var rule in body["rules"]!.AsArray().Where(r => Has(r!, "apiGroups", group) && Has(r!, "resources", resource)))
        {
            var verbs = rule!["verbs"]!.AsArray();
            if (Has(rule, "verbs", verb))
            {
                _ = verbs.RemoveAll(v => (string?)v == verb);
            }
        }

        return manifest with { Body = body };
    }

    private static bool Has(JsonNode rule, string field, string word) => rule[field]!.AsArray().Any(w => (string?)w == word);
}
