using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Cli;
using Resilience.Lab.Experiments;

namespace Resilience.Lab.Commands;

internal sealed record ExperimentSummary(string Name, string Title, string Description, string Hypothesis, double DurationSeconds, IReadOnlyList<string> Expectations);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(List<ExperimentSummary>))]
internal sealed partial class ExperimentsJson : JsonSerializerContext;

/// <summary><c>experiments</c>: what can be run.</summary>
internal static class ExperimentsCommand
{
    public static Command Create()
    {
        var command = new Command("experiments", "List the experiments that \"run\" knows.") { CommandRunner.JsonOption() };
        return command.Does((_, console, _) =>
        {
            var all = ExperimentCatalog.All();
            if (console.Json)
            {
                var summaries = all.Select(found => new ExperimentSummary(
                    found.Name, found.Title, found.Description, found.Hypothesis, found.Load.Duration.TotalSeconds, [.. found.Expectations.Select(wanted => wanted.Name)])).ToList();
                console.WriteJson(JsonSerializer.Serialize(summaries, ExperimentsJson.Default.ListExperimentSummary));
                return Task.FromResult(ExitCode.Pass);
            }

            foreach (var found in all)
            {
                console.Say($"{found.Name,-18} {found.Title}");
                console.Say($"{string.Empty,-18} {found.Description}");
            }

            console.Say(string.Empty);
            console.Say("Run one: ./lab run outage      One of your own: ./lab run my-experiment.yaml");
            return Task.FromResult(ExitCode.Pass);
        });
    }
}
