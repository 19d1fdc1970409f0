using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Events;
using Resilience.ClusterAccess.Informers;

namespace Resilience.ClusterAccess.Hosting;

/// <summary>What every controller's process consists of: a connection, caches, Events, an election.</summary>
public static class ControllerServices
{
    /// <summary>
    /// Registers the connection, the runners of the caches and of the Events, and readiness, which waits for the caches. The caches themselves
    /// are the caller's. Hosted services stop in reverse order: what is registered after this stops before its caches do.
    /// </summary>
    /// <param name="services">Where to.</param>
    /// <param name="component">Name of the controller: user agent, and who reports Events.</param>
    /// <param name="instance">Name of this process among its replicas.</param>
    public static IServiceCollection AddController<TCaches>(this IServiceCollection services, string component, Func<IServiceProvider, string> instance)
        where TCaches : InformerSet
    {
        services.AddOptions<ClusterConnectionOptions>().BindConfiguration(ClusterConnectionOptions.Section);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<ClusterConnectionOptions>>().Value;
            options.UserAgent = component;
            return ClusterConnection.Create(options, provider.GetRequiredService<TimeProvider>());
        });
        services.AddSingleton(provider => provider.GetRequiredService<ClusterConnection>().Api);
        services.AddSingleton(provider => new EventRecorder(
            provider.GetRequiredService<ClusterApi>(), new() { Component = component, Instance = instance(provider) },
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<EventRecorder>>()));
        services.AddRunner<TCaches>(caches => caches.RunAsync).AddRunner<EventRecorder>(events => events.RunAsync);
        services.AddHealthChecks().AddCheck<CachesFilled<TCaches>>("caches", tags: ["ready"]);
        return services;
    }

    /// <summary>Runs a method of a registered service for as long as the process.</summary>
    public static IServiceCollection AddRunner<T>(this IServiceCollection services, Func<T, Func<CancellationToken, Task>> run)
        where T : notnull =>
        // (AddHostedService would take several runners for one: it drops a second one of the same type.)
        services.AddSingleton<IHostedService>(provider => new Runner(run(provider.GetRequiredService<T>())));

    /// <summary>Takes part in an election once the caches are filled.</summary>
    public static IServiceCollection AddElection<TCaches>(this IServiceCollection services, Func<IServiceProvider, LeaseElectionOptions> lease)
        where TCaches : InformerSet =>
        services
            .AddSingleton(provider => new LeaseElection(
                provider.GetRequiredService<ClusterApi>(), lease(provider), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<LeaseElection>>()))
            .AddHostedService<ElectionRunner<TCaches>>();

    private sealed class Runner(Func<CancellationToken, Task> run) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => run(stoppingToken);
    }

    /// <summary>
    /// Takes part in the election only with filled caches: a leader that knows nothing would only be in the way. Hands the
    /// lease back at the first sign of a stop: hosted services stop one after the other, and any before this one may take long.
    /// </summary>
    private sealed class ElectionRunner<TCaches>(LeaseElection election, TCaches caches, IHostApplicationLifetime application) : BackgroundService
        where TCaches : InformerSet
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, application.ApplicationStopping);
            try
            {
                await caches.WaitForSyncAsync(stop.Token);
                await election.RunAsync(stop.Token);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // The host calls only its own token's end a stop, and the other one comes first.
            }
        }
    }

    private sealed class CachesFilled<TCaches>(TCaches caches) : IHealthCheck
        where TCaches : InformerSet
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(caches.HaveSynced
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("not listed yet: " + string.Join(", ", caches.Missing)));
    }
}
