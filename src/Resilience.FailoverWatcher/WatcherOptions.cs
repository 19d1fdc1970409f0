using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Resilience.FailoverWatcher;

/// <summary>How the watcher learns that something has changed.</summary>
internal enum DetectionMode
{
    /// <summary>Watch events and own probes; a move follows within milliseconds.</summary>
    Events,

    /// <summary>Pod readiness looked at every <see cref="WatcherOptions.PollInterval"/>, no events, no probes: the baseline to compare with.</summary>
    Polling,
}

/// <summary>Settings of the process; everything about one service is in its BlueGreen.</summary>
internal sealed class WatcherOptions
{
    public const string Section = "Watcher";

    /// <summary>Default Events.</summary>
    [EnumDataType(typeof(DetectionMode))]
    public DetectionMode Detection { get; set; } = DetectionMode.Events;

    /// <summary>Only with <see cref="DetectionMode.Polling"/>. Default 3 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Look after BlueGreens of this namespace alone; empty means all that RBAC shows.</summary>
    [MaxLength(63)]
    public string Namespace { get; set; } = "";

    /// <summary>BlueGreens decided upon at the same time. Default 4.</summary>
    [Range(1, 64)]
    public int Workers { get; set; } = 4;

    /// <summary>Probes in flight at the same time, over all BlueGreens. Default 64.</summary>
    [Range(1, 4096)]
    public int MaxConcurrentProbes { get; set; } = 64;

    /// <summary>A failed probe is discarded when the prober itself started or finished it this late: the machine was too busy to judge. Default 100 ms.</summary>
    [Range(typeof(TimeSpan), "00:00:00.005", "00:00:10")]
    public TimeSpan LatenessTolerance { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The status of one BlueGreen is written at most this often. Default 0.5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.05", "00:01:00")]
    public TimeSpan StatusInterval { get; set; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Each BlueGreen is looked at this often even if nothing seems to change. Default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan ResyncPeriod { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Name of the Lease; namespace is the pod's own.</summary>
    [Required, MaxLength(253)]
    public string LeaseName { get; set; } = "failover-watcher";

    /// <summary>How long a leader that vanished is waited for; whole seconds. Default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:02", "00:01:00")]
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(5);
}

[OptionsValidator]
internal sealed partial class WatcherOptionsRanges : IValidateOptions<WatcherOptions>;

/// <summary>The rule that an attribute cannot say.</summary>
internal sealed class WatcherOptionsRules : IValidateOptions<WatcherOptions>
{
    public ValidateOptionsResult Validate(string? name, WatcherOptions options) =>
        options.LeaseDuration.Ticks % TimeSpan.TicksPerSecond == 0
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{WatcherOptions.Section}:{nameof(options.LeaseDuration)} must be whole seconds: the Lease stores seconds.");
}
