namespace Resilience.Cost.Model;

/// <summary>What one pod requests, and so what it is billed for while it exists.</summary>
/// <param name="CpuCores">CPU request in cores; 0.1 is Kubernetes' 100m.</param>
/// <param name="MemoryGib">Memory request in GiB; not billed under a blended price.</param>
public sealed record PodShape(decimal CpuCores, decimal MemoryGib)
{
    /// <summary>100m CPU and 128Mi memory.</summary>
    public static PodShape Default { get; } = new(0.1m, 0.125m);
}
