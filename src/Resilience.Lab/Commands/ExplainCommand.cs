using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Resilience.Lab.Agent;
using Resilience.Lab.Cli;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.Lab.Commands;

/// <summary><c>explain</c>: one decision of the scaling agent, from its inputs to its outcome.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var decision = new Argument<string>("decision") { Description = "Number of a decision, or \"latest\".", DefaultValueFactory = _ => "latest" };
        var scaler = new Option<string?>("--scaler") { Description = "With \"latest\": of this PredictiveAutoscaler only.", HelpName = "name" };
        var cluster = new ClusterOptions();
        var command = new Command("explain", "Explain a decision of the scaling agent: inputs, forecast, alternatives, what was written, what came of it.")
        {
            decision, scaler, CommandRunner.JsonOption(),
        };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            var number = ReadNumber(parse.GetValue(decision)!);
            if (number is not null && parse.GetValue(scaler) is not null)
            {
                throw new LabException("--scaler goes with \"latest\" only", "A number names one decision of one scaler.");
            }

            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            var agent = await AgentClient.FindAsync(connected.Api, stop).ConfigureAwait(false);
            Show(console, await FindAsync(agent, number, parse.GetValue(scaler), stop).ConfigureAwait(false));
            return ExitCode.Pass;
        });
    }

    /// <returns>Null for "latest".</returns>
    internal static long? ReadNumber(string text) => text == "latest" ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 ? number
        : throw new LabException($"\"{text}\" is no decision", "Give a number, as in \"./lab ledger --kind decision\", or \"latest\".");

    private static async Task<EntryFound> FindAsync(AgentClient agent, long? number, string? scaler, CancellationToken stop)
    {
        if (number is null)
        {
            var newest = await agent.ListAsync(new LedgerQuery(scaler, EntryKind.Decision, 1), stop).ConfigureAwait(false);
            number = newest.Entries is [var latest]
                ? latest.Number
                : throw new LabException(scaler is null ? "no decision was recorded yet" : $"no decision about {scaler} is recorded", "\"./lab ledger\" shows what is.");
        }

        var found = await agent.FindAsync(number.Value, stop).ConfigureAwait(false);

        // Who asks for an outcome wants to know of what.
        return found.Entry is { Kind: EntryKind.Outcome, Refers: { } decision } ? await agent.FindAsync(decision, stop).ConfigureAwait(false) : found;
    }

    private static void Show(LabConsole console, EntryFound found)
    {
        if (console.Json)
        {
            console.WriteJson(JsonSerializer.Serialize(found, LedgerViewJson.Default.EntryFound));
        }
        else if (found.Entry.Kind == EntryKind.Decision)
        {
            var outcome = found.Outcome is { } entry ? OutcomeRecord.From(entry.Body) : null;
            console.Ansi.Write(DecisionView.Of(found.Entry, DecisionRecord.From(found.Entry.Body), outcome));
        }
        else
        {
            console.Say($"Entry {found.Entry.Number} is a {found.Entry.Kind}, {Figures.Instant(found.Entry.At)}: {DecisionView.Sentence(found.Entry)}");
        }
    }
}
