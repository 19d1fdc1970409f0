using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Running;
using Resilience.LoadGenerator;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Running;

/// <summary>What a run makes of a pod whose log says nothing.</summary>
public sealed class JobLoadRunTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly FakeApiServer _server = new();

    [Fact]
    public async Task PodThatLivesAndSaysNothing_IsGivenUpAfterHalfAMinute()
    {
        PutPod("Running");
        await using var run = Run();
        await Eventually.AfterAsync(_time, TimeSpan.FromSeconds(1), () => run.Completion.IsCompleted, "the run is given up");
        var problem = await Assert.ThrowsAsync<LabException>(() => run.WaitForStartAsync(TestContext.Current.CancellationToken));
        Assert.Matches("the log of pod load-1 has been silent for 30 s.*--load-from lab", problem.Line);
        Assert.InRange(_time.GetUtcNow() - _time.Start, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(40));
    }

    [Fact]
    public async Task PodThatEndsWithoutAWord_IsNotAResult()
    {
        PutPod("Failed");
        await using var run = Run();
        await Eventually.AfterAsync(_time, TimeSpan.FromSeconds(1), () => run.Completion.IsCompleted, "the run is over");
        var problem = await Assert.ThrowsAsync<LabException>(() => run.WaitForStartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("the load generator in pod load-1 ended before its load was over", problem.Line, StringComparison.Ordinal);
        Assert.True(_time.GetUtcNow() - _time.Start < TimeSpan.FromSeconds(30), "there is nothing to wait for");
    }

    private JobLoadRun Run()
    {
        var pod = new V1Pod { Metadata = new() { Name = "load-1", NamespaceProperty = "shop" }, Spec = new() { Containers = [new() { Name = "load" }] } };
        var plan = new LoadPlan { Url = new("http://127.0.0.1:1/"), Profile = LoadProfile.Constant(10), Duration = TimeSpan.FromSeconds(60) };
        return new(_server.Connect(_time), _time, pod, plan, () => Task.CompletedTask);
    }

    private void PutPod(string phase) => _server.Put(ResourceTypes.Pods, new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["namespace"] = "shop", ["name"] = "load-1" },
        ["status"] = new JsonObject { ["phase"] = phase },
    });
}
