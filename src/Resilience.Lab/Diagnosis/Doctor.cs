using System.Net;
using System.Net.Sockets;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Diagnosis;

internal enum Level
{
    Ok,
    Note,
    Problem,
}

/// <param name="Fix">What to do; null when nothing is to be done.</param>
internal sealed record Finding(string Subject, Level Level, string Text, string? Fix = null);

/// <summary>Looks at the machine with the eyes of somebody whose lab does not start.</summary>
internal static class Doctor
{
    private static readonly TimeSpan ToolLimit = TimeSpan.FromSeconds(15);

    /// <param name="connect">To the cluster that was asked about; null: the running lab's, if one runs.</param>
    public static async Task<IReadOnlyList<Finding>> ExamineAsync(LabDirectory directory, Func<Task<LabCluster>>? connect, TimeProvider time, CancellationToken stop)
    {
        // Begun first: where no network answers, the feed is what takes longest.
        var feed = AppHostAsync(time, stop);
        Finding[] machine =
        [
            await SdkAsync(time, stop).ConfigureAwait(false),
            Programs(),
            Loopback(),
            Signals(),
            Port(),
            await KubectlAsync(time, stop).ConfigureAwait(false),
            Leftovers(directory),
            await DashboardAsync(time, stop).ConfigureAwait(false),
        ];
        var cluster = connect is not null
            ? await ClusterAsync("cluster", connect, cluster => $"{cluster.Title} answers", "Choose another with --context or --kubeconfig", stop).ConfigureAwait(false)
            : File.Exists(directory.Kubeconfig)
                ? await ClusterAsync("lab", () => LabCluster.ConnectAsync(directory.Kubeconfig, null, time, stop), _ => $"runs; export KUBECONFIG={directory.Kubeconfig}", "./lab cleanup", stop).ConfigureAwait(false)
                : [new Finding("lab", Level.Ok, $"none runs in {directory.Path}")];
        return [.. machine, await feed.ConfigureAwait(false), .. cluster];
    }

    private static async Task<Finding> SdkAsync(TimeProvider time, CancellationToken stop)
    {
        var version = (await OutputAsync("dotnet", ["--version"], time, stop).ConfigureAwait(false))?.Trim();
        return version is null
            ? new Finding(".NET SDK", Level.Problem, "dotnet is not on PATH", "Install the .NET 10 SDK: https://dotnet.microsoft.com/download")
            : Version.TryParse(version.Split('-')[0], out var parsed) && parsed.Major >= 10
                ? new Finding(".NET SDK", Level.Ok, version)
                : new Finding(".NET SDK", Level.Problem, $"{version} is too old", "Install the .NET 10 SDK: https://dotnet.microsoft.com/download");
    }

    private static Finding Programs()
    {
        string[] projects = ["Resilience.LocalCluster", "Resilience.Web", "Resilience.FailoverWatcher"];
        var missing = projects.Where(project => !BuiltPrograms.IsBuilt(project)).ToArray();
        return missing.Length == 0
            ? new Finding("programs", Level.Ok, "cluster, web and watcher are built")
            : new Finding("programs", Level.Problem, $"not built: {string.Join(", ", missing)}", "dotnet build Resilience.sln");
    }

    /// <summary>Each pod listens on an address of its own in 127.0.0.0/8.</summary>
    private static Finding Loopback()
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Parse("127.77.13.10"), 0);
            probe.Start();
            return new Finding("127.x addresses", Level.Ok, "every pod can have its own");
        }
        catch (SocketException)
        {
            return new Finding("127.x addresses", Level.Problem, "only 127.0.0.1 can be bound here (macOS does that)", "sudo ifconfig lo0 alias 127.x.y.z for the addresses the cluster names, or use Linux (WSL, a container)");
        }
    }

    private static Finding Signals() => OperatingSystem.IsWindows()
        ? new Finding("signals", Level.Note, "Windows has no SIGSTOP and SIGTERM: \"hang\" works through the pods' fault endpoint, pods end without draining", "Use WSL for the full lab")
        : new Finding("signals", Level.Ok, "SIGSTOP and SIGTERM are there");

    private static Finding Port()
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, Names.NodePort);
            probe.Start();
            return new Finding("port 30080", Level.Ok, "free on 127.0.0.1");
        }
        catch (SocketException)
        {
            return new Finding("port 30080", Level.Note, "in use on 127.0.0.1 (by a running lab, perhaps); the page then answers on the cluster's own 127.x address only", "\"./lab open\" prints the address");
        }
    }

    private static async Task<Finding> KubectlAsync(TimeProvider time, CancellationToken stop)
    {
        var text = await OutputAsync("kubectl", ["version", "--client"], time, stop).ConfigureAwait(false);
        var version = text?.Split('\n').FirstOrDefault(line => line.StartsWith("Client Version:", StringComparison.Ordinal))?["Client Version:".Length..].Trim();
        return version is null
            ? new Finding("kubectl", Level.Note, "not found; the lab does without it, the runbook uses it", "Install kubectl 1.30 or newer to look around yourself")
            : new Finding("kubectl", Level.Ok, version);
    }

    /// <summary>Whether a cluster answers, and if so what it lacks.</summary>
    private static async Task<IReadOnlyList<Finding>> ClusterAsync(
        string subject, Func<Task<LabCluster>> connect, Func<LabCluster, string> well, string otherwise, CancellationToken stop)
    {
        try
        {
            using var cluster = await connect().ConfigureAwait(false);
            return [new Finding(subject, Level.Ok, well(cluster)), .. await new ClusterDoctor(cluster.Api, cluster.Selection).ExamineAsync(stop).ConfigureAwait(false)];
        }
        catch (ClusterException dead)
        {
            return [new Finding(subject, Level.Problem, dead.Message, otherwise)];
        }
        catch (LabException wrong)
        {
            return [new Finding(subject, Level.Problem, wrong.Message, wrong.Next)];
        }
    }

    /// <summary>Programs of a lab whose lab is gone.</summary>
    private static Finding Leftovers(LabDirectory directory)
    {
        var left = directory.Exists && !directory.IsClaimed() ? directory.RunningProcesses() : [];
        return left.Count == 0
            ? new Finding("leftovers", Level.Ok, "no process of an earlier lab runs")
            : new Finding("leftovers", Level.Problem, $"still running: {string.Join(", ", left.Select(process => process.Pid))}", "./lab cleanup");
    }

    /// <summary>What <c>--dashboard</c> would do.</summary>
    private static async Task<Finding> DashboardAsync(TimeProvider time, CancellationToken stop)
    {
        var (cli, unfit) = await AspireCli.FindAsync(null, time, stop).ConfigureAwait(false);
        return cli is not null ? new Finding("dashboard", Level.Ok, $"./lab up --dashboard uses {cli.Origin}")
            : !AspireCli.HasPackage ? new Finding("dashboard", Level.Note, "there is no Aspire CLI for this platform", "The lab does without it")
            : Tool.Which("npm") is not null ? new Finding("dashboard", Level.Ok, $"./lab up --dashboard installs {AspireCli.Package} {AspireCli.Version} by npm into {LabCache.Path}")
            : new Finding("dashboard", Level.Note, unfit ?? "neither an Aspire CLI nor npm is on PATH", $"Install npm, or the Aspire CLI; the lab does without it");
    }

    /// <summary>Which of the two ways to a dashboard this machine's NuGet feed allows.</summary>
    private static async Task<Finding> AppHostAsync(TimeProvider time, CancellationToken stop) =>
        await NuGetFeed.HasAsync("Aspire.AppHost.Sdk", AspireCli.Version, time, stop).ConfigureAwait(false) switch
        {
            true => new Finding("your feed", Level.Ok, "has the Aspire packages: dotnet run --project AppHost"),
            false => new Finding("your feed", Level.Note, $"does not have Aspire.AppHost.Sdk {AspireCli.Version}, so the AppHost cannot be built here", "./lab up --dashboard shows the same telemetry"),
            null => new Finding("your feed", Level.Note, "did not answer, so it is unknown whether it has the Aspire packages", "./lab up --dashboard needs none of them"),
        };

    private static async Task<string?> OutputAsync(string program, string[] arguments, TimeProvider time, CancellationToken stop) =>
        await Tool.RunAsync(program, arguments, ToolLimit, time, stop).ConfigureAwait(false) is { ExitCode: 0 } result ? result.Output : null;
}
