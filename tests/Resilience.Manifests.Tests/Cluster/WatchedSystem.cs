using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.Manifests.Tests.Cluster;

/// <summary>The shipped system in an embedded cluster, and what an admin does to it.</summary>
internal sealed class WatchedSystem(TestCluster cluster)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private const int Rounds = 4;
    private const int Writers = 4;
    private int _noise;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Applies <c>k8s/traditional</c> and waits until the watcher has spoken.</summary>
    /// <param name="change">Adjusts the manifests, as a mutilated Role.</param>
    public async Task InstallAsync(Func<Manifest, Manifest?>? change = null)
    {
        var set = TestCluster.Known("traditional");
        _ = await cluster.ApplyAsync(change is null ? set : set.Select(change));
        if (change is null)
        {
            await UntilAsync(async () => (string?)(await BlueGreenAsync())["status"]?["active"] == "blue", "the watcher says which slot is active");
            await ReadyAsync("web-blue", 2);
            await ReadyAsync("web-green", 2);
        }
    }

    /// <summary>
    /// All of blue goes, and traffic with it. Others keep writing to the Service meanwhile, so that the watcher's patch meets a conflict
    /// and it has to read afresh; a patch that slips through between two of their writes means another round.
    /// </summary>
    public async Task RescueAsync()
    {
        // After a move the watcher wakes the slot with the traffic when somebody scales it to 0, two minutes long; a further round could not begin.
        _ = await cluster.Api.PatchAsync(ResourceTypes.BlueGreens, TestCluster.Namespace, "web", ResourcePatch.Merge(new()
        {
            ["spec"] = new JsonObject { ["failover"] = new JsonObject { ["floorHold"] = "1s" } },
        }), Token);
        for (var round = 1; ; round++)
        {
            await LoseAsync("web-blue", "green");
            if (HasReadAfresh())
            {
                return;
            }

            Assert.True(round < Rounds, $"the watcher met no conflict in {Rounds} rounds of writing to its Service");
            await ReturnAsync("web-blue");
            await LoseAsync("web-green", "blue");
            await ReturnAsync("web-green");
        }
    }

    /// <summary>Blue is still at 0: the Switchover wakes and enlarges it first, for which the watcher borrows its floor.</summary>
    public async Task SwitchBackWithApprovalAsync()
    {
        const string path = $"apis/resilience.dev/v1alpha1/namespaces/{TestCluster.Namespace}";
        var asked = await SendAsync(HttpMethod.Post, $"{path}/switchovers", """
            {"apiVersion":"resilience.dev/v1alpha1","kind":"Switchover","metadata":{"name":"back"},
             "spec":{"blueGreen":"web","to":"blue","reason":"test","requestedBy":"tests","approval":"Required","prescale":true}}
            """);
        await UntilAsync(async () => (string?)(await cluster.GetAsync($"{path}/switchovers/back"))["status"]?["phase"] == "AwaitingApproval", "the Switchover waits");
        _ = await SendAsync(HttpMethod.Post, $"{path}/switchoverapprovals", $$$"""
            {"apiVersion":"resilience.dev/v1alpha1","kind":"SwitchoverApproval","metadata":{"name":"back"},
             "spec":{"switchover":"back","switchoverUid":"{{{(string)asked["metadata"]!["uid"]!}}}","decision":"Approve","by":"tests"}}
            """);
        await UntilAsync(async () => (string?)(await cluster.GetAsync($"{path}/switchovers/back"))["status"]?["phase"] == "Switched", "the Switchover is carried out");
    }

    public async Task LoseTheLeaderAsync()
    {
        var leader = await HolderAsync();
        var pods = await cluster.GetAsync($"api/v1/namespaces/{TestCluster.Namespace}/pods?labelSelector=app%3Dfailover-watcher");
        var pod = pods["items"]!.AsArray().Select(p => (string)p!["metadata"]!["name"]!).First(name => leader.StartsWith(name, StringComparison.Ordinal));
        _ = await cluster.Api.DeleteAsync(ResourceTypes.Pods, TestCluster.Namespace, pod, Token);
        await UntilAsync(async () => await HolderAsync() is { Length: > 0 } holder && holder != leader, "the other watcher leads");
    }

    public Task ScaleAsync(string deployment, int replicas) => cluster.Api.PatchAsync(ResourceTypes.Deployments, TestCluster.Namespace, deployment,
        ResourcePatch.Merge(new() { ["spec"] = new JsonObject { ["replicas"] = replicas } }), Token);

    public Task ReadyAsync(string deployment, int pods) => UntilAsync(
        async () => (int?)(await cluster.GetAsync($"apis/apps/v1/namespaces/{TestCluster.Namespace}/deployments/{deployment}"))["status"]?["readyReplicas"] >= pods,
        $"{deployment} has {pods} Ready pods");

    public async Task<string?> ActiveAsync() =>
        (string?)(await cluster.GetAsync($"api/v1/namespaces/{TestCluster.Namespace}/services/web"))["spec"]!["selector"]?["version"];

    /// <summary>What both watchers have written so far.</summary>
    public async Task<string> WatcherLogsAsync()
    {
        var pods = await cluster.GetAsync($"api/v1/namespaces/{TestCluster.Namespace}/pods?labelSelector=app%3Dfailover-watcher");
        var logs = new List<string>();
        foreach (var pod in pods["items"]!.AsArray().Where(p => (string?)p!["status"]?["phase"] == "Running"))
        {
            logs.Add(await cluster.Api.SendRawAsync(HttpMethod.Get, $"api/v1/namespaces/{TestCluster.Namespace}/pods/{(string)pod!["metadata"]!["name"]!}/log", null, Token));
        }

        return string.Join('\n', logs);
    }

    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                if (await condition())
                {
                    return;
                }
            }
            catch (ClusterException ex) when (ex.IsNotFound || ex.StatusCode is System.Net.HttpStatusCode.BadRequest)
            {
                // Not there yet, or a container without a log so far.
            }

            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, $"did not happen within {Patience.TotalSeconds:0} s: {what}");
            await Task.Delay(Pause, TimeProvider.System, Token);
        }
    }

    private bool HasReadAfresh() => cluster.Accesses.Any(access => access is { Verb: "get", Resource: "services" });

    private async Task LoseAsync(string deployment, string rescuer)
    {
        using var noise = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => AnnotateAsync(noise.Token)));
        await ScaleAsync(deployment, 0);
        await UntilAsync(async () => HasReadAfresh() || await ActiveAsync() == rescuer, "traffic is rescued, or the watcher reads afresh");
        await noise.CancelAsync();
        await writing;
        await UntilAsync(async () => await ActiveAsync() == rescuer, "traffic is rescued");
    }

    private async Task ReturnAsync(string deployment)
    {
        await ScaleAsync(deployment, 2);
        await ReadyAsync(deployment, 2);
    }

    /// <summary>Each write differs from the one before: one that changes nothing would be no conflict.</summary>
    private async Task AnnotateAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            _ = await cluster.Api.PatchAsync(ResourceTypes.Services, TestCluster.Namespace, "web", ResourcePatch.Merge(new()
            {
                ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["tests/noise"] = $"{Interlocked.Increment(ref _noise)}" } },
            }), Token);
        }
    }

    private Task<JsonObject> BlueGreenAsync() => cluster.GetAsync($"apis/resilience.dev/v1alpha1/namespaces/{TestCluster.Namespace}/bluegreens/web");

    private async Task<string> HolderAsync() =>
        (string?)(await cluster.GetAsync($"apis/coordination.k8s.io/v1/namespaces/{TestCluster.Namespace}/leases/failover-watcher"))["spec"]?["holderIdentity"] ?? "";

    private async Task<JsonNode> SendAsync(HttpMethod method, string path, string body) =>
        JsonNode.Parse(await cluster.Api.SendRawAsync(method, path, JsonNode.Parse(body), Token))!;
}
