namespace Resilience.LocalCluster;

public enum PodRuntime
{
    /// <summary>One operating-system process per pod.</summary>
    Process,

    /// <summary>Pods are Running and Ready without anything behind them: for tests of the control plane and for scale.</summary>
    Null,
}

/// <summary>How one embedded cluster runs; the defaults are those of the command line.</summary>
public sealed class EmbeddedClusterOptions
{
    /// <summary>Keys, kubeconfig, logs. Created when missing; belongs to one cluster at a time.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Loopback port of the API server; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>JSON file that maps image names to commands; null: no image can be pulled.</summary>
    public string? ImagesPath { get; init; }

    /// <summary>127.x.y.1 of the node, or "auto" to claim a free /24.</summary>
    public string NodeAddress { get; init; } = "auto";

    public TimeSpan HpaSyncPeriod { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan MetricsResolution { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How much faster than the wall clock the controllers' long periods pass.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>Cores the node claims to have.</summary>
    public int NodeCpu { get; init; } = 8;

    /// <summary>Refuse what no Role allows; otherwise every token may do everything. Default true.</summary>
    public bool EnforceRbac { get; init; } = true;

    public PodRuntime PodRuntime { get; init; } = PodRuntime.Process;

    /// <summary>Clock of everything but certificates.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
