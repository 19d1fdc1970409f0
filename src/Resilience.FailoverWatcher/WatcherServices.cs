using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Events;
using Resilience.ClusterAccess.Queues;
using Resilience.ClusterAccess.Resources;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Probing;
using Resilience.FailoverWatcher.Publishing;
using Resilience.FailoverWatcher.Reconciling;
using Resilience.ServiceDefaults;

namespace Resilience.FailoverWatcher;

/// <summary>Registration of the watcher.</summary>
internal static class WatcherServices
{
    public static TBuilder AddFailoverWatcher<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        var services = builder.Services;
        services.AddOptionsWithValidateOnStart<WatcherOptions, WatcherOptionsRanges>().BindConfiguration(WatcherOptions.Section);
        services.AddSingleton<IValidateOptions<WatcherOptions>, WatcherOptionsRules>();
        services.AddOptions<ClusterConnectionOptions>().BindConfiguration(ClusterConnectionOptions.Section);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<ClusterConnectionOptions>>().Value;
            options.UserAgent = FieldManagers.FailoverWatcher;
            return ClusterConnection.Create(options, provider.GetRequiredService<TimeProvider>());
        });
        services.AddSingleton(provider => provider.GetRequiredService<ClusterConnection>().Api);
        AddCluster(services);
        // (AddHostedService would take the three runners for one: it drops a second one of the same type.)
        // Hosted services stop in reverse order: the worker first, the caches last. The lease goes back before that.
        services.AddSingleton<IHostedService>(provider => new Runner(provider.GetRequiredService<WatcherInformers>().RunAsync));
        services.AddSingleton<IHostedService>(provider => new Runner(provider.GetRequiredService<EventRecorder>().RunAsync));
        services.AddSingleton<IHostedService>(provider => new Runner(provider.GetRequiredService<StatusPublisher>().RunAsync));
        services.AddHostedService<ElectionRunner>();
        services.AddHostedService<FailoverWorker>();
        services.AddHealthChecks().AddCheck<CachesFilled>("caches", tags: ["ready"]);
        return builder;
    }

    private static void AddCluster(IServiceCollection services)
    {
        services.AddSingleton<PodHistory>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<WatcherInformers>(provider, provider.GetRequiredService<IOptions<WatcherOptions>>().Value));
        services.AddSingleton(provider => new WorkQueueMetrics(provider.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "failover"));
        services.AddSingleton(provider => new WorkQueue<BlueGreenKey>(
            provider.GetRequiredService<TimeProvider>(), new(), provider.GetRequiredService<WorkQueueMetrics>()));
        services.AddSingleton(Election);
        services.AddSingleton(provider => new EventRecorder(
            provider.GetRequiredService<ClusterApi>(),
            new() { Component = FieldManagers.FailoverWatcher, Instance = provider.GetRequiredService<PodIdentity>().Name },
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<EventRecorder>>()));
        services.AddSingleton<FailoverMetrics>().AddSingleton<StatusPublisher>().AddSingleton<ActiveProber>().AddSingleton<KubernetesFailoverCluster>();
        services.AddSingleton<IFailoverCluster>(provider => provider.GetRequiredService<KubernetesFailoverCluster>());
        services.AddSingleton<IProber>(provider => provider.GetRequiredService<IOptions<WatcherOptions>>().Value.Detection == DetectionMode.Polling
            ? new NoProber() : provider.GetRequiredService<ActiveProber>());
        services.AddSingleton<FailoverReconciler>();
    }

    private static LeaseElection Election(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<WatcherOptions>>().Value;
        var pod = provider.GetRequiredService<PodIdentity>();
        var lease = new LeaseElectionOptions
        {
            Namespace = pod.Namespace,
            Name = options.LeaseName,
            // Not the pod's name alone: a restarted container is another contender.
            Identity = $"{pod.Name}_{Guid.NewGuid():N}",
            Duration = options.LeaseDuration,
            RenewDeadline = options.LeaseDuration * 0.7,
            RenewInterval = options.LeaseDuration * 0.2,
            // A follower learns of a renewal this late, and waits that much longer for a leader that has vanished.
            RetryPeriod = options.LeaseDuration * 0.05,
        };
        return new(provider.GetRequiredService<ClusterApi>(), lease, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LeaseElection>>());
    }

    private sealed class NoProber : IProber
    {
        public void Watch(BlueGreenKey key, ProbeSettings? settings, IReadOnlyList<ProbeTarget> targets)
        {
        }

        public Control.Failover.ProbeFacts? Look(BlueGreenKey key, string uid) => null;
    }

    private sealed class Runner(Func<CancellationToken, Task> run) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => run(stoppingToken);
    }

    /// <summary>
    /// Takes part in the election only with filled caches: a leader that knows nothing would only be in the way. Hands the
    /// lease back at the first sign of a stop: hosted services stop one after the other, and any before this one may take long.
    /// </summary>
    private sealed class ElectionRunner(LeaseElection election, WatcherInformers informers, IHostApplicationLifetime application) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, application.ApplicationStopping);
            await informers.WaitForSyncAsync(stop.Token).ConfigureAwait(false);
            await election.RunAsync(stop.Token).ConfigureAwait(false);
        }
    }

    private sealed class CachesFilled(WatcherInformers informers) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(informers.HaveSynced
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("not listed yet: " + string.Join(", ", informers.Missing)));
    }
}
