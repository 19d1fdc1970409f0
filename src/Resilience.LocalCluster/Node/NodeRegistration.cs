using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Metrics;
using Resilience.LocalCluster.Node.Probing;
using Resilience.LocalCluster.Node.Runtime;
using Resilience.LocalCluster.Proxy;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

internal static class NodeRegistration
{
    private const int MaxProcessPods = 110;
    private const int MaxNullPods = 50_000;

    /// <summary>Registers the node: its address, pod runtime, service proxy and metrics.</summary>
    public static IServiceCollection AddNode(this IServiceCollection services)
    {
        _ = services
            .AddSingleton(s => CreateNetwork(s.GetRequiredService<EmbeddedClusterOptions>()))
            .AddSingleton(s => CreateOptions(s.GetRequiredService<EmbeddedClusterOptions>()))
            .AddSingleton(s => new PodLogs(s.GetRequiredService<EmbeddedClusterOptions>().DataDirectory, s.GetRequiredService<TimeProvider>()))
            .AddSingleton(s => new NodeVolumes(s.GetRequiredService<EmbeddedClusterOptions>().DataDirectory))
            .AddSingleton<IPodLogs>(s => s.GetRequiredService<PodLogs>())
            .AddSingleton<NetworkProber>()
            .AddSingleton(CreateRuntime)
            .AddSingleton(s => new NodeServices(
                s.GetRequiredService<ObjectStore>(),
                s.GetRequiredService<TimeProvider>(),
                s.GetRequiredService<IPodRuntime>(),
                s.GetRequiredService<NodeNetwork>(),
                s.GetRequiredService<NetworkProber>(),
                s.GetRequiredService<EventRecorder>(),
                s.GetRequiredService<PodLogs>(),
                s.GetRequiredService<NodeVolumes>(),
                s.GetService<IServiceAccountKubeconfigs>(),
                s.GetRequiredService<ILogger<NodeAgent>>()))
            .AddSingleton<NodeAgent>()
            .AddSingleton<IClusterNode>(s => s.GetRequiredService<NodeAgent>())
            .AddSingleton<IPodSignals>(s => s.GetRequiredService<NodeAgent>())
            .AddSingleton<ServiceProxy>()
            .AddSingleton<INetworkFaults>(s => s.GetRequiredService<ServiceProxy>())
            .AddSingleton(s => new PodMetrics(
                s.GetRequiredService<ObjectStore>(),
                s.GetRequiredService<TimeProvider>(),
                s.GetRequiredService<NodeAgent>(),
                s.GetRequiredService<EmbeddedClusterOptions>() is var o ? o.MetricsResolution / o.TimeScale : default))
            .AddSingleton<IPodMetricsSource>(s => s.GetRequiredService<PodMetrics>());
        return services
            .AddSingleton<IController>(s => s.GetRequiredService<NodeAgent>())
            .AddSingleton<IController, NodeStatus>()
            .AddSingleton<IController, Scheduler>()
            .AddSingleton<IController, VolumeController>()
            .AddSingleton<IController>(s => s.GetRequiredService<ServiceProxy>())
            .AddSingleton<IController>(s => s.GetRequiredService<PodMetrics>());
    }

    private static NodeNetwork CreateNetwork(EmbeddedClusterOptions options)
    {
        if (options.PodRuntime == PodRuntime.Null)
        {
            return NodeNetwork.Imaginary();
        }

        return options.NodeAddress == "auto"
            ? NodeNetwork.Claim(NodeNetwork.Seed(Path.GetFullPath(options.DataDirectory)))
            : NodeNetwork.ClaimAt(options.NodeAddress);
    }

    private static NodeOptions CreateOptions(EmbeddedClusterOptions options) => options.PodRuntime == PodRuntime.Null
        ? new(Math.Max(options.NodeCpu, MaxNullPods), 1L << 50, MaxNullPods)
        : new(options.NodeCpu, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, MaxProcessPods);

    private static IPodRuntime CreateRuntime(IServiceProvider services)
    {
        var options = services.GetRequiredService<EmbeddedClusterOptions>();
        var clock = services.GetRequiredService<TimeProvider>();
        if (options.PodRuntime == PodRuntime.Null)
        {
            return new NullPodRuntime(clock, TimeSpan.Zero);
        }

        var images = options.ImagesPath is null ? ImageTable.Empty : ImageTable.Parse(File.ReadAllText(options.ImagesPath));
        return new ProcessPodRuntime(options.DataDirectory, images, services.GetRequiredService<PodLogs>(), clock);
    }
}
