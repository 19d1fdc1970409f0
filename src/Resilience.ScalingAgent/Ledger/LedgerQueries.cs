namespace Resilience.ScalingAgent.Ledger;

/// <summary>Which entries are asked for; a null filters nothing.</summary>
/// <param name="Before">Entries with a smaller number.</param>
/// <param name="After">Entries with a larger number, the oldest of them first.</param>
/// <param name="Limit">Most entries to answer.</param>
internal sealed record LedgerFilter(string? Namespace = null, string? Name = null, string? Kind = null, long? Before = null, long? After = null, int Limit = 50);

/// <param name="Outcome">What came of a decision; null when it was not scored yet, or the entry is no decision.</param>
/// <param name="Canonical">The text whose SHA-256 is the entry's hash.</param>
internal sealed record LedgerFinding(LedgerEntry Entry, LedgerEntry? Outcome, string Canonical);

/// <summary>What is kept of one scaler.</summary>
internal sealed record ScalerMemory(ScalerKey Scaler, long DemandSamples, DateTimeOffset? DemandFrom, DateTimeOffset? DemandTo, IReadOnlyList<LearnedValue> Learned);
