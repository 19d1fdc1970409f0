using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Resilience.ScalingAgent.Metrics;

internal static class DemandSourceServices
{
    /// <summary>Registers <see cref="IDemandSource"/>. The container's <see cref="TimeProvider"/> must be the wall clock, and its ClusterApi may read ConfigMaps.</summary>
    public static IServiceCollection AddDemandSources(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        return services.AddSingleton<ScrapeSource>().AddSingleton<PrometheusSource>().AddSingleton<RecordedDemand>().AddSingleton<IDemandSource, DemandSources>();
    }
}
