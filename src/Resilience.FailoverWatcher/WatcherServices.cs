using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Hosting;
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
        services.AddController<WatcherInformers>(FieldManagers.FailoverWatcher, Instance);
        AddFailover(services);
        services.AddRunner<StatusPublisher>(publisher => publisher.RunAsync).AddElection<WatcherInformers>(Lease).AddHostedService<FailoverWorker>();
        return builder;
    }

    private static void AddFailover(IServiceCollection services)
    {
        services.AddSingleton<PodHistory>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<WatcherInformers>(provider, provider.GetRequiredService<IOptions<WatcherOptions>>().Value));
        services.AddSingleton(provider => new WorkQueueMetrics(provider.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "failover"));
        services.AddSingleton(provider => new WorkQueue<BlueGreenKey>(
            provider.GetRequiredService<TimeProvider>(), new(), provider.GetRequiredService<WorkQueueMetrics>()));
        services.AddSingleton<FailoverMetrics>().AddSingleton<StatusPublisher>().AddSingleton<ActiveProber>().AddSingleton<KubernetesFailoverCluster>();
        services.AddSingleton<IFailoverCluster>(provider => provider.GetRequiredService<KubernetesFailoverCluster>());
        services.AddSingleton<IProber>(provider => provider.GetRequiredService<IOptions<WatcherOptions>>().Value.Detection == DetectionMode.Polling
            ? new NoProber() : provider.GetRequiredService<ActiveProber>());
        services.AddSingleton<FailoverReconciler>();
    }

    private static string Instance(IServiceProvider provider) => provider.GetRequiredService<PodIdentity>().Name;

    private static LeaseElectionOptions Lease(IServiceProvider provider)
    {
        var (options, pod) = (provider.GetRequiredService<IOptions<WatcherOptions>>().Value, provider.GetRequiredService<PodIdentity>());
        return LeaseElectionOptions.For(pod.Namespace, options.LeaseName, pod.Name, options.LeaseDuration);
    }

    private sealed class NoProber : IProber
    {
        public void Watch(BlueGreenKey key, ProbeSettings? settings, IReadOnlyList<ProbeTarget> targets)
        {
        }

        public Control.Failover.ProbeFacts? Look(BlueGreenKey key, string uid) => null;
    }
}
