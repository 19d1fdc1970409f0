using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Deploying;
using Resilience.Lab.Diagnosis;
using Resilience.Lab.Tests.Cluster;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Diagnosis;

public sealed class ClusterDoctorTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Examine_EmptyThenHalfThenWholeThenTerminating()
    {
        await using var cluster = await TestCluster.StartAsync();
        Assert.Equal(Level.Note, await LevelAsync(cluster, "definitions"));
        Assert.Equal(Level.Note, await LevelAsync(cluster, "installation"));

        var shipped = ManifestSet.Load(Path.Combine(Repository.Root, "k8s", "traditional"));
        _ = await new Installer(cluster.Api, TimeProvider.System, _ => { }).InstallAsync(shipped, "traditional", "deploy", Token);
        Assert.Equal(Level.Ok, await LevelAsync(cluster, "installation"));
        Assert.Equal(Level.Ok, await LevelAsync(cluster, "definitions"));
        Assert.Equal(Level.Ok, await LevelAsync(cluster, "permissions"));
        Assert.Equal(Level.Ok, await LevelAsync(cluster, "left behind"));

        _ = await cluster.Api.DeleteAsync(ResourceTypes.Deployments, "distributed-resilience", "web-green", Token);
        var half = await FindAsync(cluster, "installation");
        Assert.Contains("half installed: Deployment web-green is missing", half.Text, StringComparison.Ordinal);
        Assert.Contains("./lab deploy --context c", half.Fix, StringComparison.Ordinal);

        _ = await cluster.ApplyAsync(ResourceTypes.ConfigMaps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","namespace":"distributed-resilience","finalizers":["example.com/held"]}}""");
        _ = await cluster.Api.DeleteAsync(ResourceTypes.Namespaces, null, "distributed-resilience", Token);
        var ending = await FindAsync(cluster, "installation");
        Assert.Equal(Level.Problem, ending.Level);
        Assert.Contains("is being deleted", ending.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Examine_WithoutRights_NamesVerbAndResource_AndStillLooksAtTheRest()
    {
        var server = new FakeApiServer
        {
            Custom = request => request.Path switch
            {
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => (HttpStatusCode.Created, Review(request)),
                "/api/v1/namespaces/distributed-resilience/pods" => (HttpStatusCode.Forbidden, Refusal()),
                _ => null,
            },
        };

        var findings = await new ClusterDoctor(server.Connect(new FakeTimeProvider()), " --context c").ExamineAsync(Token);

        Assert.Equal(["RBAC does not let this account create clusterroles.rbac.authorization.k8s.io, which deploy needs"], findings.Where(finding => finding.Subject == "permissions").Select(finding => finding.Text));
        Assert.Equal("forbidden by RBAC: \"bob\" may not list pods in namespace distributed-resilience", findings.Single(finding => finding.Subject == "pods").Text);
        Assert.Equal(Level.Ok, findings.Single(finding => finding.Subject == "left behind").Level);

        static JsonNode Review(FakeRequest request) => new JsonObject
        {
            ["status"] = new JsonObject { ["allowed"] = (string?)request.Body!["spec"]!["resourceAttributes"]!["resource"] != "clusterroles" },
        };

        static JsonNode Refusal() => JsonNode.Parse(
            """{"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"distributed-resilience\""}""")!;
    }

    [Theory]
    [InlineData("""{"readyReplicas":2}""", "Ok", "none of 0 has trouble starting")]
    [InlineData("""{}""", "Problem", "failover-watcher is scaled to 0: nothing moves traffic", 0)]
    [InlineData("""{"readyReplicas":1}""", "Note", "1 of 2 pods of failover-watcher are Ready")]
    [InlineData("""{}""", "Problem", "0 of 2 pods of failover-watcher are Ready")]
    [InlineData("""{"conditions":[{"type":"ReplicaFailure","status":"True","message":"error looking up service account: not found."}]}""",
        "Problem", "the cluster refuses pods of failover-watcher: error looking up service account: not found")]
    public async Task Examine_PodsWithoutTroubleStarting_TellsWhatIsNotReady(string status, string level, string text, int replicas = 2)
    {
        var deployment = JsonNode.Parse($$"""{"metadata":{"name":"failover-watcher"},"spec":{"replicas":{{replicas}}},"status":{{status}}}""");
        var server = new FakeApiServer
        {
            Custom = request => request.Path switch
            {
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => (HttpStatusCode.Created, JsonNode.Parse("""{"status":{"allowed":true}}""")!),
                "/apis/apps/v1/namespaces/distributed-resilience/deployments" => (HttpStatusCode.OK, new JsonObject { ["metadata"] = new JsonObject(), ["items"] = new JsonArray(deployment!.DeepClone()) }),
                _ => null,
            },
        };

        var pods = (await new ClusterDoctor(server.Connect(new FakeTimeProvider()), " --context c").ExamineAsync(Token)).Single(finding => finding.Subject == "pods");

        Assert.Equal((level, text), (pods.Level.ToString(), pods.Text));
    }

    private static async Task<Level> LevelAsync(TestCluster cluster, string subject) => (await FindAsync(cluster, subject)).Level;

    private static async Task<Finding> FindAsync(TestCluster cluster, string subject) =>
        (await new ClusterDoctor(cluster.Api, " --context c").ExamineAsync(Token)).Single(finding => finding.Subject == subject);
}
