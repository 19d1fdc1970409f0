using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Tests.Cluster;

namespace Resilience.Lab.Tests.Deploying;

public sealed class ClusterSurveyTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RefuseProduction_LooksAtNodesAndForeignWorkloads_AndYesOverrules()
    {
        await using var server = await TestCluster.StartAsync();
        using var cluster = await LabCluster.ConnectAsync(server.Kubeconfig, null, TimeProvider.System, Token);
        await ClusterSurvey.RefuseProductionAsync(cluster, "deploy", yes: false, _ => { }, Token);
        await DeployAsync(server, "kube-system", "dns");
        await ClusterSurvey.RefuseProductionAsync(cluster, "deploy", yes: false, _ => { }, Token);

        await DeployAsync(server, "default", "shop");

        var refusal = await Assert.ThrowsAsync<LabException>(() => ClusterSurvey.RefuseProductionAsync(cluster, "deploy", yes: false, _ => { }, Token));
        Assert.Contains("default/Deployment shop", refusal.Line, StringComparison.Ordinal);
        Assert.Contains("deploy with --yes", refusal.Line, StringComparison.Ordinal);
        var said = new List<string>();
        await ClusterSurvey.RefuseProductionAsync(cluster, "deploy", yes: true, said.Add, Token);
        Assert.Contains("going on because of --yes", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_ToAContextThatIsNotThere_SuggestsTheNearest()
    {
        await using var server = await TestCluster.StartAsync();
        var error = await Assert.ThrowsAsync<LabException>(() => LabCluster.ConnectAsync(server.Kubeconfig, "resilience-lob", TimeProvider.System, Token));
        Assert.Contains("there is no context \"resilience-lob\". Did you mean \"resilience-lab\"?", error.Line, StringComparison.Ordinal);
    }

    private static Task<System.Text.Json.Nodes.JsonObject> DeployAsync(TestCluster server, string ns, string name) => server.ApplyAsync(ResourceTypes.Deployments, """
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"NAME","namespace":"SPACE"},
         "spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
        """.Replace("NAME", name, StringComparison.Ordinal).Replace("SPACE", ns, StringComparison.Ordinal));
}
