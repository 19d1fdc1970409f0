using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Running;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Running;

public sealed class SteadyStateTests
{
    private const string Gone = """, "annotations": {"resilience.dev/floor-owner": "scaling-agent"}""";
    private const string Lent = """, "annotations": {"resilience.dev/floor-owner": "failover-watcher"}""";

    [Theory]
    //          replicas: wanted, there; limits; annotations of the autoscaler  what is still to happen
    [InlineData(2, 2, 2, 5, "", null)]
    [InlineData(5, 5, 2, 5, "", null)]
    [InlineData(5, 5, 2, 2, "", "web to be scaled to 2 pods (it has 5)")]
    [InlineData(2, 2, 3, 4, "", "web to be scaled to 3 to 4 pods (it has 2)")]
    [InlineData(2, 5, 2, 2, "", "web to be scaled to 2 pods (it has 5)")]
    [InlineData(0, 0, 2, 5, "", null)]
    [InlineData(2, 2, 2, 5, Gone, null)]
    [InlineData(2, 2, 2, 5, Lent, "the watcher to give back the floor of web, which the last move raised (up to 2 minutes)")]
    public async Task Unsettled_NamesWhatIsStillToHappen(int wanted, int there, int min, int max, string annotations, string? expected)
    {
        var server = new FakeApiServer();
        _ = server.Put(ResourceTypes.Deployments, JsonNode.Parse(
            $$$"""{"metadata":{"name":"web","namespace":"distributed-resilience"},"spec":{"replicas":{{{wanted}}},"selector":{},"template":{}},"status":{"replicas":{{{there}}}}}""")!.AsObject());
        _ = server.Put(ResourceTypes.HorizontalPodAutoscalers, JsonNode.Parse(
            $$$"""{"metadata":{"name":"web","namespace":"distributed-resilience" {{{annotations}}} },"spec":{"minReplicas":{{{min}}},"maxReplicas":{{{max}}},"scaleTargetRef":{"kind":"Deployment","name":"web"} } }""")!.AsObject());

        Assert.Equal(expected, await SteadyState.UnsettledAsync(server.Connect(TimeProvider.System), TestContext.Current.CancellationToken));
    }
}
