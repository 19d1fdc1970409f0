using System.CommandLine;
using Resilience.ClusterAccess.Api;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Monitoring;

namespace Resilience.Lab.Commands;

/// <summary><c>prometheus</c>: the shipped scrape configuration for a Prometheus that does not find the pods by itself.</summary>
internal static class PrometheusCommand
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var output = new Option<string>("--out") { Description = "The folder. Default: prometheus.", HelpName = "dir", DefaultValueFactory = _ => "prometheus" };
        var once = new Option<bool>("--once") { Description = "Write and end, instead of keeping the targets current until Ctrl-C." };
        var cluster = new ClusterOptions();
        var command = new Command("prometheus", "Write the shipped scrape configuration and rules for a Prometheus that cannot discover pods itself, with the pods in a file that is kept current.") { output, once };
        cluster.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            using var connected = await cluster.ConnectAsync(parse, stop).ConfigureAwait(false);
            var folder = new PrometheusFolder(Path.GetFullPath(parse.GetValue(output)!));
            folder.WriteConfiguration();
            await WriteTargetsAsync(connected, folder, console, stop).ConfigureAwait(false);
            console.Say($"start it with: prometheus --config.file={Path.Combine(folder.Path, PrometheusFolder.Configuration)} --storage.tsdb.path={Path.Combine(folder.Path, "data")} --web.listen-address=127.0.0.1:9090");
            if (!parse.GetValue(once))
            {
                console.Say("the targets are kept current until Ctrl-C");
                await FollowAsync(connected, folder, console, stop).ConfigureAwait(false);
            }

            return ExitCode.Pass;
        });
    }

    private static async Task WriteTargetsAsync(LabCluster cluster, PrometheusFolder folder, LabConsole console, CancellationToken stop)
    {
        var pods = await cluster.Api.ListAsync(ResourceTypes.Pods, new ResourceScope(Names.Namespace), stop).ConfigureAwait(false);
        if (folder.WriteTargets(pods.Items) is { } count)
        {
            console.Say($"{count} ports of {pods.Items.Count} pods: {Path.Combine(folder.Path, PrometheusFolder.Targets)}");
        }
    }

    /// <summary>Ctrl-C is the ordinary end. While the API server is away the last targets stay: the pods may well be there.</summary>
    private static async Task FollowAsync(LabCluster cluster, PrometheusFolder folder, LabConsole console, CancellationToken stop)
    {
        var away = false;
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(Look, cluster.Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await WriteTargetsAsync(cluster, folder, console, stop).ConfigureAwait(false);
                away = false;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // The end.
            }
            catch (ClusterException failure) when (failure.IsUnreachable)
            {
                if (!away)
                {
                    console.Warn($"the targets stay as they are: {failure.Message}");
                }

                away = true;
            }
        }
    }
}
