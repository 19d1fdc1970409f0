using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Diagnosis;

namespace Resilience.Lab.Commands;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(List<Finding>))]
internal sealed partial class DoctorJson : JsonSerializerContext;

/// <summary><c>doctor</c>: what this machine has and lacks, each with what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var cluster = new ClusterOptions();
        var command = new Command("doctor", "Check what the lab needs on this machine, and with --context on that cluster; each finding says what to do.") { CommandRunner.JsonOption() };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            Func<Task<LabCluster>>? connect = cluster.NamesACluster(parse) ? () => cluster.ConnectToNamedAsync(parse, stop) : null;
            var findings = await Doctor.ExamineAsync(cluster.Directory(parse), connect, TimeProvider.System, stop).ConfigureAwait(false);
            if (console.Json)
            {
                console.WriteJson(JsonSerializer.Serialize([.. findings], DoctorJson.Default.ListFinding));
            }

            foreach (var finding in findings)
            {
                var mark = finding.Level switch { Level.Ok => "ok  ", Level.Note => "note", _ => "FAIL" };
                console.Say($"{mark}  {finding.Subject,-18} {finding.Text}");
                if (finding.Fix is not null)
                {
                    console.Say($"      {string.Empty,-18} -> {finding.Fix}");
                }
            }

            return findings.Any(finding => finding.Level == Level.Problem) ? ExitCode.ExpectationFailed : ExitCode.Pass;
        });
    }
}
