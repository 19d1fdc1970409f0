using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>
/// JSON of the ledger's bodies. Unknown values are left out; a price that is infinite is the string <c>"Infinity"</c>, because JSON
/// has no number for it.
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(DecisionRecord))]
[JsonSerializable(typeof(OutcomeRecord))]
[JsonSerializable(typeof(NoticeRecord))]
[JsonSerializable(typeof(CheckpointRecord))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(string))]
internal sealed partial class LedgerJson : JsonSerializerContext;

internal static class KnownNumber
{
    /// <summary>Null for what the forecaster calls NaN.</summary>
    public static double? OrNull(double value) => double.IsFinite(value) ? value : null;
}
