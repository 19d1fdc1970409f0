using System.CommandLine;
using System.Globalization;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Drills;

namespace Resilience.Lab.Commands;

/// <summary><c>chaos</c>: one fault on one slot of a running lab, undone at the end or by <c>chaos heal</c>.</summary>
internal static class ChaosCommand
{
    private static readonly string[] Slots = ["blue", "green", "active", "standby", "both"];

    public static Command Create()
    {
        var faults = string.Join("\n", FaultCatalog.All.Select(kind => $"{kind.Name,-14} {kind.Description}"));
        var fault = new Argument<string>("fault") { Description = $"{faults}\n{"heal",-14} undo what was left behind" };
        var slot = new Argument<string?>("slot") { Description = "blue, green, active, standby or both.", Arity = ArgumentArity.ZeroOrOne };
        var lasts = Durations.Option("--for", "How long the fault is held before it is undone. Default 20s; 0s leaves it until \"chaos heal\".");
        var set = new Option<string[]>("--set") { Description = "A value of the fault, such as latencyMs=250. May be repeated.", HelpName = "name=value" };
        var cluster = new ClusterOptions();
        var command = new Command("chaos", "Hurt one slot of the running lab for a while, then undo it.") { fault, slot, lasts, set };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            var name = parse.GetValue(fault)!;
            if (name == "heal")
            {
                using var sick = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
                return await HealAsync(console, sick, stop).ConfigureAwait(false);
            }

            Check(name, parse.GetValue(slot));
            var values = Values(name, parse.GetValue(set) ?? []);
            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            return await HurtAsync(console, new ClusterDrillTarget(connected), name, parse.GetValue(slot), parse.GetValue(lasts) ?? TimeSpan.FromSeconds(20), values, stop).ConfigureAwait(false);
        });
    }

    private static void Check(string fault, string? slot)
    {
        if (!FaultCatalog.Names.Contains(fault))
        {
            throw Suggest.Unknown("fault", fault, [.. FaultCatalog.Names, "heal"]);
        }

        if (slot is null && !FaultCatalog.Find(fault).OnLeader)
        {
            throw new LabException($"\"{fault}\" needs a slot to hit", $"Write ./lab chaos {fault} blue (or {string.Join(", ", Slots.Skip(1))}).");
        }

        if (slot is not null && !Slots.Contains(slot))
        {
            throw Suggest.Unknown("slot", slot, Slots);
        }
    }

    private static Dictionary<string, double> Values(string fault, string[] pairs)
    {
        var known = FaultCatalog.Find(fault).Parameters;
        var values = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var pair in pairs)
        {
            var parts = pair.Split('=', 2);
            var parameter = known.FirstOrDefault(each => each.Name == parts[0])
                ?? throw Suggest.Unknown($"value of \"{fault}\" named", parts[0], [.. known.Select(each => each.Name)]);
            values[parameter.Name] = parts.Length == 2
                && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && value >= parameter.Min && value <= parameter.Max
                ? value
                : throw new LabException($"\"{pair}\": expected {parameter.Name}= a number from {parameter.Min} to {parameter.Max}");
        }

        return values;
    }

    private static async Task<int> HealAsync(LabConsole console, LabCluster cluster, CancellationToken stop)
    {
        var healed = await DrillCrew.HealAsync(new ClusterDrillTarget(cluster), stop).ConfigureAwait(false);
        var restored = await ExperimentChanges.RestoreAsync(cluster.Api, stop).ConfigureAwait(false);
        console.Say(healed.Count == 0 ? "no drill was left behind." : $"undone: {string.Join(", ", healed)}.");
        if (restored.Count > 0)
        {
            console.Say($"restored after an experiment: {string.Join(", ", restored)}.");
        }

        return ExitCode.Pass;
    }

    private static async Task<int> HurtAsync(
        LabConsole console, ClusterDrillTarget target, string fault, string? slot, TimeSpan lasts, Dictionary<string, double> values, CancellationToken stop)
    {
        var time = TimeProvider.System;
        var kind = FaultCatalog.Find(fault);
        var crew = new DrillCrew(target, time);
        var drills = await crew.StartAsync(fault, slot ?? "leader", values, lasts, stop).ConfigureAwait(false);
        foreach (var drill in drills)
        {
            console.Say($"{time.GetLocalNow():HH:mm:ss.fff} {drill.Fault} on {drill.Slot}: {kind.Description}");
        }

        if (kind.IsMomentary)
        {
            return ExitCode.Pass;
        }

        if (lasts == TimeSpan.Zero)
        {
            console.Say("it stays until \"./lab chaos heal\".");
            return ExitCode.Pass;
        }

        await using (crew.ConfigureAwait(false))
        {
            console.Say($"held for {Durations.Text(lasts)}; Ctrl-C undoes it sooner.");
            await Task.Delay(lasts, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        console.Say($"{time.GetLocalNow():HH:mm:ss.fff} undone.");
        return stop.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Pass;
    }
}
