using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace Resilience.ClusterAccess.Resources;

/// <summary>
/// Two Deployments behind one Service, and the rules by which traffic moves between them. Words such as slots and
/// modes are strings, as in the schema: a value from a newer release must not stop an older reader.
/// A property with a default of its own has a setter: generated JSON metadata sets each init-only one, with null when the JSON lacks it.
/// </summary>
[KubernetesEntity(Group = ResilienceApi.Group, ApiVersion = ResilienceApi.Version, Kind = KubeKind, PluralName = "bluegreens")]
public sealed class BlueGreen : IKubernetesObject<V1ObjectMeta>, ISpec<BlueGreenSpec>, IStatus<BlueGreenStatus?>
{
    public const string KubeKind = "BlueGreen";

    public string ApiVersion { get; set; } = ResilienceApi.GroupVersion;

    public string Kind { get; set; } = KubeKind;

    public V1ObjectMeta Metadata { get; set; } = new();

    public BlueGreenSpec Spec { get; set; } = new();

    public BlueGreenStatus? Status { get; set; }
}

/// <summary>What people ask for. A null means the schema's default.</summary>
public sealed record BlueGreenSpec
{
    /// <summary>Name of the Service whose selector moves.</summary>
    public string Service { get; set; } = "";

    public SlotPair<SlotSpec> Slots { get; set; } = new();

    /// <summary><c>blue</c> or <c>green</c>: the slot that fail-back returns to.</summary>
    public string? Preferred { get; init; }

    /// <summary><c>Auto</c>, <c>Observe</c> or <c>Paused</c>.</summary>
    public string? Mode { get; init; }

    public HealthSpec? Health { get; init; }

    public FailoverSpec? Failover { get; init; }

    public FailbackSpec? Failback { get; init; }

    /// <summary><c>Stay</c> or <c>LeastBad</c>.</summary>
    public string? BothDown { get; init; }
}

/// <summary>One value for each slot.</summary>
public sealed record SlotPair<T>
    where T : new()
{
    public T Blue { get; set; } = new();

    public T Green { get; set; } = new();
}

/// <summary>One slot.</summary>
public sealed record SlotSpec
{
    public string Deployment { get; set; } = "";

    /// <summary>The Service selector that sends traffic to this slot, whole.</summary>
    public IReadOnlyDictionary<string, string> Selector { get; set; } = new Dictionary<string, string>();
}

/// <summary>When a slot counts as well.</summary>
public sealed record HealthSpec
{
    /// <summary>Pods needed, as a share of the desired (<c>75%</c>) or a number.</summary>
    public IntOrString? MinReady { get; init; }

    /// <summary>How long a pod must have been Ready before its slot may receive traffic.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? ReadyFor { get; init; }

    /// <summary>Null: the watcher does not probe pods itself.</summary>
    public ProbeSpec? Probe { get; init; }
}

/// <summary>The watcher's own HTTP probe of each pod.</summary>
public sealed record ProbeSpec
{
    public string? Path { get; init; }

    public int? Port { get; init; }

    /// <summary>From one probe's start to the next; a fifth of it while a pod refuses connections and does not yet count as not serving.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Interval { get; init; }

    /// <summary>At most <see cref="Interval"/>.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? Timeout { get; init; }

    /// <summary>Failures in a row before the pod counts as not serving.</summary>
    public int? Failures { get; init; }
}

/// <summary>Limits of moving traffic.</summary>
public sealed record FailoverSpec
{
    /// <summary>How long a partial loss must last before an optional move.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? ConfirmAfter { get; init; }

    /// <summary>No optional move for so long after a move; doubles with every further one.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? HoldDown { get; init; }

    /// <summary>Cap of the doubled <see cref="HoldDown"/>.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? MaxHoldDown { get; init; }

    /// <summary>Shortest time between two rescues; doubles with every further one.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? RescueInterval { get; init; }

    /// <summary>Cap of the doubled <see cref="RescueInterval"/>.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? MaxRescueInterval { get; init; }

    /// <summary>Share of the active slot's replicas that the standby must have serving before an optional move.</summary>
    public int? CapacityPercent { get; init; }

    /// <summary>Whether a standby that is too small is enlarged first.</summary>
    public bool? Prescale { get; init; }

    /// <summary>How long an enlarged standby may take to become Ready.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? PrescaleTimeout { get; init; }

    /// <summary>How long a borrowed floor is kept after a move.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? FloorHold { get; init; }

    /// <summary>How long the target of a Switchover is watched before the move is final.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? VerifyFor { get; init; }
}

/// <summary>Return to the preferred slot.</summary>
public sealed record FailbackSpec
{
    /// <summary><c>Automatic</c>, <c>Manual</c> or <c>Never</c>.</summary>
    public string? Policy { get; init; }

    /// <summary>How long the preferred slot must stay well first.</summary>
    [JsonConverter(typeof(DurationConverter))]
    public TimeSpan? StableFor { get; init; }
}

/// <summary>What the watcher saw and did last: a projection, never read back to decide.</summary>
public sealed record BlueGreenStatus
{
    public long? ObservedGeneration { get; init; }

    /// <summary><c>blue</c>, <c>green</c>, or null when the selector matches neither slot.</summary>
    public string? Active { get; init; }

    public string? Phase { get; init; }

    /// <summary>A sentence about the present state.</summary>
    public string? Message { get; init; }

    public SlotPair<SlotStatus>? Slots { get; init; }

    public IReadOnlyList<V1Condition>? Conditions { get; init; }

    /// <summary>No optional move before this instant.</summary>
    public DateTimeOffset? SuppressedUntil { get; init; }

    public SwitchStatus? LastSwitch { get; init; }

    /// <summary>The last 20 moves, newest first.</summary>
    public IReadOnlyList<SwitchStatus>? History { get; init; }
}

/// <summary>One slot as the watcher saw it.</summary>
public sealed record SlotStatus
{
    public int Ready { get; init; }

    public int Desired { get; init; }

    public bool Healthy { get; init; }

    /// <summary>Ready of desired, such as <c>2/3</c>, for a column of <c>kubectl get</c>.</summary>
    public string? Summary { get; init; }
}

/// <summary>One move of traffic, with its timing.</summary>
public sealed record SwitchStatus
{
    /// <summary>When the selector had changed.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary><c>rescue</c>, <c>optional</c>, <c>switchover</c>, <c>failback</c> or <c>external</c>.</summary>
    public string? Kind { get; init; }

    public string? From { get; init; }

    public string? To { get; init; }

    public string? Reason { get; init; }

    public DateTimeOffset? DetectedAt { get; init; }

    public DateTimeOffset? DecidedAt { get; init; }

    public DateTimeOffset? PatchedAt { get; init; }

    /// <summary>From the first sign to certainty.</summary>
    public double? DetectMilliseconds { get; init; }

    /// <summary>From certainty to the decision.</summary>
    public double? DecideMilliseconds { get; init; }

    /// <summary>From the decision to the server's acceptance of the patch.</summary>
    public double? PatchMilliseconds { get; init; }
}
