using System.CommandLine;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Commands;

/// <summary><c>switchover</c>: asks the watcher to move traffic on purpose, and follows it.</summary>
internal static class SwitchoverCommand
{
    public static Command Create()
    {
        var slot = new Argument<string>("slot") { Description = "blue or green: where traffic should go." };
        var reason = new Option<string>("--reason") { Description = "Why; kept with the request.", HelpName = "text", DefaultValueFactory = _ => "asked for on the command line" };
        var cluster = new ClusterOptions();
        var command = new Command("switchover", "Move traffic to a slot on purpose: the watcher verifies the slot first, then moves.") { slot, reason };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            var to = parse.GetValue(slot)!;
            if (!Names.Slots.Contains(to))
            {
                throw Suggest.Unknown("slot", to, Names.Slots);
            }

            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            return await MoveAsync(console, connected, to, parse.GetValue(reason)!, stop).ConfigureAwait(false);
        });
    }

    private static async Task<int> MoveAsync(LabConsole console, LabCluster cluster, string to, string reason, CancellationToken stop)
    {
        var active = await cluster.ActiveSlotAsync(stop).ConfigureAwait(false);
        if (active == to)
        {
            console.Say($"{to} is active already; nothing to do.");
            return ExitCode.Pass;
        }

        await cluster.RequireDefinitionsAsync(stop).ConfigureAwait(false);
        var request = await SwitchoverRequest.CreateAsync(cluster, active, to, reason, Environment.UserName, stop).ConfigureAwait(false);
        console.Say($"asked for {active} -> {to} (Switchover {request.Name})");
        return await request.FollowAsync(console.Say, stop).ConfigureAwait(false) == "Switched" ? ExitCode.Pass : ExitCode.ExpectationFailed;
    }
}
