using System.Text.Json;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>One entry of the append-only ledger.</summary>
/// <param name="Number">Ascending over all scalers; what <c>lab explain</c> takes.</param>
/// <param name="Refers">Number of the decision that an outcome belongs to; null for other kinds.</param>
/// <param name="Hash">SHA-256 over the previous entry's hash and this entry, lower-case hex.</param>
internal sealed record LedgerEntry(long Number, DateTimeOffset At, ScalerKey Scaler, string Kind, long? Refers, JsonElement Body, string Hash);

/// <summary>A person made the agent forget what it learned of one scaler.</summary>
/// <param name="WithDemand">The demand history is gone too.</param>
internal sealed record LearnedReset(ScalerKey Scaler, bool WithDemand);

/// <summary>
/// What the agent keeps over restarts. One process writes; every call is durable against kill -9 when it returns. Safe for
/// concurrent use. A failing disk never throws: reads answer nothing, writes are lost, and <see cref="Problem"/> says so.
/// </summary>
internal interface IAgentStore
{
    /// <summary>One sentence: why memory is not kept at present (disk full, read-only, ...); null when all is well.</summary>
    string? Problem { get; }

    /// <summary>Raised on the caller's thread after a reset: what is held in memory of that scaler must go too. Handlers must not block.</summary>
    event Action<LearnedReset>? WasReset;

    /// <summary>Demand recorded since an instant, oldest first.</summary>
    IReadOnlyList<DemandSample> ReadDemand(ScalerKey scaler, DateTimeOffset since);

    /// <summary>Records demand, missing values (NaN) too; a sample that is already there stays as it is.</summary>
    void AppendDemand(ScalerKey scaler, IReadOnlyList<DemandSample> samples);

    /// <returns>Null when the entry could not be kept: the agent goes on without a number.</returns>
    LedgerEntry? Append(ScalerKey scaler, DateTimeOffset at, string kind, long? refers, JsonElement body);

    /// <summary>What was learned under a name such as <c>capacity</c>; null when nothing was.</summary>
    JsonElement? ReadLearned(ScalerKey scaler, string name);

    void WriteLearned(ScalerKey scaler, string name, DateTimeOffset at, JsonElement value);
}
