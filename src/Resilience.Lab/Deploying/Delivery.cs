using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Experiments;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Deploying;

/// <param name="Mode">Auto or Observe; null: Auto on a cluster that the lab made, Observe on any other.</param>
internal sealed record DeliveryOptions(string Overlay, string? Mode, string? ImagePrefix, string? Tag)
{
    public SetupSpec Setup { get; init; } = SetupSpec.None;

    public TimeSpan ReadyLimit { get; init; } = TimeSpan.FromMinutes(3);
}

/// <summary>The shipped system, brought to a cluster and waited for.</summary>
internal sealed class Delivery(LabCluster cluster, Action<string> say)
{
    public static readonly string[] Overlays = [.. LabStackOptions.Overlays];

    /// <summary>Who names none means the one that is there: taking it for the default would delete the scaling agent and its volume.</summary>
    /// <param name="asked">Empty: none was named.</param>
    public static async Task<string> OverlayAsync(ClusterApi api, string asked, CancellationToken stop)
    {
        if (asked.Length > 0)
        {
            return asked;
        }

        var installed = (await new InstallStore(api).ReadAsync(stop).ConfigureAwait(false))?.Overlay;
        return Overlays.Contains(installed) ? installed! : LabStackOptions.Traditional;
    }

    /// <summary>The manifests as they will be applied.</summary>
    public ManifestSet Manifests(DeliveryOptions options)
    {
        var folder = Path.Combine(BuiltPrograms.Manifests(), options.Overlay);
        if (!Directory.Exists(folder))
        {
            throw new LabException($"this version ships no overlay \"{options.Overlay}\"", $"k8s/ has: {string.Join(", ", Overlays.Where(each => Directory.Exists(Path.Combine(BuiltPrograms.Manifests(), each))))}.");
        }

        return ManifestSet.Load(folder).With(options.Setup).WithImages(options.ImagePrefix, options.Tag).WithMode(Mode(options));
    }

    public string Mode(DeliveryOptions options) => options.Mode ?? (cluster.IsEmbedded ? "Auto" : "Observe");

    public Task<InstallRecord> InstallAsync(DeliveryOptions options, CancellationToken stop) =>
        new Installer(cluster.Api, cluster.Time, say).InstallAsync(Manifests(options), options.Overlay, "deploy", stop);

    public Task WaitReadyAsync(DeliveryOptions options, CancellationToken stop)
    {
        string[] deployments = [.. Manifests(options).Items.Where(manifest => manifest.Kind == "Deployment").Select(manifest => manifest.Name)];
        var goal = new ReadinessGoal(options.ReadyLimit, deployments, deployments.Contains(Names.Watcher))
        {
            Next = $"\"kubectl -n {Names.Namespace} get pods\" shows them; \"./lab cleanup{cluster.Selection}\" takes everything out again.",
        };
        return new Readiness(cluster.Api, cluster.Time, say).WaitAsync(goal, stop);
    }
}
