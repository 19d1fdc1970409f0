using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Resilience.Lab.Agent;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.ScalingAgent.Ledger;
using Spectre.Console;

namespace Resilience.Lab.Commands;

/// <summary><c>learned</c>: what the scaling agent learned, and how to make it forget.</summary>
internal static class LearnedCommand
{
    public static Command Create()
    {
        const string description = "List what the scaling agent learned of each PredictiveAutoscaler: capacity, lead, state of the floor.";
        var command = Lists(new Command("learned", description));
        command.Add(Lists(new Command("list", description)));
        command.Add(Reset());
        return command;
    }

    private static Command Lists(Command command)
    {
        var cluster = new ClusterOptions();
        command.Add(CommandRunner.JsonOption());
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            var agent = await AgentClient.FindAsync(connected.Api, stop).ConfigureAwait(false);
            Show(console, await agent.LearnedAsync(stop).ConfigureAwait(false));
            return ExitCode.Pass;
        });
    }

    private static Command Reset()
    {
        var name = new Argument<string>("name") { Description = "PredictiveAutoscaler: name, or namespace/name." };
        var withDemand = new Option<bool>("--with-demand") { Description = "Forget the demand history too: forecasts then start from nothing." };
        var cluster = new ClusterOptions();
        var command = new Command("reset", "Make the scaling agent forget what it learned of one PredictiveAutoscaler. The ledger records it.") { name, withDemand, CommandRunner.JsonOption() };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            var (ns, scaler) = Key(parse.GetValue(name)!);
            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            var agent = await AgentClient.FindAsync(connected.Api, stop).ConfigureAwait(false);
            var known = await agent.LearnedAsync(stop).ConfigureAwait(false);
            if (!known.Scalers.Any(memory => memory.Namespace == ns && memory.Name == scaler))
            {
                throw known.Scalers.Count == 0
                    ? new LabException("the scaling agent has learned nothing yet", "There is nothing to reset.")
                    : Suggest.Unknown("learned scaler", $"{ns}/{scaler}", [.. known.Scalers.Select(memory => $"{memory.Namespace}/{memory.Name}")]);
            }

            var done = await agent.ResetAsync(ns, scaler, parse.GetValue(withDemand), stop).ConfigureAwait(false);
            if (console.Json)
            {
                console.WriteJson(JsonSerializer.Serialize(done, LedgerViewJson.Default.ResetView));
            }
            else
            {
                console.Say($"{done.Message} (ledger entry {done.Notice})");
            }

            return ExitCode.Pass;
        });
    }

    internal static (string Namespace, string Name) Key(string text) => text.Split('/') switch
    {
        [{ Length: > 0 } name] => (Names.Namespace, name),
        [{ Length: > 0 } ns, { Length: > 0 } name] => (ns, name),
        _ => throw new LabException($"\"{text}\" is no scaler", "Give a name, or a namespace and a name as in shop/web."),
    };

    private static void Show(LabConsole console, LearnedPage page)
    {
        if (console.Json)
        {
            console.WriteJson(JsonSerializer.Serialize(page, LedgerViewJson.Default.LearnedPage));
            return;
        }

        if (page.Scalers.Count == 0)
        {
            console.Say("The scaling agent has learned nothing yet.");
            return;
        }

        var table = new Table().RoundedBorder().Expand().AddColumns("scaler", "what", "value", "as of");
        foreach (var memory in page.Scalers)
        {
            var name = Markup.Escape($"{memory.Namespace}/{memory.Name}");
            var span = memory.DemandFrom is { } from && memory.DemandTo is { } to
                ? string.Create(CultureInfo.InvariantCulture, $"{memory.DemandSamples} samples since {from.UtcDateTime:yyyy-MM-dd HH:mm}")
                : "none";
            _ = table.AddRow(name, "demand history", span, memory.DemandTo is { } newest ? Figures.Instant(newest) : "-");
            foreach (var value in memory.Learned)
            {
                _ = table.AddRow("", Markup.Escape(value.Name), Markup.Escape(value.Words ?? value.Value.GetRawText()), Figures.Instant(value.At));
            }
        }

        console.Ansi.Write(table);
    }
}
