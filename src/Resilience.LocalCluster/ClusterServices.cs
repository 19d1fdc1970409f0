using Resilience.LocalCluster.Api;
using Resilience.LocalCluster.Api.Resources;
using Resilience.LocalCluster.Api.Security;
using Resilience.LocalCluster.Api.Subresources;
using Resilience.LocalCluster.Api.Tables;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Machinery.Admission;
using Resilience.LocalCluster.Machinery.CustomResources;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster;

internal static class ClusterServices
{
    /// <summary>Store, admission and the loops that belong to the API machinery itself.</summary>
    public static IServiceCollection AddMachinery(this IServiceCollection services)
    {
        _ = services.AddSingleton<ResourceRegistry>().AddSingleton<CustomResourceRegistry>().AddSingleton<ObjectStrategy>();
        _ = services.AddSingleton(static provider =>
        {
            var strategy = provider.GetRequiredService<ObjectStrategy>();
            var clock = provider.GetRequiredService<TimeProvider>();

            // Above the revisions of a cluster that ran here before, unless that wrote more than a thousand times a second.
            var store = new ObjectStore(clock, strategy, before: clock.GetUtcNow().ToUnixTimeMilliseconds());
            strategy.Attach(store);
            store.Committing += provider.GetRequiredService<CustomResourceRegistry>().Observe;
            return store;
        });
        _ = services.AddSingleton<NamespaceLifecycle>().AddSingleton<GarbageCollector>().AddSingleton<DefinitionCleanup>();
        return services
            .AddSingleton<IController>(static p => p.GetRequiredService<NamespaceLifecycle>())
            .AddSingleton<IController>(static p => p.GetRequiredService<GarbageCollector>())
            .AddSingleton<IController>(static p => p.GetRequiredService<DefinitionCleanup>());
    }

    public static IServiceCollection AddApiServer(this IServiceCollection services) => services
        .AddSingleton<ClusterEndpoint>().AddSingleton<TokenAuthority>().AddSingleton<AccessLog>()
        .AddSingleton<IAuthorizer>(static p => p.GetRequiredService<EmbeddedClusterOptions>().EnforceRbac
            ? new RbacAuthorizer(p.GetRequiredService<ObjectStore>()) : new AllowEverything())
        .AddSingleton<IServiceAccountKubeconfigs, ServiceAccountKubeconfigs>()
        .AddSingleton<TableRenderer>().AddSingleton<Representation>().AddSingleton<ObjectDecoder>()
        .AddSingleton<ResourceHandler>().AddSingleton<PatchHandler>().AddSingleton<WatchHandler>()
        .AddSingleton<ScaleHandler>().AddSingleton<PodLogHandler>().AddSingleton<PodProxyHandler>().AddSingleton<EvictionHandler>().AddSingleton<PodSessions>()
        .AddSingleton<VirtualResources>().AddSingleton<Drills>().AddSingleton<Discovery>().AddSingleton<OpenApi>().AddSingleton<ApiServer>();
}
