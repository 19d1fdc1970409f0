using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>What came of one decision: the body of an <see cref="EntryKind.Outcome"/> entry. A null was not known.</summary>
/// <remarks>Instants are read on the planning clock, demand is requests per second.</remarks>
internal sealed record OutcomeRecord
{
    public const int CurrentVersion = 1;

    [JsonPropertyName("v"), JsonPropertyOrder(-1)]
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Number of the decision.</summary>
    public required long Decision { get; init; }

    public required DateTimeOffset ScoredAt { get; init; }

    /// <summary>Largest demand from the decision to the end of its lead; null when none was measured.</summary>
    public double? PeakDemand { get; init; }

    /// <summary>Demand at the end of the lead: what <see cref="ForecastRecord.P50"/> was about.</summary>
    public double? EndDemand { get; init; }

    /// <summary>Replicas that were Ready when demand peaked.</summary>
    public int? ReadyReplicas { get; init; }

    /// <summary>What those replicas could serve.</summary>
    public double? ReadyCapacity { get; init; }

    /// <summary>Demand exceeded that capacity; null when it cannot be said.</summary>
    public bool? Violated { get; init; }

    /// <summary>End demand less its forecast: positive when more came than expected.</summary>
    public double? ForecastError { get; init; }

    /// <summary>The error's size over the demand that came.</summary>
    public double? RelativeError { get; init; }

    /// <summary>The lowest of the forecast's levels that the peak did not exceed; 1 when it exceeded them all.</summary>
    public double? FellAtQuantile { get; init; }

    /// <summary>USD: the floor's price from the decision to the end of its lead.</summary>
    public double? FloorCost { get; init; }

    /// <summary>One sentence.</summary>
    public required string Summary { get; init; }

    public JsonElement ToBody() => JsonSerializer.SerializeToElement(this, LedgerJson.Default.OutcomeRecord);

    /// <exception cref="JsonException">The body is not an outcome.</exception>
    public static OutcomeRecord From(JsonElement body) =>
        body.Deserialize(LedgerJson.Default.OutcomeRecord) ?? throw new JsonException("the body of an outcome is null");
}
