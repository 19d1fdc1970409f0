using System.Globalization;
using Resilience.Lab.Cluster;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Experiments;
using Resilience.Lab.Hosting;
using Resilience.Lab.Reporting;

namespace Resilience.Lab.Running;

/// <summary>Where runs take place.</summary>
internal interface IRunHost
{
    Task<RunReport> RunAsync(Experiment experiment, RunOptions options, CancellationToken stop);
}

/// <summary>Gives each run a cluster of its own in a folder of its own, so that it may go on beside <c>lab up</c>.</summary>
/// <param name="telemetry">Where the pods of every run report to, if anywhere.</param>
internal sealed class RunHost(LabDirectory directory, TimeProvider time, Action<string> say, TelemetryTarget? telemetry = null) : IRunHost
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(3);

    public async Task<RunReport> RunAsync(Experiment experiment, RunOptions options, CancellationToken stop)
    {
        Sweep();
        experiment = experiment.WithSeed(options.Seed);
        var name = string.Create(CultureInfo.InvariantCulture, $"{experiment.Name}-{time.GetUtcNow():HHmmss}-{Environment.ProcessId}");
        var own = LabDirectory.At(Path.Combine(directory.Runs, name));
        using (own.Claim())
        {
            var setup = options.Detection == "polling" ? WithPolling(experiment.Setup) : experiment.Setup;
            if (AgentStart.IsNeeded(experiment))
            {
                setup = setup.With(AgentStart.Hold);
            }

            var cluster = new ClusterHostOptions(own.Path)
            {
                TimeScale = experiment.Cluster.TimeScale,
                NodeCpu = experiment.Cluster.NodeCpu,
                HpaSyncPeriod = experiment.Cluster.HpaSyncPeriod,
                MetricsResolution = experiment.Cluster.MetricsResolution,
            };
            var stack = await LabStack.StartAsync(new LabStackOptions(cluster) { Setup = setup, Overlay = experiment.Overlay, Telemetry = telemetry }, time, say, stop).ConfigureAwait(false);
            await using (stack.ConfigureAwait(false))
            {
                var report = await new ExperimentRunner(stack.Cluster, stack.Url, experiment, options, say).RunAsync(stop).ConfigureAwait(false);
                if (report.Verdict != "pass")
                {
                    KeepLogs(own);
                }

                return report;
            }
        }
    }

    /// <summary>The same setup with the watcher that serves as the baseline.</summary>
    public static SetupSpec WithPolling(SetupSpec setup)
    {
        var env = setup.Env.ToDictionary();
        var watcher = env.GetValueOrDefault(Names.Watcher)?.ToDictionary() ?? [];
        watcher["Watcher__Detection"] = "Polling";
        watcher["Watcher__PollInterval"] = PollInterval.ToString("c", CultureInfo.InvariantCulture);
        env[Names.Watcher] = watcher;
        return setup with { Env = env };
    }

    /// <summary>Removes what killed runs left: their locks are free, their clusters ended with their lifeline.</summary>
    private void Sweep()
    {
        if (!Directory.Exists(directory.Runs))
        {
            return;
        }

        foreach (var folder in Directory.EnumerateDirectories(directory.Runs).Select(LabDirectory.At).Where(folder => !folder.IsClaimed()))
        {
            foreach (var left in folder.RunningProcesses())
            {
                left.Kill();
            }

            try
            {
                Directory.Delete(folder.Path, recursive: true);
            }
            catch (IOException)
            {
                // Something still writes there; the next run tries again.
            }
        }
    }

    private void KeepLogs(LabDirectory own) => say($"logs of cluster and pods, until the next run: {own.Path}");
}
