using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>An entry as the management port answers it.</summary>
/// <param name="Namespace">Empty, like the name, for an entry that concerns the whole store.</param>
internal sealed record EntryView(long Number, DateTimeOffset At, string Namespace, string Name, string Kind, long? Refers, string Hash, JsonElement Body);

/// <summary><c>GET /ledger</c>.</summary>
internal sealed record LedgerPage(IReadOnlyList<EntryView> Entries);

/// <summary><c>GET /ledger/{number}</c>.</summary>
/// <param name="Outcome">What came of a decision, once it was scored.</param>
/// <param name="Canonical">The text whose SHA-256 is the entry's hash.</param>
internal sealed record EntryFound(EntryView Entry, EntryView? Outcome, string Canonical);

/// <summary><c>GET /ledger/verify</c>.</summary>
/// <param name="Entries">Entries found good.</param>
/// <param name="Newest">Newest good entry; note it with its hash, and a later check tells whether anything before it was changed.</param>
/// <param name="Head">Hash of the newest good entry.</param>
/// <param name="FirstBroken">Number of the first entry that is wrong or missing.</param>
/// <param name="Why">One sentence; null when intact.</param>
internal sealed record LedgerVerification(bool Intact, long Entries, long? Oldest, long? Newest, string? Head, long? FirstBroken, string? Why);

/// <summary><c>GET /learned</c>.</summary>
internal sealed record LearnedPage(IReadOnlyList<MemoryView> Scalers);

/// <summary>What is kept of one scaler.</summary>
internal sealed record MemoryView(string Namespace, string Name, long DemandSamples, DateTimeOffset? DemandFrom, DateTimeOffset? DemandTo, IReadOnlyList<LearnedValue> Learned);

/// <param name="At">When it was written last, on the planning clock.</param>
internal sealed record LearnedValue(string Name, DateTimeOffset At, JsonElement Value)
{
    /// <summary>The value for people; null in the store, which does not know what values mean.</summary>
    public string? Words { get; init; }
}

/// <summary><c>DELETE /learned/{namespace}/{name}</c>.</summary>
/// <param name="Notice">Number of the ledger entry that records it.</param>
internal sealed record ResetView(long Notice, string Message);

[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(EntryView))]
[JsonSerializable(typeof(EntryFound))]
[JsonSerializable(typeof(LedgerVerification))]
[JsonSerializable(typeof(LearnedPage))]
[JsonSerializable(typeof(ResetView))]
internal sealed partial class LedgerViewJson : JsonSerializerContext;
