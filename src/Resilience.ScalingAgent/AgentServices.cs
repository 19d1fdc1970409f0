using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Events;
using Resilience.ClusterAccess.Queues;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Publishing;
using Resilience.ScalingAgent.Scaling;
using Resilience.ServiceDefaults;

namespace Resilience.ScalingAgent;

/// <summary>Registration of the agent; its store and its sources of demand are registered beside it.</summary>
internal static class AgentServices
{
    public static TBuilder AddScalingAgent<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        var services = builder.Services;
        services.AddOptionsWithValidateOnStart<AgentOptions, AgentOptionsRanges>().BindConfiguration(AgentOptions.Section);
        services.AddSingleton<IValidateOptions<AgentOptions>, AgentOptionsRules>();
        services.AddOptions<ClusterConnectionOptions>().BindConfiguration(ClusterConnectionOptions.Section);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ChallengerSource>(static _ => static _ => []);
        services.AddSingleton(provider =>
        {
            var (options, clock) = (provider.GetRequiredService<IOptions<AgentOptions>>().Value, provider.GetRequiredService<TimeProvider>());
            return new PlanningClock(clock, options.TimeScale, options.TimeScaleFrom ?? clock.GetUtcNow());
        });
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<ClusterConnectionOptions>>().Value;
            options.UserAgent = FieldManagers.ScalingAgent;
            return ClusterConnection.Create(options, provider.GetRequiredService<TimeProvider>());
        });
        services.AddSingleton(provider => provider.GetRequiredService<ClusterConnection>().Api);
        AddScaling(services);
        // (AddHostedService would take the runners for one: it drops a second one of the same type.)
        // Hosted services stop in reverse order: the worker first, the caches last. The lease goes back before that.
        services.AddSingleton<IHostedService>(provider => new Runner(provider.GetRequiredService<AgentInformers>().RunAsync));
        services.AddSingleton<IHostedService>(provider => new Runner(provider.GetRequiredService<EventRecorder>().RunAsync));
        services.AddSingleton<IHostedService>(provider => new Runner(provider.GetRequiredService<StatusPublisher>().RunAsync));
        services.AddHostedService<ElectionRunner>();
        services.AddHostedService(provider => provider.GetRequiredService<ScalerWorker>());
        services.AddHealthChecks().AddCheck<CachesFilled>("caches", tags: ["ready"]);
        return builder;
    }

    private static void AddScaling(IServiceCollection services)
    {
        services.AddSingleton<StartUpTimes>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<AgentInformers>(provider, provider.GetRequiredService<IOptions<AgentOptions>>().Value));
        services.AddSingleton(provider => new WorkQueueMetrics(provider.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "scaling"));
        services.AddSingleton(Election);
        services.AddSingleton(provider => new EventRecorder(
            provider.GetRequiredService<ClusterApi>(),
            new() { Component = FieldManagers.ScalingAgent, Instance = provider.GetRequiredService<PodIdentity>().Name },
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<EventRecorder>>()));
        services.AddSingleton<AgentMetrics>().AddSingleton<StatusPublisher>().AddSingleton<TargetReader>().AddSingleton<FloorWriter>();
        services.AddSingleton<ScalerCycle>().AddSingleton<RefitWorker>().AddSingleton<ScalerWorker>();
    }

    private static LeaseElection Election(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<AgentOptions>>().Value;
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
            RetryPeriod = options.LeaseDuration * 0.05,
        };
        return new(provider.GetRequiredService<ClusterApi>(), lease, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LeaseElection>>());
    }

    private sealed class Runner(Func<CancellationToken, Task> run) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => run(stoppingToken);
    }

    /// <summary>
    /// Takes part in the election only with filled caches, and hands the lease back at the first sign of a stop: hosted services
    /// stop one after the other, and any before this one may take long.
    /// </summary>
    private sealed class ElectionRunner(LeaseElection election, AgentInformers informers, IHostApplicationLifetime application) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, application.ApplicationStopping);
            await informers.WaitForSyncAsync(stop.Token).ConfigureAwait(false);
            await election.RunAsync(stop.Token).ConfigureAwait(false);
        }
    }

    private sealed class CachesFilled(AgentInformers informers) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(informers.HaveSynced
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("not listed yet: " + string.Join(", ", informers.Missing)));
    }
}
