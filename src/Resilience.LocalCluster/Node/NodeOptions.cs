namespace Resilience.LocalCluster.Node;

/// <summary>How the one node presents itself.</summary>
/// <param name="Cpu">Cores it claims to have.</param>
/// <param name="MemoryBytes">Memory it claims to have.</param>
/// <param name="MaxPods">Pods it takes.</param>
internal sealed record NodeOptions(int Cpu, long MemoryBytes, int MaxPods)
{
    public const string NodeName = "node1";
}
