using System.CommandLine;
using System.Text.Json;
using Resilience.Lab.Cli;
using Resilience.Lab.Deploying;
using Resilience.Lab.Status;

namespace Resilience.Lab.Commands;

/// <summary><c>status</c>: both slots, what is active, the last move.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var cluster = new ClusterOptions();
        var command = new Command("status", "Show both slots, which one is active, the last move and the watcher.") { CommandRunner.JsonOption() };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            var status = await StatusReader.ReadAsync(connected, stop).ConfigureAwait(false);
            if (!status.IsInstalled)
            {
                throw new InstallationProblem(Nothing: true, []).ToError(connected.Selection);
            }

            if (console.Json)
            {
                console.WriteJson(JsonSerializer.Serialize(status, StatusJson.Default.LabStatus));
            }
            else
            {
                console.Ansi.Write(StatusView.Table(status, null));
            }

            return ExitCode.Pass;
        });
    }
}
