using System.Runtime.Versioning;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Node;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Storage;
using Resilience.LocalCluster.Tests.Controllers;

namespace Resilience.LocalCluster.Tests.Node;

[SupportedOSPlatform("linux")]
public sealed class ProcessPodTests
{
    [Fact]
    public async Task Pod_RunsWithItsEnvironment_AndItsOutputIsKept()
    {
        RequireLinux();
        await using var plane = Plane();
        _ = plane.Create(ResourceTypes.Pods, Pod("echo $POD_IP $GREETING; exec cat",
            """ {"name":"POD_IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},{"name":"GREETING","value":"hello"} """));
        await plane.UntilReady("p", 1);
        var pod = plane.Pod("p");
        var log = plane.Logs.Find(pod, "web", previous: false)!;
        await log.WaitForMoreAsync(0, TestContext.Current.CancellationToken);
        Assert.EndsWith($" stdout F {pod.Status.String("podIP")} hello\n", await File.ReadAllTextAsync(log.Path, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StoppedProcess_PodDeleted_IsKilledAfterItsGracePeriod()
    {
        RequireLinux();
        await using var plane = Plane();
        _ = plane.Create(ResourceTypes.Pods, Pod("exec cat"));
        await plane.UntilReady("p", 1);
        await plane.Agent.SignalAsync(plane.Pod("p"), "STOP", TestContext.Current.CancellationToken);
        Assert.True(Objects.IsReady(plane.Pod("p")));   // without probes nobody notices, as on a real node
        _ = plane.Store.Delete(ResourceTypes.Pods, TestPlane.Namespace, "p", new DeleteOptions(GracePeriodSeconds: 1));
        await plane.UntilReady("p", 0);
    }

    [Fact]
    public async Task KilledProcess_Pod_IsRestartedWithItsExitCodeRecorded()
    {
        RequireLinux();
        await using var plane = Plane();
        _ = plane.Create(ResourceTypes.Pods, Pod("exec cat"));
        await plane.UntilReady("p", 1);
        await plane.Agent.SignalAsync(plane.Pod("p"), "KILL", TestContext.Current.CancellationToken);
        await plane.Until(ResourceTypes.Pods, () => plane.Pod("p").Status.Array("containerStatuses")![0].Int("restartCount") == 1, "restart");
        Assert.Equal(137, plane.Pod("p").Status.Array("containerStatuses")![0].Int("lastState", "terminated", "exitCode"));
    }

    [Fact]
    public async Task ProgramThatDoesNotExist_Pod_CrashLoopsWithTheReason()
    {
        RequireLinux();
        await using var plane = Plane();
        _ = plane.Create(ResourceTypes.Pods, Pod("true").Replace("\"sh\"", "\"missing\"", StringComparison.Ordinal));
        await plane.Until(ResourceTypes.Pods,
            () => plane.Pod("p").Status.Array("containerStatuses")?[0].String("state", "waiting", "reason") == "CrashLoopBackOff", "CrashLoopBackOff");
        Assert.Equal("StartError", plane.Pod("p").Status.Array("containerStatuses")![0].String("lastState", "terminated", "reason"));
    }

    [Fact]
    public async Task HundredChildren_EndAtOnce_AreAllReportedWithTheirCodes()
    {
        RequireLinux();
        using var folder = new Folder();
        using var launcher = new LinuxChildLauncher();
        var environment = new Dictionary<string, string>();
        var children = Enumerable.Range(0, 100).Select(n => launcher.Start(new ChildStart(
            ["/bin/sh", "-c", $"read x; exit {n}"], environment, null,
            new ContainerLog(Path.Combine(folder.Name, $"{n}.log"), TimeProvider.System)))).ToList();
        Assert.All(children, c => Assert.False(c.Exited.IsCompleted));
        foreach (var child in children.Skip(50))
        {
            child.Signal(ContainerSignal.Kill, group: true);
        }

        var killed = await Task.WhenAll(children.Skip(50).Select(c => c.Exited));
        Assert.All(killed, e => Assert.Equal(new ChildExit(137, 9), e));
        foreach (var child in children.Take(50))
        {
            child.Signal(ContainerSignal.Stop, group: true);
            child.Signal(ContainerSignal.Terminate, group: true);
            child.Signal(ContainerSignal.Continue, group: true);
        }

        var ended = await Task.WhenAll(children.Take(50).Select(c => c.Exited));
        Assert.All(ended, e => Assert.Equal(15, e.Signal));
    }

    [Fact]
    public void Networks_OfTwoClusters_AreDisjoint()
    {
        RequireLinux();
        using var one = NodeNetwork.Claim(7);
        using var two = NodeNetwork.Claim(7);
        Assert.NotEqual(one.NodeAddress, two.NodeAddress);
        Assert.NotEqual(one.Allocate(), one.Allocate());
    }

    [Fact]
    public void Network_OfAFolder_IsSearchedFromTheSamePlaceInEveryProcess()
    {
        // A number from another process: the two of one process would agree whatever the hash.
        Assert.Equal(1_449_494_324, NodeNetwork.Seed("/var/lib/cluster"));
        Assert.NotEqual(NodeNetwork.Seed("/var/lib/cluster"), NodeNetwork.Seed("/var/lib/cluster2"));
    }

    [Fact]
    public void Orphan_OfADeadCluster_IsKilledAtTheNextStart()
    {
        RequireLinux();
        using var folder = new Folder();
        using var orphan = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/usr/bin/setsid", ["sleep", "60"]))!;
        try
        {
            new ProcessRecords(folder.Name).Add(orphan.Id);
            Assert.Equal(1, new ProcessRecords(folder.Name).KillOrphans());
            Assert.Equal(0, new ProcessRecords(folder.Name).KillOrphans());
        }
        finally
        {
            if (!orphan.HasExited)
            {
                orphan.Kill();
            }
        }
    }

    private static void RequireLinux() => Assert.SkipUnless(OperatingSystem.IsLinux(), "pods as processes need Linux (sessions, 127.x addresses)");

    private static TestPlane Plane()
    {
        var images = ImageTable.Parse("""{"sh":{"command":["/bin/sh"]},"missing":{"command":["/no/such/program"]}}""");
        return new TestPlane(network: NodeNetwork.Claim(Environment.ProcessId), runtimeIn: (folder, logs) => new ProcessPodRuntime(folder, images, logs, TimeProvider.System));
    }

    private static string Pod(string script, string env = "") => $$$"""
        {"metadata":{"name":"p","labels":{"app":"p"}},"spec":{"restartPolicy":"Always","terminationGracePeriodSeconds":1,
         "containers":[{"name":"web","image":"sh","args":["-c","{{{script}}}"],"env":[{{{env}}}]}]}}
        """;

    private sealed class Folder : IDisposable
    {
        public string Name { get; } = Directory.CreateTempSubdirectory("resilience-").FullName;

        public void Dispose() => Directory.Delete(Name, recursive: true);
    }
}
