using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;

namespace Resilience.Lab.Commands;

/// <param name="Url">Null when no address of the Service answers from here.</param>
internal sealed record DeployReport(
    int SchemaVersion, string? Context, string ApiServer, string Overlay, string Mode, string Install, int Objects, string? Url, string PortForward);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(DeployReport))]
internal sealed partial class DeployJson : JsonSerializerContext;

/// <summary><c>deploy</c>: the shipped system on somebody's cluster.</summary>
internal static class DeployCommand
{
    public static Command Create()
    {
        var overlay = new Option<string?>("--overlay") { Description = "Which folder of k8s/. Default: the one that is installed, at first traditional. From intelligent to traditional the scaling agent goes, with what it learned.", HelpName = "traditional|intelligent" };
        _ = overlay.AcceptOnlyFromAmong(Delivery.Overlays);
        var mode = new Option<string?>("--mode") { Description = "Auto moves traffic, Observe only says what it would do. Default on a cluster that the lab did not make: Observe; a second deploy keeps what is set.", HelpName = "Auto|Observe" };
        _ = mode.AcceptOnlyFromAmong("Auto", "Observe");
        var prefix = ImageName.Prefix("Registry and path of the images, such as registry.example.com/team.");
        var tag = ImageName.Tag("Tag of the images. Default: latest.");
        var yes = new Option<bool>("--yes") { Description = "Also when the cluster looks like production." };
        var cluster = new ClusterOptions();
        var command = new Command("deploy", "Install the system on a Kubernetes cluster, wait until it is ready, print where it answers.")
        {
            overlay, mode, prefix, tag, yes, CommandRunner.JsonOption(),
        };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            using var connected = await cluster.ConnectToNamedAsync(parse, stop).ConfigureAwait(false);
            var options = new DeliveryOptions(parse.GetValue(overlay) ?? string.Empty, parse.GetValue(mode), parse.GetValue(prefix), parse.GetValue(tag));
            try
            {
                return await RunAsync(console, connected, options, parse.GetValue(yes), stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                console.Warn($"what was applied stays: the same command completes it, \"./lab cleanup{connected.Selection}\" removes it.");
                throw;
            }
        });
    }

    private static async Task<int> RunAsync(LabConsole console, LabCluster cluster, DeliveryOptions options, bool yes, CancellationToken stop)
    {
        var started = cluster.Time.GetTimestamp();
        void Say(string line) => console.Say($"{cluster.Time.GetElapsedTime(started).TotalSeconds:0.0}s {line}");

        await ClusterSurvey.RefuseProductionAsync(cluster, "deploy", yes, Say, stop).ConfigureAwait(false);
        options = options with { Overlay = await Delivery.OverlayAsync(cluster.Api, options.Overlay, stop).ConfigureAwait(false) };
        Say($"deploying {options.Overlay} to {cluster.Title}");
        var delivery = new Delivery(cluster, Say);
        var record = await delivery.InstallAsync(options, stop).ConfigureAwait(false);
        if (options.Mode is not null)
        {
            await SystemMode.SetAsync(cluster.Api, options.Mode, stop).ConfigureAwait(false);
        }

        await delivery.WaitReadyAsync(options, stop).ConfigureAwait(false);
        var url = await ServiceAddress.FindAsync(cluster.Api, stop).ConfigureAwait(false);
        var mode = await SystemMode.ReadAsync(cluster.Api, stop).ConfigureAwait(false);
        Say("ready");
        Greet(console, cluster, url, mode);
        await WarnWithoutWatcherAsync(console, cluster, stop).ConfigureAwait(false);
        if (console.Json)
        {
            var report = new DeployReport(1, cluster.Context, cluster.Api.Server.ToString(), options.Overlay, mode, record.Id, record.Objects.Count, url?.ToString(), ServiceAddress.PortForward(cluster.Selection));
            console.WriteJson(JsonSerializer.Serialize(report, DeployJson.Default.DeployReport));
        }

        return ExitCode.Pass;
    }

    /// <summary>Replicas are kept as somebody has set them since; of the watcher nobody should have.</summary>
    private static async Task WarnWithoutWatcherAsync(LabConsole console, LabCluster cluster, CancellationToken stop)
    {
        if (await cluster.Api.FindAsync(ResourceTypes.Deployments, Names.Namespace, Names.Watcher, stop).ConfigureAwait(false) is { Spec.Replicas: 0 })
        {
            console.Warn($"lab: {Names.Watcher} is scaled to 0, so nothing moves traffic. {Names.WakeWatcher(cluster.Selection)}");
        }
    }

    private static void Greet(LabConsole console, LabCluster cluster, Uri? url, string mode)
    {
        console.Say(string.Empty);
        console.Say(url is null
            ? $"  page       no address answers from here; {ServiceAddress.PortForward(cluster.Selection)}, then http://127.0.0.1:8080/"
            : $"  page       {url}");
        if (mode != "Auto")
        {
            console.Say($"  mode       {mode}: the watcher says what it would do and moves nothing. Turn it on:");
            console.Say($"             {SystemMode.PatchCommand(cluster.Selection, Names.Namespace, Names.BlueGreen, "Auto")}");
        }

        console.Say($"  try it     ./lab run outage{cluster.Selection}");
        console.Say($"  remove it  ./lab cleanup{cluster.Selection}");
    }
}
