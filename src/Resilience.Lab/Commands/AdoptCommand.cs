using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Adopting;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;

namespace Resilience.Lab.Commands;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(AdoptionReport))]
internal sealed partial class AdoptJson : JsonSerializerContext
{
    /// <summary>Messages are for people: no \u escapes for quotes.</summary>
    public static AdoptJson Readable { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}

/// <summary><c>adopt</c>: somebody's Service and Deployments under observation; nothing moves.</summary>
internal static class AdoptCommand
{
    public static Command Create()
    {
        var service = new Option<string>("--service") { Description = "Service whose selector would move.", HelpName = "name", Required = true };
        var blue = new Option<string>("--blue") { Description = "Deployment that becomes slot blue.", HelpName = "name", Required = true };
        var green = new Option<string>("--green") { Description = "Deployment that becomes slot green.", HelpName = "name", Required = true };
        var ns = new Option<string?>("--namespace", "-n") { Description = "Where they are. Default: the context's namespace.", HelpName = "name" };
        var name = new Option<string?>("--name") { Description = "Name of the BlueGreen. Default: the Service's.", HelpName = "name" };
        name.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } typed && !Adoption.MayBeCalled(typed))
            {
                result.AddError($"\"{typed}\" cannot be the name of a BlueGreen: lower-case letters, digits, \"-\" and \".\", with a letter or digit at both ends");
            }
        });
        var lasts = Durations.Option("--for", "How long to watch before the report. Default 60s.");
        var prefix = ImageName.Prefix("Registry and path of the watcher's image.");
        var tag = ImageName.Tag("Tag of the watcher's image. Default: latest.");
        var yes = new Option<bool>("--yes") { Description = "Install definitions and watcher without asking where they are missing." };
        var cluster = new ClusterOptions();
        var command = new Command("adopt", "Watch an existing Service and two Deployments in Observe mode, and report what failover would have done.")
        {
            service, blue, green, ns, name, lasts, prefix, tag, yes, CommandRunner.JsonOption(),
        };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            using var connected = await cluster.ConnectToNamedAsync(parse, stop).ConfigureAwait(false);
            var options = new AdoptionOptions(
                parse.GetValue(ns) ?? connected.DefaultNamespace, parse.GetValue(service)!, parse.GetValue(blue)!, parse.GetValue(green)!,
                parse.GetValue(name), parse.GetValue(prefix), parse.GetValue(tag));
            return await RunAsync(console, connected, options, parse.GetValue(lasts) ?? TimeSpan.FromSeconds(60), parse.GetValue(yes), stop).ConfigureAwait(false);
        });
    }

    private static async Task<int> RunAsync(LabConsole console, LabCluster cluster, AdoptionOptions options, TimeSpan lasts, bool yes, CancellationToken stop)
    {
        var adoption = new Adoption(cluster, options);
        var plan = await adoption.PlanAsync(stop).ConfigureAwait(false);
        console.Say($"Service {options.Namespace}/{options.Service} selects {plan.Slots.Active} now; blue is {SlotSelectors.Text(plan.Slots.Blue)}, green is {SlotSelectors.Text(plan.Slots.Green)}");
        if (plan.ProbeNote is { } note)
        {
            console.Say($"note: {note}");
        }

        await ConsentAsync(console, cluster, plan, yes, stop).ConfigureAwait(false);
        AdoptionReport report;
        try
        {
            await adoption.InstallAsync(plan, console.Say, stop).ConfigureAwait(false);
            console.Say($"watching BlueGreen {options.Namespace}/{plan.BlueGreen} for {Durations.Text(lasts)} ...");
            report = await new Observation(cluster, options.Namespace, plan.BlueGreen).WatchAsync(lasts, console.Say, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            console.Warn($"what was applied stays: the same command goes on with it, \"./lab cleanup{cluster.Selection}\" removes it.");
            throw;
        }

        Tell(console, report);
        if (console.Json)
        {
            console.WriteJson(JsonSerializer.Serialize(report, AdoptJson.Readable.AdoptionReport));
        }

        return report.Phase == "Invalid" ? ExitCode.ExpectationFailed : ExitCode.Pass;
    }

    private static async Task ConsentAsync(LabConsole console, LabCluster cluster, AdoptionPlan plan, bool yes, CancellationToken stop)
    {
        if (plan.Installs.Count == 0 || yes)
        {
            return;
        }

        var what = $"{cluster.Title} lacks {string.Join(" and ", plan.Installs)}";
        if (!console.Interactive || Console.IsInputRedirected)
        {
            throw new LabException(what, "Say --yes to have them installed; nothing was changed.");
        }

        console.Say($"{what}. Install? [y/N]");
        var answer = await Task.Run(Console.ReadLine, stop).WaitAsync(stop).ConfigureAwait(false);
        if (answer?.Trim() is not ("y" or "Y" or "yes"))
        {
            throw new LabException("not installed, as you wished", "Nothing was changed.");
        }
    }

    private static void Tell(LabConsole console, AdoptionReport report)
    {
        console.Say(string.Empty);
        console.Say($"after {report.WatchedSeconds:0} s: {report.Phase}, active {report.Active ?? "neither slot"}, blue {report.Blue ?? "?"} and green {report.Green ?? "?"} serving of wanted");
        console.Say(report.WouldMove == 0
            ? "traffic would not have moved."
            : $"traffic would have moved {report.WouldMove} time{(report.WouldMove == 1 ? string.Empty : "s")}:");
        foreach (var decision in report.Decisions.Where(decision => decision.Reason == "WouldMove"))
        {
            console.Say($"  {decision.At.ToLocalTime():HH:mm:ss} {decision.Message}");
        }

        if (report.Mode != "Auto")
        {
            console.Say($"  turn it on  {report.TurnOn}");
        }

        console.Say($"  undo        {report.Undo}");
    }
}
