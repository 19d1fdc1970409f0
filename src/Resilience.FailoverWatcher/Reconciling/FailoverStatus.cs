using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Reconciling;

/// <summary>Health of one slot as published.</summary>
internal sealed record SlotSummary(int Ready, int Desired, bool Healthy);

/// <summary>When the steps of one move happened. Each instant is null when this process did not see it (another instance did).</summary>
/// <param name="Switch">The move.</param>
/// <param name="DetectedAt">The evidence was complete: the watch event or probe result arrived, or the wait was over.</param>
/// <param name="DecidedAt">The decision was made.</param>
/// <param name="PatchedAt">The API server confirmed the patch.</param>
internal sealed record SwitchTiming(SwitchRecord Switch, DateTimeOffset? DetectedAt, DateTimeOffset? DecidedAt, DateTimeOffset? PatchedAt)
{
    /// <summary>From the first sign of trouble to complete evidence.</summary>
    public double? DetectMilliseconds => (DetectedAt - Switch.FirstSign)?.TotalMilliseconds is { } milliseconds ? Math.Max(0, milliseconds) : null;

    /// <summary>From complete evidence to the decision.</summary>
    public double? DecideMilliseconds => (DecidedAt - DetectedAt)?.TotalMilliseconds;

    /// <summary>From the decision to the API server's confirmation.</summary>
    public double? PatchMilliseconds => (PatchedAt - DecidedAt)?.TotalMilliseconds;
}

/// <summary>What is projected to <c>BlueGreen.status</c> and <c>Switchover.status</c>. Never read back for a decision.</summary>
internal sealed record FailoverStatus
{
    public required FailoverMode Mode { get; init; }

    public Slot? Active { get; init; }

    public FailoverPhase Phase { get; init; }

    public SlotSummary Blue { get; init; } = new(0, 0, false);

    public SlotSummary Green { get; init; } = new(0, 0, false);

    public DateTimeOffset? SuppressedUntil { get; init; }

    public SwitchTiming? LastSwitch { get; init; }

    public SwitchoverProgress? Switchover { get; init; }

    /// <summary>The last decision's sentence, or why there can be none.</summary>
    public string? Message { get; init; }

    public string? InvalidSpec { get; init; }
}
