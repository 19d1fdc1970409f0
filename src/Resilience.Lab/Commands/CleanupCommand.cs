using System.CommandLine;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Commands;

/// <summary><c>cleanup</c>: ends a lab that still runs and removes its state.</summary>
internal static class CleanupCommand
{
    public static Command Create()
    {
        var directory = CommandRunner.LabDirectoryOption();
        var command = new Command("cleanup", "Stop the lab that runs here and remove its state (.lab).") { directory };
        return command.Does((parse, console, stop) => RunAsync(console, LabDirectory.At(parse.GetValue(directory)), stop));
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
