using System.Text.Json.Serialization;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>What a <see cref="EntryKind.Checkpoint"/> entry says: older entries were dropped, and the chain begins after this one.</summary>
/// <param name="UpTo">Newest entry that was dropped.</param>
/// <param name="Hash">Its hash: what the oldest entry that is left follows.</param>
/// <param name="Dropped">How many were dropped with this checkpoint.</param>
internal sealed record CheckpointRecord(long UpTo, string Hash, long Dropped)
{
    public const int CurrentVersion = 1;

    [JsonPropertyName("v"), JsonPropertyOrder(-1)]
    public int Version { get; init; } = CurrentVersion;
}
