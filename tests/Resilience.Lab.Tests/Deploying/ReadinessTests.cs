using System.Net;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Time.Testing;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Deploying;
using Resilience.Lab.Diagnosis;
using Resilience.Lab.Tests.Cluster;
using Resilience.LocalCluster;
using Resilience.Testing;

namespace Resilience.Lab.Tests.Deploying;

public sealed class ReadinessTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wait_ForAnImageThatNobodyHas_EndsWithinTenSecondsAndSaysWhatToDo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the embedded cluster's pods need 127.x addresses");
        await using var cluster = await TestCluster.StartAsync(PodRuntime.Process);
        var started = TimeProvider.System.GetTimestamp();
        var lines = new List<string>();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        // It waits before there is a pod: one that already waits for its image when it begins would be made anew.
        var ready = WaitAsync(cluster, line => { lines.Add(line); _ = begun.TrySetResult(); }, TimeSpan.FromSeconds(60));
        await begun.Task.WaitAsync(Token);
        await DeployAsync(cluster, "nobody/has-this:1");
        var error = await Assert.ThrowsAsync<LabException>(() => ready);

        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 0, 10);
        Assert.Contains("the image \"nobody/has-this:1\" cannot be had by pod app-", error.Line, StringComparison.Ordinal);
        Assert.Contains("./lab images load", error.Line, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("waiting for app (0 of 1 pods Ready)", StringComparison.Ordinal));

        var finding = Assert.Single(await new ClusterDoctor(cluster.Api, " --context c").ExamineAsync(Token), finding => finding.Subject == "pods");
        Assert.Equal(Level.Problem, finding.Level);
        Assert.Contains("nobody/has-this:1", finding.Text, StringComparison.Ordinal);

        // Whoever has loaded it since does not wait for the kubelet's next look: pods that never ran are made anew.
        var waiting = Assert.Single((await PodsAsync(cluster)).Items).Metadata.Name;
        Assert.DoesNotContain(lines, line => line.Contains("looks at once", StringComparison.Ordinal));
        _ = await Assert.ThrowsAsync<LabException>(() => WaitAsync(cluster, lines.Add, TimeSpan.FromSeconds(60)));
        Assert.Contains($"pod {waiting} was waiting to look for its image again; a new one looks at once", lines);
        Assert.DoesNotContain((await PodsAsync(cluster)).Items, pod => pod.Metadata.Name == waiting);
    }

    [Fact]
    public async Task Wait_UntilReady_Returns_AndTellsTheTimeLimitOtherwise()
    {
        await using var cluster = await TestCluster.StartAsync();
        await DeployAsync(cluster, "any");
        await WaitAsync(cluster, _ => { }, TimeSpan.FromSeconds(30));

        var goal = new ReadinessGoal(TimeSpan.FromSeconds(0.3), ["absent"], Watcher: false) { Next = "Look there." };
        var error = await Assert.ThrowsAsync<LabException>(() => new Readiness(cluster.Api, TimeProvider.System, _ => { }).WaitAsync(goal, Token));
        Assert.Contains("still waiting for Deployment absent. Look there.", error.Line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ImagePullBackOff", "image")]
    [InlineData("ErrImagePull", "image")]
    [InlineData("InvalidImageName", "image")]
    [InlineData("CreateContainerConfigError", "configuration")]
    [InlineData("CrashLoopBackOff", "crash")]
    [InlineData("ContainerCreating", null)]
    [InlineData("PodInitializing", null)]
    public void Of_JudgesWhatKubeletSays(string reason, string? kind)
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "p" },
            Status = new V1PodStatus { ContainerStatuses = [new V1ContainerStatus { Image = "i", State = new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = reason } } }] },
        };
        Assert.Equal(kind, PodTrouble.Of(pod)?.Kind);
    }

    [Fact]
    public void Of_Unschedulable_SaysWhatTheSchedulerSays()
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "p" },
            Status = new V1PodStatus { Conditions = [new V1PodCondition { Type = "PodScheduled", Status = "False", Reason = "Unschedulable", Message = "0/1 nodes are available: 1 Insufficient cpu." }] },
        };
        Assert.Equal("no node takes pod p: 0/1 nodes are available: 1 Insufficient cpu", PodTrouble.Of(pod)?.Text);
    }

    [Theory]
    [InlineData(5, "ContainerCreating", "Pulling", false)]
    [InlineData(6, "ContainerCreating", "Pulling", true)]
    [InlineData(7, "ContainerCreating", "Scheduled", true)]
    [InlineData(7, "ContainerCreating", "Pulled", false)]
    [InlineData(7, "ErrImagePull", "Pulling", false)]
    public void Pull_IsToldOfAfterSixSeconds(int age, string waiting, string lastEvent, bool told)
    {
        var now = new DateTimeOffset(2026, 11, 30, 8, 0, 30, TimeSpan.Zero);
        var pod = PendingPod(waiting, now.AddSeconds(-age));
        Corev1Event[] events = [Event(lastEvent, now.AddSeconds(1 - age)), Event("Pulling", now.AddSeconds(-age))];

        var text = ImagePull.MayBeSlow(pod, now) ? ImagePull.Describe(pod, events, now) : null;

        Assert.Equal(told ? $"pod app-0 has waited {age} s for the image \"registry.example/app:1\" to be pulled; if no registry has it, \"./lab images load\" puts it into the nodes" : null, text);
    }

    [Fact]
    public void Pull_WithoutEvents_IsNotSupposed() => Assert.Null(ImagePull.Describe(PendingPod("ContainerCreating", DateTimeOffset.UnixEpoch), [], DateTimeOffset.UnixEpoch.AddMinutes(1)));

    [Fact]
    public async Task Wait_WhileAnImageIsBeingPulled_SaysSoOnce()
    {
        await using var cluster = await TestCluster.StartAsync();
        await DeployAsync(cluster, "any", replicas: 0);
        var since = TimeProvider.System.GetUtcNow().AddSeconds(-7);
        var pod = PendingPod("ContainerCreating", since);
        _ = await cluster.Api.CreateAsync(ResourceTypes.Pods, pod.Metadata.NamespaceProperty, pod, Token);
        var status = JsonNode.Parse(KubernetesJson.Serialize(new V1Pod { Status = pod.Status }))!.AsObject();
        _ = await cluster.Api.PatchAsync(ResourceTypes.Pods, pod.Metadata.NamespaceProperty, pod.Metadata.Name, ResourcePatch.Merge(status), Token, subresource: "status");
        _ = await cluster.Api.CreateAsync(ResourceTypes.Events, pod.Metadata.NamespaceProperty, Event("Pulling", since), Token);
        var lines = new List<string>();

        var goal = new ReadinessGoal(TimeSpan.FromSeconds(2.5), ["app", "absent"], Watcher: false) { Next = "Look there." };
        _ = await Assert.ThrowsAsync<LabException>(() => new Readiness(cluster.Api, TimeProvider.System, lines.Add).WaitAsync(goal, Token));

        _ = Assert.Single(lines, line => line.Contains("for the image \"registry.example/app:1\" to be pulled", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2, 2, 2, 2, null)]
    [InlineData(2, 2, 1, 2, "1 of 2 pods Ready")]
    [InlineData(3, 1, 2, 2, "1 of 2 pods are new")]
    [InlineData(3, 2, 2, 2, "1 of the earlier pods to leave")]   // One of each template is Ready.
    [InlineData(4, 4, 4, 2, null)]                               // An autoscaler that scales down.
    [InlineData(2, 2, 2, 2, "its change to be noticed", 2)]             // The counts are of the generation before.
    [InlineData(0, 0, 0, 0, null)]
    public void Unfinished_CountsAsKubectlsRolloutStatus(int pods, int updated, int ready, int wanted, string? missing, long generation = 1)
    {
        var deployment = new V1Deployment
        {
            Metadata = new V1ObjectMeta { Name = "app", Generation = generation },
            Spec = new V1DeploymentSpec { Replicas = wanted },
            Status = new V1DeploymentStatus { Replicas = pods, UpdatedReplicas = updated, ReadyReplicas = ready, ObservedGeneration = 1 },
        };
        Assert.Equal(missing, Readiness.Unfinished(deployment));
    }

    [Fact]
    public async Task Wait_DuringARollout_TellsOfWantedPodsOnly()
    {
        var lines = await WaitBrieflyAsync(
            Items("""{"metadata":{"name":"app","uid":"d","annotations":{"deployment.kubernetes.io/revision":"2"}},"spec":{"replicas":1},"status":{}}"""),
            Items(ReplicaSet(1), ReplicaSet(2)),
            Items(Pod(1), Pod(2)));

        Assert.Contains(lines, line => line.Contains("\"app:2\" cannot be had by pod app-2-x", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("app:1", StringComparison.Ordinal));

        static string ReplicaSet(int number) =>
            """{"metadata":{"name":"app-#","annotations":{"deployment.kubernetes.io/revision":"#"},"ownerReferences":[{"kind":"Deployment","name":"app","uid":"d","controller":true}]}}""".Replace("#", $"{number}", StringComparison.Ordinal);

        static string Pod(int number) => """
            {"metadata":{"name":"app-#-x","ownerReferences":[{"kind":"ReplicaSet","name":"app-#","uid":"r","controller":true}]},
             "status":{"containerStatuses":[{"name":"c","image":"app:#","state":{"waiting":{"reason":"ErrImagePull"}}}]}}
            """.Replace("#", $"{number}", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wait_AfterARefusal_HasItTriedAgain_AndDoesNotGiveUpAtOnce()
    {
        var refused = """{"metadata":{"name":"app","uid":"d"},"spec":{"replicas":1},"status":{"conditions":[{"type":"ReplicaFailure","status":"True","message":"no such account."}]}}""";

        var lines = await WaitBrieflyAsync(Items(refused), Items(), Items());

        Assert.Contains("pods of app were refused; its controller tries again now", lines);
        Assert.Equal("the cluster refuses pods of app: no such account", Readiness.Refusal(KubernetesJson.Deserialize<V1Deployment>(refused))?.Message);
    }

    /// <returns>What was said until the time limit, which is all that ended the wait.</returns>
    private static async Task<IReadOnlyList<string>> WaitBrieflyAsync(JsonObject deployments, JsonObject replicaSets, JsonObject pods)
    {
        const string Apps = "/apis/apps/v1/namespaces/distributed-resilience";
        var server = new FakeApiServer
        {
            Custom = request => (request.Method, request.Path) switch
            {
                ("GET", Apps + "/deployments") => (HttpStatusCode.OK, deployments.DeepClone()),
                ("GET", Apps + "/replicasets") => (HttpStatusCode.OK, replicaSets.DeepClone()),
                ("GET", "/api/v1/namespaces/distributed-resilience/pods") => (HttpStatusCode.OK, pods.DeepClone()),
                ("PATCH", Apps + "/deployments/app") => (HttpStatusCode.OK, deployments["items"]![0]!.DeepClone()),
                _ => null,
            },
        };
        var lines = new List<string>();
        var goal = new ReadinessGoal(TimeSpan.FromSeconds(1.5), ["app"], Watcher: false) { Next = "Look there." };
        var error = await Assert.ThrowsAsync<LabException>(() => new Readiness(server.Connect(new FakeTimeProvider()), TimeProvider.System, lines.Add).WaitAsync(goal, Token));
        Assert.Contains("still waiting for app", error.Line, StringComparison.Ordinal);
        return lines;
    }

    private static JsonObject Items(params string[] items) =>
        new() { ["metadata"] = new JsonObject(), ["items"] = new JsonArray([.. items.Select(item => JsonNode.Parse(item))]) };

    // Of a node that is not there, so that nobody else writes its status.
    private static V1Pod PendingPod(string waiting, DateTimeOffset since) => new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        Metadata = new V1ObjectMeta { Name = "app-0", NamespaceProperty = "distributed-resilience" },
        Spec = new V1PodSpec { NodeName = "another", Containers = [new V1Container { Name = "c", Image = "registry.example/app:1" }] },
        Status = new V1PodStatus
        {
            Phase = "Pending",
            StartTime = since.UtcDateTime,
            ContainerStatuses = [new V1ContainerStatus { Name = "c", Image = "registry.example/app:1", ImageID = string.Empty, State = new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = waiting } } }],
        },
    };

    private static Corev1Event Event(string reason, DateTimeOffset at) => new()
    {
        ApiVersion = "v1",
        Kind = "Event",
        Metadata = new V1ObjectMeta { Name = "app-0.1", NamespaceProperty = "distributed-resilience" },
        InvolvedObject = new V1ObjectReference { Kind = "Pod", Name = "app-0", NamespaceProperty = "distributed-resilience" },
        Reason = reason,
        FirstTimestamp = at.UtcDateTime,
        LastTimestamp = at.UtcDateTime,
    };

    private static Task<ResourceList<V1Pod>> PodsAsync(TestCluster cluster) =>
        cluster.Api.ListAsync(ResourceTypes.Pods, new ResourceScope("distributed-resilience"), Token);

    private static Task WaitAsync(TestCluster cluster, Action<string> say, TimeSpan limit) =>
        new Readiness(cluster.Api, TimeProvider.System, say).WaitAsync(new ReadinessGoal(limit, ["app"], Watcher: false) { Next = "Look there." }, Token);

    private static async Task DeployAsync(TestCluster cluster, string image, int replicas = 1)
    {
        _ = await cluster.ApplyAsync(ResourceTypes.Namespaces, """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"distributed-resilience"}}""");
        _ = await cluster.ApplyAsync(ResourceTypes.Deployments, """
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"app","namespace":"distributed-resilience"},
             "spec":{"replicas":REPLICAS,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"IMAGE"}]}}}}
            """.Replace("IMAGE", image, StringComparison.Ordinal).Replace("REPLICAS", $"{replicas}", StringComparison.Ordinal));
    }
}
