using k8s;
using k8s.Models;

namespace Resilience.ClusterAccess.Resources;

/// <summary>A one-shot request to move traffic, carried out by the watcher alone.</summary>
[KubernetesEntity(Group = ResilienceApi.Group, ApiVersion = ResilienceApi.Version, Kind = KubeKind, PluralName = "switchovers")]
public sealed class Switchover : IKubernetesObject<V1ObjectMeta>, ISpec<SwitchoverSpec>, IStatus<SwitchoverStatus?>
{
    public const string KubeKind = "Switchover";

    public string ApiVersion { get; set; } = ResilienceApi.GroupVersion;

    public string Kind { get; set; } = KubeKind;

    public V1ObjectMeta Metadata { get; set; } = new();

    public SwitchoverSpec Spec { get; set; } = new();

    public SwitchoverStatus? Status { get; set; }
}

/// <summary>What is asked. A null means the schema's default.</summary>
public sealed record SwitchoverSpec
{
    /// <summary>Name of the BlueGreen, in the same namespace.</summary>
    public string BlueGreen { get; set; } = "";

    /// <summary><c>blue</c> or <c>green</c>.</summary>
    public string To { get; set; } = "";

    public string? Reason { get; init; }

    public string? RequestedBy { get; init; }

    /// <summary>Void from here on, unless traffic has moved by then.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Whether a target that is too small is enlarged first.</summary>
    public bool? Prescale { get; init; }

    /// <summary><c>Required</c> or <c>NotRequired</c>.</summary>
    public string? Approval { get; init; }

    public SwitchoverPrecondition? Precondition { get; init; }
}

/// <summary>What must still be true when traffic moves.</summary>
public sealed record SwitchoverPrecondition
{
    /// <summary>The active slot that the requester saw.</summary>
    public string? Active { get; init; }
}

/// <summary>Progress, written by the watcher alone.</summary>
public sealed record SwitchoverStatus
{
    public long? ObservedGeneration { get; init; }

    /// <summary><c>Pending</c>, <c>AwaitingApproval</c>, <c>Prescaling</c>, <c>Verifying</c>, then one of <see cref="FinalPhases"/>.</summary>
    public string? Phase { get; init; }

    public string? Message { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public IReadOnlyList<SwitchoverStep>? Steps { get; init; }

    public IReadOnlyList<V1Condition>? Conditions { get; init; }

    /// <summary>Phases after which nothing more happens.</summary>
    public static IReadOnlySet<string> FinalPhases { get; } =
        new HashSet<string>(["Switched", "RolledBack", "Rejected", "Expired", "Failed"], StringComparer.Ordinal);
}

/// <summary>One phase with its timing.</summary>
public sealed record SwitchoverStep
{
    public string Name { get; set; } = "";

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public string? Message { get; init; }
}

/// <summary>A person's answer to a Switchover; its own kind, so that RBAC keeps proposer and approver apart.</summary>
[KubernetesEntity(Group = ResilienceApi.Group, ApiVersion = ResilienceApi.Version, Kind = KubeKind, PluralName = "switchoverapprovals")]
public sealed class SwitchoverApproval : IKubernetesObject<V1ObjectMeta>, ISpec<SwitchoverApprovalSpec>
{
    public const string KubeKind = "SwitchoverApproval";

    public string ApiVersion { get; set; } = ResilienceApi.GroupVersion;

    public string Kind { get; set; } = KubeKind;

    public V1ObjectMeta Metadata { get; set; } = new();

    public SwitchoverApprovalSpec Spec { get; set; } = new();
}

public sealed record SwitchoverApprovalSpec
{
    /// <summary>Name of the Switchover, in the same namespace.</summary>
    public string Switchover { get; set; } = "";

    /// <summary>Its uid: an answer to one request must not serve for a later one of the same name.</summary>
    public string SwitchoverUid { get; set; } = "";

    public SwitchoverPrecondition? Precondition { get; init; }

    /// <summary><c>Approve</c> or <c>Reject</c>.</summary>
    public string Decision { get; set; } = "";

    public string? By { get; init; }

    public string? Reason { get; init; }
}
