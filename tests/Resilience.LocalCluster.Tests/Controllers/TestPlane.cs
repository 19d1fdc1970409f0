using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Node;
using Resilience.LocalCluster.Node.Probing;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Proxy;
using Resilience.LocalCluster.Storage;
using Resilience.Testing;

namespace Resilience.LocalCluster.Tests.Controllers;

/// <summary>Store, controllers and node without an API server; pods are imaginary unless a runtime is given.</summary>
internal sealed class TestPlane : IAsyncDisposable
{
    public const string Namespace = "test";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly NetworkProber _prober;

    public TestPlane(TimeProvider? clock = null, TimeSpan readyAfter = default, int cpu = 1000, NodeNetwork? network = null, Func<string, PodLogs, IPodRuntime>? runtimeIn = null)
    {
        Clock = clock ?? TimeProvider.System;
        Directory = System.IO.Directory.CreateTempSubdirectory("plane-").FullName;
        Store = new ObjectStore(Clock);
        Network = network ?? NodeNetwork.Imaginary();
        Null = new NullPodRuntime(Clock, readyAfter);
        Logs = new PodLogs(Directory, Clock);
        _prober = new NetworkProber(Clock);
        Events = new EventRecorder(Store, Clock);
        var options = new NodeOptions(cpu, 1L << 50, 10_000);
        var volumes = new NodeVolumes(Directory);
        var used = runtimeIn?.Invoke(Directory, Logs) ?? Null;
        Agent = new NodeAgent(new NodeServices(Store, Clock, used, Network, _prober, Events, Logs, volumes, null, NullLogger.Instance));
        Proxy = new ServiceProxy(Store, Clock, Network, NullLogger<ServiceProxy>.Instance);
        IController[] loops =
        [
            Events,
            Agent,
            new NodeStatus(Store, Clock, options, Network, used),
            new Scheduler(Store, Clock, options, Events, NullLogger<Scheduler>.Instance),
            new VolumeController(Store, Clock, volumes, NullLogger<VolumeController>.Instance),
            new ReplicaSetController(Store, Clock, Events, NullLogger<ReplicaSetController>.Instance),
            new DeploymentController(Store, Clock, Events, NullLogger<DeploymentController>.Instance),
            new EndpointSliceController(Store, Clock, NullLogger<EndpointSliceController>.Instance),
            Proxy,
        ];
        foreach (var loop in loops)
        {
            Run(loop);
        }
    }

    public TimeProvider Clock { get; }

    public string Directory { get; }

    public ObjectStore Store { get; }

    public NodeNetwork Network { get; }

    public NullPodRuntime Null { get; }

    public PodLogs Logs { get; }

    public EventRecorder Events { get; }

    public NodeAgent Agent { get; }

    public ServiceProxy Proxy { get; }

    public void Run(IController loop) => _running.Add(Task.Run(() => loop.RunAsync(_stop.Token)));

    public StoredObject Create(ResourceType type, string yamlLikeJson) =>
        Store.Create(type, type.Namespaced ? Namespace : null, JsonNode.Parse(yamlLikeJson)!.AsObject());

    public StoredObject CreateDeployment(string name, int replicas, string image = "web", string extraSpec = "", string extraContainer = "") =>
        Create(ResourceTypes.Deployments, $$$"""
            {"metadata":{"name":"{{{name}}}"},"spec":{"replicas":{{{replicas}}},{{{extraSpec}}}
             "selector":{"matchLabels":{"app":"{{{name}}}"}},
             "template":{"metadata":{"labels":{"app":"{{{name}}}"}},
              "spec":{"restartPolicy":"Always","containers":[{"name":"web","image":"{{{image}}}"{{{extraContainer}}} }]} } } }
            """);

    public void SetImage(string deployment, string image) => _ = Store.Update(ResourceTypes.Deployments, Namespace, deployment,
        body => body["spec"]!["template"]!["spec"]!["containers"]![0]!["image"] = image);

    public void Scale(string deployment, int replicas) => _ = Store.Update(ResourceTypes.Deployments, Namespace, deployment,
        body => body["spec"]!["replicas"] = replicas);

    public IReadOnlyList<StoredObject> Pods(string? app = null) =>
        [.. Store.List(ResourceTypes.Pods, Namespace).Where(p => app is null || p.Label("app") == app)];

    public StoredObject Pod(string name) => Store.Get(ResourceTypes.Pods, Namespace, name)!;

    /// <summary>Waits for the store to reach a state; looks again after each change of the kind.</summary>
    public async Task Until(ResourceType type, Func<bool> reached, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var watch = Store.Watch(type, Store.ResourceVersion);
        try
        {
            while (!reached())
            {
                _ = await watch.Events.ReadAsync(patience.Token);
            }
        }
        catch (OperationCanceledException)
        {
            var seen = string.Join("\n", Store.List(type).Select(o => o.Body.ToJsonString()));
            Assert.Fail($"this did not happen within {Patience}: {what}. Seen: {seen}");
        }
    }

    public Task UntilReady(string app, int count) => Until(ResourceTypes.Pods,
        () => Pods(app).Count(p => Objects.IsReady(p) && !p.IsDeleting) == count && Pods(app).Count == count, $"{count} ready pods of {app}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Proxy.Dispose();
        _prober.Dispose();
        Network.Dispose();
        _stop.Dispose();
        // The node clears a pod's volumes behind the pod's end, so two may be deleting the same folder.
        await Eventually.TrueAsync(IsDeleted, $"{Directory} is deleted");
    }

    private bool IsDeleted()
    {
        try
        {
            System.IO.Directory.Delete(Directory, recursive: true);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return !System.IO.Directory.Exists(Directory);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
