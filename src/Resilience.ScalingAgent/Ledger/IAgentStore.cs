using System.Text.Json;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>Kinds of ledger entries.</summary>
internal static class EntryKind
{
    /// <summary>A floor was decided; the body is everything that explains it.</summary>
    public const string Decision = "decision";

    /// <summary>What came of a decision; the body names its number.</summary>
    public const string Outcome = "outcome";

    /// <summary>Something a reader should know: reactive fallback, a corrupt file set aside, a person's reset.</summary>
    public const string Notice = "notice";
}

/// <summary>One entry of the append-only ledger.</summary>
/// <param name="Number">Ascending over all scalers; what <c>lab explain</c> takes.</param>
/// <param name="Refers">Number of the decision that an outcome belongs to; null for other kinds.</param>
/// <param name="Hash">SHA-256 over the previous entry's hash and this entry, lower-case hex.</param>
internal sealed record LedgerEntry(long Number, DateTimeOffset At, ScalerKey Scaler, string Kind, long? Refers, JsonElement Body, string Hash);

/// <summary>What the agent keeps over restarts. One process writes; every call is durable against kill -9 when it returns.</summary>
internal interface IAgentStore
{
    /// <summary>Demand recorded since an instant, oldest first.</summary>
    IReadOnlyList<DemandSample> ReadDemand(ScalerKey scaler, DateTimeOffset since);

    /// <summary>Records demand; a sample that is already there stays as it is.</summary>
    void AppendDemand(ScalerKey scaler, IReadOnlyList<DemandSample> samples);

    LedgerEntry Append(ScalerKey scaler, DateTimeOffset at, string kind, long? refers, JsonElement body);

    /// <summary>What was learned under a name such as <c>capacity</c>; null when nothing was.</summary>
    JsonElement? ReadLearned(ScalerKey scaler, string name);

    void WriteLearned(ScalerKey scaler, string name, DateTimeOffset at, JsonElement value);
}
