using System.CommandLine;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Resources;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Commands;

/// <summary><c>switchover</c>: asks the watcher to move traffic on purpose, and follows it.</summary>
internal static class SwitchoverCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

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

        var now = cluster.Time.GetUtcNow();
        var request = new Switchover
        {
            Metadata = new V1ObjectMeta { Name = $"lab-{to}-{now.ToUnixTimeMilliseconds()}", NamespaceProperty = Names.Namespace },
            Spec = new SwitchoverSpec
            {
                BlueGreen = Names.BlueGreen,
                To = to,
                Reason = reason,
                RequestedBy = Environment.UserName,
                ExpiresAt = now + Limit,
                Precondition = new SwitchoverPrecondition { Active = active },
            },
        };
        _ = await cluster.Api.CreateAsync(ResourceTypes.Switchovers, Names.Namespace, request, stop, FieldManagers.Lab).ConfigureAwait(false);
        console.Say($"asked for {active} -> {to} (Switchover {request.Metadata.Name})");
        return await FollowAsync(console, cluster, request.Metadata.Name, stop).ConfigureAwait(false);
    }

    private static async Task<int> FollowAsync(LabConsole console, LabCluster cluster, string name, CancellationToken stop)
    {
        var started = cluster.Time.GetTimestamp();
        string? last = null;
        while (cluster.Time.GetElapsedTime(started) < Limit)
        {
            var seen = await cluster.Api.GetAsync(ResourceTypes.Switchovers, Names.Namespace, name, stop).ConfigureAwait(false);
            if (seen.Status?.Phase is { } phase && phase != last)
            {
                console.Say($"{cluster.Time.GetElapsedTime(started).TotalSeconds:0.0}s {phase}{(seen.Status.Message is { Length: > 0 } message ? $": {message}" : string.Empty)}");
                last = phase;
            }

            if (last is not null && SwitchoverStatus.FinalPhases.Contains(last))
            {
                return last == "Switched" ? ExitCode.Pass : ExitCode.ExpectationFailed;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), cluster.Time, stop).ConfigureAwait(false);
        }

        throw new LabException($"the Switchover {name} did not finish within {Limit.TotalSeconds:0} s", "Is the failover watcher running? See \"./lab status\".");
    }
}
