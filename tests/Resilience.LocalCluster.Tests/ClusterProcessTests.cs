using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using k8s;
using k8s.Models;

namespace Resilience.LocalCluster.Tests;

/// <summary>The program itself: it ends with its parent, whatever ends the parent, and takes its pods along.</summary>
[SupportedOSPlatform("linux")]
public sealed class ClusterProcessTests : IDisposable
{
    private const int Interrupt = 2;
    private const int Kill = 9;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly string _directory = Directory.CreateTempSubdirectory("resilience-process-").FullName;
    private readonly List<int> _started = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var pid in _started.Where(IsAlive))
        {
            _ = Signal(pid, Kill);
        }

        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task KilledParent_LeavesNeitherClusterNorPods_AndInterruptsAreIgnored()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux processes");

        // The parent: a shell that holds the writing end of the cluster's standard input, in a session of its own.
        var program = Path.Combine(AppContext.BaseDirectory, "Resilience.LocalCluster.dll");
        var images = Path.Combine(_directory, "images.json");
        await File.WriteAllTextAsync(images, """{"sh":{"command":["/bin/sh"]}}""", Token);
        var pids = Path.Combine(_directory, "pids");
        var script = $"mkfifo '{_directory}/line'; dotnet '{program}' --data-dir '{_directory}/data' --images '{images}' --lifeline < '{_directory}/line' > '{_directory}/out' 2>&1 & "
            + $"exec 9> '{_directory}/line'; echo $$ $! > '{pids}.tmp'; mv '{pids}.tmp' '{pids}'; wait";
        using var shell = Process.Start(new ProcessStartInfo("/usr/bin/setsid", ["-w", "/bin/sh", "-c", script]) { UseShellExecute = false })!;
        _started.Add(shell.Id);
        await UntilAsync(() => File.Exists(pids), "the parent has started the cluster");
        var both = (await File.ReadAllTextAsync(pids, Token)).Split(' ', StringSplitOptions.TrimEntries).Select(p => int.Parse(p, CultureInfo.InvariantCulture)).ToList();
        _started.AddRange(both);
        var (parent, cluster) = (both[0], both[1]);
        await UntilAsync(() => File.Exists(Path.Combine(_directory, "data", "cluster.json")), "the cluster is ready");
        var pod = await StartPodAsync(Path.Combine(_directory, "data", "kubeconfig"));
        _started.Add(pod);

        Assert.Equal(0, Signal(cluster, Interrupt));   // what a terminal sends to the whole group on Ctrl-C
        Assert.Equal(0, Signal(pod, Interrupt));
        var node = await NodesAsync(Path.Combine(_directory, "data", "kubeconfig"));
        Assert.Equal(1, node);
        Assert.True(IsAlive(cluster));

        Assert.Equal(0, Signal(parent, Kill));
        var killed = TimeProvider.System.GetTimestamp();
        await UntilAsync(() => !IsAlive(cluster) && !IsAlive(pod), "cluster and pod are gone after their parent");
        TestContext.Current.TestOutputHelper!.WriteLine($"gone after {TimeProvider.System.GetElapsedTime(killed)}");
    }

    private async Task<int> StartPodAsync(string kubeconfig)
    {
        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));
        // Kubernetes makes one dollar of two.
        var pidFile = Path.Combine(_directory, "pod-pid");
        _ = await client.CoreV1.CreateNamespacedPodAsync(new V1Pod
        {
            Metadata = new() { Name = "p" },
            Spec = new() { Containers = [new() { Name = "web", Image = "sh", Args = ["-c", $"trap '' INT; echo $$$$ > {pidFile}.tmp; mv {pidFile}.tmp {pidFile}; exec cat"] }] },
        }, "default", cancellationToken: Token);
        await UntilAsync(() => File.Exists(pidFile), "the pod has started");
        return int.Parse(await File.ReadAllTextAsync(pidFile, Token), CultureInfo.InvariantCulture);
    }

    private static async Task<int> NodesAsync(string kubeconfig)
    {
        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));
        return (await client.CoreV1.ListNodeAsync(cancellationToken: Token)).Items.Count;
    }

    private async Task UntilAsync(Func<bool> reached, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!reached())
        {
            var said = Path.Combine(_directory, "out");
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience,
                $"this did not happen: {what}. Output: {(File.Exists(said) ? await File.ReadAllTextAsync(said, Token) : "none")}");
            await Task.Delay(Pause, TimeProvider.System, Token);
        }
    }

    /// <summary>A process that has ended but was not yet waited for is gone, too.</summary>
    private static bool IsAlive(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            return stat[(stat.LastIndexOf(')') + 2)] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static int Signal(int pid, int signal)
    {
        using var kill = Process.Start("/bin/sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{signal} {pid}")]);
        kill.WaitForExit();
        return kill.ExitCode;
    }
}
