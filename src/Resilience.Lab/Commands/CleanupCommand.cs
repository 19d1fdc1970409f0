using System.CommandLine;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Commands;

/// <summary><c>cleanup</c>: ends a lab that still runs and removes its state, or takes an installation out of a cluster.</summary>
internal static class CleanupCommand
{
    public static Command Create()
    {
        var cluster = new ClusterOptions();
        var command = new Command("cleanup", "Stop the lab that runs here and remove its state (.lab); with --context, remove from that cluster exactly what the lab installed.");
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            if (!cluster.NamesACluster(parse))
            {
                return await RunAsync(console, cluster.Directory(parse), stop).ConfigureAwait(false);
            }

            using var connected = await cluster.ConnectToNamedAsync(parse, stop).ConfigureAwait(false);
            return await RemoveAsync(console, connected, stop).ConfigureAwait(false);
        });
    }

    private static async Task<int> RemoveAsync(LabConsole console, LabCluster cluster, CancellationToken stop)
    {
        if (await new Remover(cluster.Api, cluster.Time, console.Say).RemoveAsync(stop).ConfigureAwait(false) is not { } report)
        {
            console.Say($"nothing to clean: the lab installed nothing in {cluster.Title}.");
            return ExitCode.Pass;
        }

        foreach (var left in report.Left)
        {
            console.Say($"left alone: {left}");
        }

        console.Say($"removed {report.Deleted} objects from {cluster.Title}.");
        return ExitCode.Pass;
    }

    private static async Task<int> RunAsync(LabConsole console, LabDirectory directory, CancellationToken stop)
    {
        if (!directory.Exists)
        {
            console.Say($"nothing to clean: {directory.Path} does not exist.");
            return ExitCode.Pass;
        }

        var time = TimeProvider.System;
        foreach (var running in directory.RunningProcesses())
        {
            console.Say($"stopping process {running.Pid} ...");
            running.Terminate();
            if (!await running.WaitForEndAsync(TimeSpan.FromSeconds(15), time, stop).ConfigureAwait(false))
            {
                running.Kill();
                _ = await running.WaitForEndAsync(TimeSpan.FromSeconds(5), time, stop).ConfigureAwait(false);
            }
        }

        if (directory.IsClaimed())
        {
            throw new LabException($"something still holds {directory.Path}", "\"./lab doctor\" lists leftover processes.");
        }

        directory.Remove();
        console.Say($"removed {directory.Path}.");
        return ExitCode.Pass;
    }
}
