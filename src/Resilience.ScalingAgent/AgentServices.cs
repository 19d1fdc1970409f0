using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Hosting;
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
        services.TryAddSingleton<ChallengerSource>(static _ => static _ => []);
        services.AddSingleton(provider =>
        {
            var (options, clock) = (provider.GetRequiredService<IOptions<AgentOptions>>().Value, provider.GetRequiredService<TimeProvider>());
            return new PlanningClock(clock, options.TimeScale, options.TimeScaleFrom ?? clock.GetUtcNow());
        });
        services.AddController<AgentInformers>(FieldManagers.ScalingAgent, Instance);
        AddScaling(services);
        services.AddRunner<StatusPublisher>(publisher => publisher.RunAsync).AddElection<AgentInformers>(Lease)
            .AddHostedService(provider => provider.GetRequiredService<ScalerWorker>());
        return builder;
    }

    private static void AddScaling(IServiceCollection services)
    {
        services.AddSingleton<StartUpTimes>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<AgentInformers>(provider, provider.GetRequiredService<IOptions<AgentOptions>>().Value));
        services.AddSingleton(provider => new WorkQueueMetrics(provider.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "scaling"));
        services.AddSingleton<AgentMetrics>().AddSingleton<StatusPublisher>().AddSingleton<TargetReader>().AddSingleton<FloorWriter>();
        services.AddSingleton<ScalerCycle>().AddSingleton<RefitWorker>().AddSingleton<ScalerWorker>();
    }

    private static string Instance(IServiceProvider provider) => provider.GetRequiredService<PodIdentity>().Name;

    private static LeaseElectionOptions Lease(IServiceProvider provider)
    {
        var (options, pod) = (provider.GetRequiredService<IOptions<AgentOptions>>().Value, provider.GetRequiredService<PodIdentity>());
        return LeaseElectionOptions.For(pod.Namespace, options.LeaseName, pod.Name, options.LeaseDuration);
    }
}
