using System.Globalization;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Deploying;
using Resilience.Lab.Drills;
using Resilience.Lab.Experiments;
using Resilience.Lab.Reporting;

namespace Resilience.Lab.Running;

/// <summary>
/// Runs on somebody's cluster. Where the system is installed, the experiment's changes are made and restored, and traffic is returned
/// to the slot that had it; where it is not, it is installed for the run and taken out again. Both also after a failure or Ctrl-C.
/// </summary>
/// <param name="url">Where the Service answers; null: found by itself.</param>
internal sealed class ContextRunHost(LabCluster cluster, DeliveryOptions delivery, Uri? url, Action<string> say) : IRunHost
{
    private static readonly TimeSpan RestoreLimit = TimeSpan.FromMinutes(4);
    private readonly TimeProvider _time = cluster.Time;

    public async Task<RunReport> RunAsync(Experiment experiment, RunOptions options, CancellationToken stop)
    {
        RefuseEmbeddedOnly(experiment);
        experiment = experiment.WithSeed(options.Seed);
        var setup = options.Detection == "polling" ? RunHost.WithPolling(experiment.Setup) : experiment.Setup;
        return await IsInstalledAsync(stop).ConfigureAwait(false)
            ? await RunOnInstalledAsync(experiment, setup, options, stop).ConfigureAwait(false)
            : await RunOnFreshAsync(experiment, setup, options, stop).ConfigureAwait(false);
    }

    private static void RefuseEmbeddedOnly(Experiment experiment)
    {
        if (experiment.Cluster.TimeScale != 1 || AgentStart.IsNeeded(experiment) || experiment.Setup.CpuTargetOfCapacity.Count > 0)
        {
            throw new LabException($"\"{experiment.Name}\" runs on compressed time, measures CPU targets or brings recorded days with it, which only the embedded cluster can", "Run it without --context.");
        }

        if (experiment.Drills.FirstOrDefault(drill => FaultCatalog.Find(drill.Fault).Means == FaultMeans.Network) is { } network)
        {
            throw new LabException($"\"{experiment.Name}\" uses the fault \"{network.Fault}\", which no standard API can inject", "Run it without --context, or use k8s/chaos on a cluster with Chaos Mesh.");
        }
    }

    /// <summary>All of it, none of it, or one line that says what is missing.</summary>
    private async Task<bool> IsInstalledAsync(CancellationToken stop)
    {
        var home = await cluster.Api.FindAsync(ResourceTypes.Namespaces, null, Names.Namespace, stop).ConfigureAwait(false);
        if (home?.Metadata.DeletionTimestamp is not null)
        {
            throw Installer.Terminating(home);
        }

        if (home is null)
        {
            return false;
        }

        var problem = await Installation.ProblemAsync(cluster.Api, stop).ConfigureAwait(false);
        return problem switch
        {
            null => true,
            { Nothing: true } => false,
            _ => throw problem.ToError(cluster.Selection),
        };
    }

    private async Task<RunReport> RunOnFreshAsync(Experiment experiment, SetupSpec setup, RunOptions options, CancellationToken stop)
    {
        say($"the system is not installed in {cluster.Title}: it is installed for this run and removed afterwards");
        var wanted = delivery with { Setup = setup };
        var installing = new Delivery(cluster, say);
        try
        {
            _ = await installing.InstallAsync(wanted, stop).ConfigureAwait(false);
            await installing.WaitReadyAsync(wanted, stop).ConfigureAwait(false);
            return await MeasureAsync(experiment, options, stop).ConfigureAwait(false);
        }
        finally
        {
            await FinallyAsync("removing what was installed for this run", async limit =>
            {
                var report = await new Remover(cluster.Api, _time, _ => { }).RemoveAsync(limit).ConfigureAwait(false);
                say($"removed {report?.Deleted ?? 0} objects{(report?.Left.Count > 0 ? $"; left alone: {string.Join("; ", report.Left)}" : string.Empty)}");
            }).ConfigureAwait(false);
        }
    }

    private async Task<RunReport> RunOnInstalledAsync(Experiment experiment, SetupSpec setup, RunOptions options, CancellationToken stop)
    {
        await UndoEarlierAsync(stop).ConfigureAwait(false);
        await (options.Load is JobLoad load ? load.SweepAsync(stop) : Task.CompletedTask).ConfigureAwait(false);
        var id = string.Create(CultureInfo.InvariantCulture, $"{experiment.Name}-{_time.GetUtcNow():yyyyMMddHHmmss}-{Environment.ProcessId}");
        var active = await cluster.ActiveSlotAsync(stop).ConfigureAwait(false);
        try
        {
            var changed = await ExperimentChanges.ApplyAsync(cluster.Api, setup, id, stop).ConfigureAwait(false);
            say($"{changed} objects changed for this run; they are restored at its end");
            await WaitUntilReadyAsync(stop).ConfigureAwait(false);
            return await MeasureAsync(experiment, options, stop).ConfigureAwait(false);
        }
        finally
        {
            await FinallyAsync($"returning traffic to {active}", limit => ReturnTrafficAsync(active, limit)).ConfigureAwait(false);
            await FinallyAsync("restoring what the run changed", async limit =>
            {
                var restored = await ExperimentChanges.RestoreAsync(cluster.Api, limit).ConfigureAwait(false);
                say($"restored: {string.Join(", ", restored)}");
            }).ConfigureAwait(false);
        }
    }

    /// <summary>What a killed run left is undone before anything is measured.</summary>
    private async Task UndoEarlierAsync(CancellationToken stop)
    {
        var healed = await DrillCrew.HealAsync(new ClusterDrillTarget(cluster, standardOnly: true), stop).ConfigureAwait(false);
        var restored = await ExperimentChanges.RestoreAsync(cluster.Api, stop).ConfigureAwait(false);
        if (healed.Count + restored.Count > 0)
        {
            say($"undone from an earlier run: {string.Join(", ", healed.Concat(restored))}");
        }
    }

    private Task WaitUntilReadyAsync(CancellationToken stop)
    {
        var goal = new ReadinessGoal(delivery.ReadyLimit, null, Watcher: true)
        {
            Also = limit => SteadyState.UnsettledAsync(cluster.Api, limit),
            Next = $"\"kubectl -n {Names.Namespace} get pods,hpa\" shows them.",
        };
        return new Readiness(cluster.Api, _time, say).WaitAsync(goal, stop);
    }

    private async Task<RunReport> MeasureAsync(Experiment experiment, RunOptions options, CancellationToken stop)
    {
        // The embedded cluster resolves no names of Services; its pods are processes of this machine and go where the lab goes.
        var inside = options.Load?.Kind == JobLoad.Word && !cluster.IsEmbedded ? ServiceAddress.InCluster : null;
        var page = url ?? inside ?? await ServiceAddress.FindAsync(cluster.Api, stop).ConfigureAwait(false) ?? throw ServiceAddress.Unreachable(cluster.Selection);
        say($"load goes to {page}");
        return await new ExperimentRunner(cluster, page, experiment, options, say).RunAsync(stop).ConfigureAwait(false);
    }

    /// <summary>The watcher moves it: it checks first that the slot can take it.</summary>
    private async Task ReturnTrafficAsync(string to, CancellationToken stop)
    {
        var now = await cluster.ActiveSlotAsync(stop).ConfigureAwait(false);
        if (now == to)
        {
            return;
        }

        var request = await SwitchoverRequest.CreateAsync(cluster, now, to, "returns traffic after an experiment", "lab run", stop).ConfigureAwait(false);
        try
        {
            var phase = await request.FollowAsync(_ => { }, stop).ConfigureAwait(false);
            say(phase == "Switched" ? $"traffic is back on {to}" : $"traffic stays on {now}: the Switchover ended as {phase}");
        }
        finally
        {
            _ = await request.DeleteAsync(stop).ConfigureAwait(false);
        }
    }

    /// <summary>Not stopped by what stopped the run; what cannot be undone is said, and how to try again.</summary>
    private async Task FinallyAsync(string what, Func<CancellationToken, Task> undo)
    {
        using var limit = new CancellationTokenSource(RestoreLimit, _time);
        say($"{what} ...");
        try
        {
            await undo(limit.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is ClusterException or LabException or ManifestException or OperationCanceledException)
        {
            say($"{what} did not succeed: {failure.Message} Try again with \"./lab chaos heal{cluster.Selection}\" and \"./lab cleanup{cluster.Selection}\".");
        }
    }
}
