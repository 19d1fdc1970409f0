using System.Text;

namespace Resilience.ScalingAgent.Ledger;

/// <content>What was learned, as people list and reset it.</content>
internal sealed partial class SqliteAgentStore
{
    /// <summary>What is kept of every scaler, by name.</summary>
    /// <exception cref="AgentStoreException">The file cannot be read at present.</exception>
    public IReadOnlyList<ScalerMemory> ListLearned() => Require(
        (db, index) =>
        {
            var memories = new List<ScalerMemory>(index.Scalers.Count);
            foreach (var (key, row) in index.Scalers.OrderBy(pair => pair.Key.Namespace, StringComparer.Ordinal).ThenBy(pair => pair.Key.Name, StringComparer.Ordinal))
            {
                row.Samples ??= db.Number("SELECT COUNT(*) FROM demand WHERE scaler = $1", row.Id);
                var values = db.Query(
                    "SELECT name, at, value FROM learned WHERE scaler = $1 ORDER BY name",
                    static value => new LearnedValue(value.GetString(0), DateTimeOffset.FromUnixTimeMilliseconds(value.GetInt64(1)), Json(Encoding.UTF8.GetBytes(value.GetString(2)))),
                    row.Id);
                memories.Add(new ScalerMemory(
                    key,
                    row.Samples ?? 0,
                    Instant(db.Number("SELECT MIN(at) FROM demand WHERE scaler = $1", row.Id)),
                    Instant(db.Number("SELECT MAX(at) FROM demand WHERE scaler = $1", row.Id)),
                    values));
            }

            return memories;
        });

    /// <summary>
    /// Forgets what was learned of a scaler: capacity, lead, state of the floor and whatever else was kept by name. The demand
    /// history is kept unless asked for, since forecasts, and the models' weights with them, are rebuilt from it.
    /// </summary>
    /// <returns>The notice that records it; null when nothing is kept of such a scaler.</returns>
    /// <exception cref="AgentStoreException">The file cannot be used at present.</exception>
    public LedgerEntry? Reset(ScalerKey scaler, bool withDemand)
    {
        var notice = Require<LedgerEntry?>(
            (db, index) => !index.Scalers.TryGetValue(scaler, out var row) ? null : db.InTransaction(() =>
            {
                var values = db.Execute("DELETE FROM learned WHERE scaler = $1", row.Id);
                var samples = withDemand ? db.Execute("DELETE FROM demand WHERE scaler = $1", row.Id) : 0;
                row.Samples = withDemand ? 0 : row.Samples;
                var message = $"A person reset what was learned of {scaler}: {Count(values, "value")}" + (withDemand ? $" and {Count(samples, "demand sample")}." : "; the demand history was kept.");
                var body = Encoding.UTF8.GetBytes(new NoticeRecord("learned-reset", message).ToBody().GetRawText());
                return Entry(AppendRow(db, index, scaler, _clock.GetUtcNow(), EntryKind.Notice, null, body));
            }),
            writes: true);
        if (notice is not null)
        {
            WasReset?.Invoke(new LearnedReset(scaler, withDemand));
        }

        return notice;
    }

    private static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    private static DateTimeOffset? Instant(long? milliseconds) => milliseconds is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known) : null;
}
