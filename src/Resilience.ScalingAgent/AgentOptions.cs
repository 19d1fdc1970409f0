using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Resilience.ScalingAgent;

/// <summary>Settings of the process; everything about one service is in its PredictiveAutoscaler.</summary>
internal sealed class AgentOptions
{
    public const string Section = "Agent";

    /// <summary>Look after PredictiveAutoscalers of this namespace alone; empty means all that RBAC shows.</summary>
    [MaxLength(63)]
    public string Namespace { get; set; } = "";

    /// <summary>Planning seconds per wall second, 1 to 3600: above 1 only in experiments. Default 1.</summary>
    [Range(1.0, 3600.0)]
    public double TimeScale { get; set; } = 1;

    /// <summary>Instant at which planning clock and wall clock agree. Default: the start of the process. An experiment that restarts the agent sets it.</summary>
    public DateTimeOffset? TimeScaleFrom { get; set; }

    /// <summary>PredictiveAutoscalers read and decided upon at the same time. Default 8.</summary>
    [Range(1, 64)]
    public int Workers { get; set; } = 8;

    /// <summary>Models fitted at the same time; 0: one less than the cores, at least one. Default 0.</summary>
    [Range(0, 64)]
    public int RefitWorkers { get; set; }

    /// <summary>Boosted trees compete in the forecast; a refit then takes about four times as long. Default true.</summary>
    public bool GradientBoosting { get; set; } = true;

    /// <summary>Lead that is assumed until three pods were seen to start, on the planning clock. Default 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan AssumedLead { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How late an autoscaler may follow a raised minReplicas, on the planning clock: its sync period. Default 15 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:05:00")]
    public TimeSpan AutoscalerSyncPeriod { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The status of one PredictiveAutoscaler is written at most this often. Default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.05", "00:01:00")]
    public TimeSpan StatusInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Floors without a PredictiveAutoscaler are looked for this often. Default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan ResyncPeriod { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Name of the Lease; namespace is the pod's own.</summary>
    [Required, MaxLength(253)]
    public string LeaseName { get; set; } = "scaling-agent";

    /// <summary>How long a leader that vanished is waited for; whole seconds. Default 15 s.</summary>
    [Range(typeof(TimeSpan), "00:00:02", "00:01:00")]
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(15);
}

[OptionsValidator]
internal sealed partial class AgentOptionsRanges : IValidateOptions<AgentOptions>;

/// <summary>The rules that attributes cannot say.</summary>
internal sealed class AgentOptionsRules(TimeProvider clock) : IValidateOptions<AgentOptions>
{
    public ValidateOptionsResult Validate(string? name, AgentOptions options) =>
        options.LeaseDuration.Ticks % TimeSpan.TicksPerSecond != 0
            ? ValidateOptionsResult.Fail($"{AgentOptions.Section}:{nameof(options.LeaseDuration)} must be whole seconds: the Lease stores seconds.")
        : double.IsNaN(options.TimeScale)
            ? ValidateOptionsResult.Fail($"{AgentOptions.Section}:{nameof(options.TimeScale)} must be a number from 1 to 3600.")
        : options.TimeScaleFrom > clock.GetUtcNow() + TimeSpan.FromMinutes(1)
            ? ValidateOptionsResult.Fail($"{AgentOptions.Section}:{nameof(options.TimeScaleFrom)} must not lie in the future.")
        : ValidateOptionsResult.Success;
}
