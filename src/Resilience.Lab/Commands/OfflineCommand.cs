using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;
using Resilience.Lab.Offline;

namespace Resilience.Lab.Commands;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(PackReport))]
internal sealed partial class OfflineJson : JsonSerializerContext;

/// <summary><c>offline</c>: the lab for machines without a network.</summary>
internal static class OfflineCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--out") { Description = "The archive. Default: resilience-offline.tar.gz.", HelpName = "file", DefaultValueFactory = _ => "resilience-offline.tar.gz" };
        var without = new Option<bool>("--no-dashboard") { Description = "Leave out the Aspire dashboard, the largest part." };
        var pack = new Command("pack", "Write one archive with which the lab runs, and builds, on a machine that has the .NET SDK and no network.") { output, without, CommandRunner.JsonOption() };
        _ = pack.Does(async (parse, console, stop) =>
        {
            var report = await new OfflinePack(BuiltPrograms.Repository(), TimeProvider.System, console.Say).WriteAsync(Path.GetFullPath(parse.GetValue(output)!), !parse.GetValue(without), stop).ConfigureAwait(false);
            if (report.Missing.Count > 0)
            {
                console.Say($"not here, so a build without network may miss them: {string.Join(", ", report.Missing)}");
            }

            console.Say($"{report.Archive}: {report.Bytes / 1048576.0:0.0} MiB; there: tar xzf {Path.GetFileName(report.Archive)} && cd {OfflinePack.Root} && ./lab run outage");
            if (console.Json)
            {
                console.WriteJson(JsonSerializer.Serialize(report, OfflineJson.Default.PackReport));
            }

            return ExitCode.Pass;
        });
        return new Command("offline", "Take the lab to machines without a network.") { pack };
    }
}
