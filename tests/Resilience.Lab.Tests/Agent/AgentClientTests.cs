using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Agent;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.ScalingAgent.Ledger;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Agent;

/// <summary>Finding the agent that leads, and reading it through the API server's pod proxy.</summary>
public sealed class AgentClientTests
{
    private readonly FakeApiServer _server = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    //          holder of the Lease                      who is asked
    [InlineData("scaling-agent-a", "scaling-agent-a")]
    [InlineData("scaling-agent-ab_5f3c", "scaling-agent-ab")]        // a suffix, and a pod whose name begins like another's
    [InlineData("scaling-agent-gone", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public async Task OfSeveralAgents_TheLeaderIsAsked(string? holder, string? asked)
    {
        PutPods("scaling-agent-a", "scaling-agent-ab", "scaling-agent-c");
        PutLease(holder);
        if (asked is null)
        {
            var refusal = await Assert.ThrowsAsync<LabException>(FindAsync);
            Assert.StartsWith("lab: no scaling agent leads at present. Try again in a few seconds", refusal.Line, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(asked, (await FindAsync()).Pod);
        }
    }

    [Fact]
    public async Task OneAgent_NeedsNoLease()
    {
        PutPods("scaling-agent-a");
        Assert.Equal("scaling-agent-a", (await FindAsync()).Pod);
    }

    [Fact]
    public async Task NoAgent_IsOneClearLine()
    {
        var refusal = await Assert.ThrowsAsync<LabException>(FindAsync);
        Assert.Equal("lab: no scaling agent runs in namespace distributed-resilience. Deploy one with \"kubectl apply -k k8s/intelligent\".", refusal.Line);
        Assert.Equal(ExitCode.CouldNotRun, refusal.ExitCode);
    }

    [Fact]
    public async Task Leader_ThatIsEnding_IsNotAsked()
    {
        PutPods("scaling-agent-a", "scaling-agent-b");
        PutLease("scaling-agent-a");
        PutPod("scaling-agent-a", phase: "Failed");
        Assert.Equal("scaling-agent-b", (await FindAsync()).Pod);
    }

    [Fact]
    public async Task Requests_GoThroughTheProxyToTheManagementPort()
    {
        PutPods("scaling-agent-a");
        Answer(HttpStatusCode.OK, new JsonObject { ["entries"] = new JsonArray() });
        var page = await (await FindAsync()).ListAsync(new LedgerQuery("shop/web", "decision", 5, After: 12), Cancel);

        Assert.Empty(page.Entries);
        var request = _server.Requests[^1];
        Assert.Equal("/api/v1/namespaces/distributed-resilience/pods/scaling-agent-a:9090/proxy/ledger", request.Path);
        Assert.Equal(("5", "shop/web", "decision", "12"), (request.Query["limit"], request.Query["scaler"], request.Query["kind"], request.Query["after"]));
    }

    [Fact]
    public async Task Reset_SendsADelete_WhenTheSecretIsThere()
    {
        PutPods("scaling-agent-a");
        var agent = await FindAsync();
        var refusal = await Assert.ThrowsAsync<LabException>(() => agent.ResetAsync("shop", "web", true, Cancel));
        Assert.Contains("the Secret scaling-agent-reset with the key \"token\" is missing", refusal.Line, StringComparison.Ordinal);

        _ = _server.Put(ResourceTypes.Secrets, new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = Names.AgentResetSecret, ["namespace"] = Names.Namespace },
            ["data"] = new JsonObject { ["token"] = Convert.ToBase64String(Encoding.UTF8.GetBytes("a-token\n")) },
        });
        Answer(HttpStatusCode.OK, new JsonObject { ["notice"] = 9, ["message"] = "done" });
        var done = await agent.ResetAsync("shop", "web", true, Cancel);

        Assert.Equal(new ResetView(9, "done"), done);
        Assert.Equal("DELETE /api/v1/namespaces/distributed-resilience/pods/scaling-agent-a:9090/proxy/learned/shop/web?demand=true", _server.Requests[^1].ToString());
    }

    [Theory]
    [InlineData(HttpStatusCode.NotFound, "Entry 99 is not in the ledger.")]
    [InlineData(HttpStatusCode.ServiceUnavailable, "The agent has no memory for now: the disk is full.")]
    [InlineData(HttpStatusCode.Unauthorized, "The token is missing or wrong.")]
    public async Task WhatTheAgentRefuses_IsSaidInItsWords(HttpStatusCode status, string detail)
    {
        PutPods("scaling-agent-a");
        Answer(status, new JsonObject { ["type"] = "about:blank", ["title"] = "Trouble", ["status"] = (int)status, ["detail"] = detail });
        var agent = await FindAsync();
        var refusal = await Assert.ThrowsAsync<LabException>(() => agent.FindAsync(99, Cancel));
        Assert.Equal($"lab: the scaling agent scaling-agent-a says: {detail}", refusal.Line);
    }

    [Fact]
    public async Task AnswerOfSomethingElse_IsOneClearLine()
    {
        PutPods("scaling-agent-a");
        Answer(HttpStatusCode.OK, new JsonArray());
        var agent = await FindAsync();
        var refusal = await Assert.ThrowsAsync<LabException>(() => agent.VerifyAsync(Cancel));
        Assert.StartsWith("lab: the answer of the scaling agent scaling-agent-a cannot be read", refusal.Line, StringComparison.Ordinal);
    }

    private Task<AgentClient> FindAsync() => AgentClient.FindAsync(_server.Connect(TimeProvider.System), Cancel);

    private void Answer(HttpStatusCode status, JsonNode body) =>
        _server.Custom = request => request.Path.Contains("/proxy/", StringComparison.Ordinal) ? (status, body.DeepClone()) : null;

    private void PutPods(params string[] names)
    {
        foreach (var name in names)
        {
            PutPod(name, "Running");
        }
    }

    private void PutPod(string name, string phase) => _server.Put(ResourceTypes.Pods, new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Names.Namespace, ["labels"] = new JsonObject { ["app"] = Names.Agent } },
        ["status"] = new JsonObject { ["phase"] = phase },
    });

    private void PutLease(string? holder) => _server.Put(ResourceTypes.Leases, new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = Names.Agent, ["namespace"] = Names.Namespace },
        ["spec"] = new JsonObject { ["holderIdentity"] = holder },
    });
}
