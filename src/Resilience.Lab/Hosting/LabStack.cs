using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Deploying;
using Resilience.Lab.Experiments;

namespace Resilience.Lab.Hosting;

internal sealed record LabStackOptions(ClusterHostOptions Cluster)
{
    /// <summary>An empty cluster: nothing is applied.</summary>
    public bool Bare { get; init; }

    public bool Watcher { get; init; } = true;

    /// <summary>Folder of k8s/ that is applied: <c>traditional</c>, or <c>intelligent</c> with the scaling agent on top.</summary>
    public string Overlay { get; init; } = Traditional;

    public const string Traditional = "traditional";

    public const string Intelligent = "intelligent";

    public static IReadOnlyList<string> Overlays { get; } = [Traditional, Intelligent];

    public SetupSpec Setup { get; init; } = SetupSpec.None;

    /// <summary>Where the pods report to; null leaves them with their scrape endpoints alone.</summary>
    public TelemetryTarget? Telemetry { get; init; }

    public TimeSpan ReadyLimit { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>An embedded cluster with the shipped manifests applied and its pods Ready: what <c>up</c> and <c>run</c> start from.</summary>
internal sealed class LabStack : IAsyncDisposable
{
    private readonly ClusterHost _host;

    private LabStack(ClusterHost host, LabCluster cluster)
    {
        _host = host;
        Cluster = cluster;
    }

    public LabCluster Cluster { get; }

    public string Kubeconfig => _host.Kubeconfig;

    public ClusterRecord Record => _host.Record;

    public bool ClusterHasExited => _host.HasExited;

    /// <summary>Where the Service answers.</summary>
    public Uri Url => new($"http://{_host.Record.NodeAddress}:{Names.NodePort}/");

    public static async Task<LabStack> StartAsync(LabStackOptions options, TimeProvider time, Action<string> progress, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        string Clock() => $"{time.GetElapsedTime(started).TotalSeconds:0.0}s";

        var host = await ClusterHost.StartAsync(options.Cluster, time, stop).ConfigureAwait(false);
        LabCluster? cluster = null;
        try
        {
            cluster = await LabCluster.ConnectAsync(host.Kubeconfig, null, time, stop).ConfigureAwait(false);
            progress($"{Clock()} embedded cluster serves at {host.Record.ApiServer}");
            var stack = new LabStack(host, cluster);
            if (!options.Bare)
            {
                await stack.ApplyAsync(options, stop).ConfigureAwait(false);
                progress($"{Clock()} manifests applied");
                await stack.WaitReadyAsync(options, time, stop).ConfigureAwait(false);
                progress($"{Clock()} pods Ready, {stack.Url} answers");
            }

            return stack;
        }
        catch
        {
            cluster?.Dispose();
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Cluster.Dispose();
        await _host.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ApplyAsync(LabStackOptions options, CancellationToken stop)
    {
        var manifests = ManifestSet.Load(Path.Combine(BuiltPrograms.Manifests(), options.Overlay)).With(options.Setup);
        if (!options.Watcher)
        {
            manifests = manifests.Without("Deployment", Names.Watcher);
        }

        manifests = options.Telemetry?.Instrument(manifests) ?? manifests;
        _ = await new ManifestApplier(Cluster.Api, Cluster.Time).ApplyAsync(manifests, Names.Namespace, null, stop).ConfigureAwait(false);
    }

    /// <summary>Every Deployment has what it asked for, the watcher has spoken, and the Service answers.</summary>
    private async Task WaitReadyAsync(LabStackOptions options, TimeProvider time, CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(1) };
        var goal = new ReadinessGoal(options.ReadyLimit, null, options.Watcher)
        {
            Also = each => SilenceAsync(http, each),
            Check = () =>
            {
                if (_host.HasExited)
                {
                    throw new LabException("the embedded cluster ended while the pods were starting", $"Its logs are in {options.Cluster.DataDirectory}/logs.");
                }
            },
            Next = $"Logs: {options.Cluster.DataDirectory}/pods.",
        };
        await new Readiness(Cluster.Api, time, _ => { }).WaitAsync(goal, stop).ConfigureAwait(false);
    }

    private async Task<string?> SilenceAsync(HttpClient http, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync(Url, stop).ConfigureAwait(false);
            return answer.IsSuccessStatusCode ? null : $"{Url} (answers {(int)answer.StatusCode})";
        }
        catch (Exception silent) when (silent is HttpRequestException or TaskCanceledException && !stop.IsCancellationRequested)
        {
            return $"{Url} to answer";
        }
    }
}
