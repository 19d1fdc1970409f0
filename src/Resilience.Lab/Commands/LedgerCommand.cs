using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Resilience.Lab.Agent;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.ScalingAgent.Ledger;
using Spectre.Console;

namespace Resilience.Lab.Commands;

/// <summary><c>ledger</c>: the scaling agent's record of decisions, outcomes and notices.</summary>
internal static class LedgerCommand
{
    private const int MostEntries = 500;

    private static readonly TimeSpan FollowEvery = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var kind = new Option<string?>("--kind") { Description = $"Entries of one kind: {string.Join(", ", EntryKind.All)}.", HelpName = "kind" };
        var scaler = new Option<string?>("--scaler") { Description = "Entries of one PredictiveAutoscaler: name, or namespace/name.", HelpName = "name" };
        var limit = new Option<int>("--limit") { Description = $"Most entries to show, 1 to {MostEntries}.", HelpName = "n", DefaultValueFactory = _ => 20 };
        var verify = new Option<bool>("--verify") { Description = "Walk the whole hash chain instead; exit code 1 when it is broken." };
        var follow = new Option<bool>("--follow") { Description = "Go on with new entries until interrupted." };
        var cluster = new ClusterOptions();
        var command = new Command("ledger", "List what the scaling agent decided and what came of it, newest first.") { kind, scaler, limit, verify, follow, CommandRunner.JsonOption() };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            var query = Query(parse.GetValue(scaler), parse.GetValue(kind), parse.GetValue(limit));
            if (parse.GetValue(verify) && parse.GetValue(follow))
            {
                throw new LabException("--verify and --follow exclude each other", "See ./lab ledger --help.");
            }

            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            var agent = await AgentClient.FindAsync(connected.Api, stop).ConfigureAwait(false);
            return parse.GetValue(verify) ? await VerifyAsync(console, agent, stop).ConfigureAwait(false)
                : parse.GetValue(follow) ? await FollowAsync(console, connected, agent, query, stop).ConfigureAwait(false)
                : Show(console, await agent.ListAsync(query, stop).ConfigureAwait(false));
        });
    }

    internal static LedgerQuery Query(string? scaler, string? kind, int limit)
    {
        if (kind is not null && !EntryKind.All.Contains(kind))
        {
            throw Suggest.Unknown("kind of entry", kind, [.. EntryKind.All]);
        }

        return limit is >= 1 and <= MostEntries
            ? new LedgerQuery(scaler, kind, limit)
            : throw new LabException($"--limit must be a number from 1 to {MostEntries}, not {limit}", "See ./lab ledger --help.");
    }

    private static int Show(LabConsole console, LedgerPage page)
    {
        if (console.Json)
        {
            console.WriteJson(JsonSerializer.Serialize(page, LedgerViewJson.Default.LedgerPage));
        }
        else if (page.Entries.Count == 0)
        {
            console.Say("The ledger has no such entries.");
        }
        else
        {
            var table = new Table().RoundedBorder().Expand().AddColumns("number", "time (UTC)", "scaler", "kind", "what");
            foreach (var entry in page.Entries)
            {
                _ = table.AddRow(
                    entry.Number.ToString(CultureInfo.InvariantCulture), Time(entry), Markup.Escape(Scaler(entry)), entry.Kind, Markup.Escape(DecisionView.Sentence(entry)));
            }

            console.Ansi.Write(table);
        }

        return ExitCode.Pass;
    }

    private static async Task<int> VerifyAsync(LabConsole console, AgentClient agent, CancellationToken stop)
    {
        var result = await agent.VerifyAsync(stop).ConfigureAwait(false);
        if (console.Json)
        {
            console.WriteJson(JsonSerializer.Serialize(result, LedgerViewJson.Default.LedgerVerification));
        }
        else if (result.Intact)
        {
            console.Say(result.Entries == 0
                ? "intact: the ledger is empty"
                : $"intact: {result.Entries} entries, {result.Oldest} to {result.Newest}, head {result.Head}");
        }
        else
        {
            console.Say($"BROKEN at entry {result.FirstBroken}: {result.Why}; {result.Entries} entries before it are good");
        }

        return result.Intact ? ExitCode.Pass : ExitCode.ExpectationFailed;
    }

    private static async Task<int> FollowAsync(LabConsole console, LabCluster cluster, AgentClient agent, LedgerQuery query, CancellationToken stop)
    {
        var shown = await agent.ListAsync(query, stop).ConfigureAwait(false);
        var last = 0L;
        for (var page = shown.Entries.Reverse(); ; page = (await agent.ListAsync(query with { Limit = MostEntries, After = last }, stop).ConfigureAwait(false)).Entries)
        {
            foreach (var entry in page)
            {
                last = entry.Number;
                if (console.Json)
                {
                    console.WriteJson(JsonSerializer.Serialize(entry, LedgerViewJson.Default.EntryView));
                }
                else
                {
                    console.Say($"{entry.Number,7}  {Time(entry)}  {Scaler(entry)}  {entry.Kind}: {DecisionView.Sentence(entry)}");
                }
            }

            await Task.Delay(FollowEvery, cluster.Time, stop).ConfigureAwait(false);
        }
    }

    private static string Time(EntryView entry) => entry.At.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Scaler(EntryView entry) => entry.Name.Length == 0 ? "-" : $"{entry.Namespace}/{entry.Name}";
}
