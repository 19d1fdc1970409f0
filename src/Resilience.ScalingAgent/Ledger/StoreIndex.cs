namespace Resilience.ScalingAgent.Ledger;

/// <summary>
/// Facts about the file that every write needs, held in memory so that a write does not read. Changed inside transactions; after
/// any failure it is dropped and read anew.
/// </summary>
internal sealed class StoreIndex
{
    /// <summary>Number of the newest entry; 0 in a new ledger.</summary>
    public long Newest { get; set; }

    /// <summary>Hash of the newest entry.</summary>
    public string Head { get; set; } = LedgerChain.Genesis;

    public long Oldest { get; set; } = 1;

    public long OldestAtMilliseconds { get; set; } = long.MaxValue;

    /// <summary>Bodies of all entries together.</summary>
    public long BodyBytes { get; set; }

    public Dictionary<ScalerKey, ScalerRow> Scalers { get; } = [];

    public long Entries => Newest - Oldest + 1;

    public static StoreIndex Read(StoreConnection db)
    {
        var index = new StoreIndex { BodyBytes = db.Number("SELECT SUM(octet_length(body)) FROM ledger") ?? 0 };
        foreach (var (number, hash) in db.Query("SELECT number, hash FROM ledger ORDER BY number DESC LIMIT 1", row => (row.GetInt64(0), row.GetString(1))))
        {
            (index.Newest, index.Head) = (number, hash);
        }

        index.ReadOldest(db);
        foreach (var (key, id) in db.Query("SELECT namespace, name, id FROM scaler", row => (new ScalerKey(row.GetString(0), row.GetString(1)), row.GetInt64(2))))
        {
            index.Scalers.Add(key, new ScalerRow(id));
        }

        return index;
    }

    public void ReadOldest(StoreConnection db)
    {
        foreach (var (number, at) in db.Query("SELECT number, at FROM ledger ORDER BY number LIMIT 1", row => (row.GetInt64(0), row.GetInt64(1))))
        {
            (Oldest, OldestAtMilliseconds) = (number, at);
        }
    }
}

internal sealed class ScalerRow(long id)
{
    public long Id { get; } = id;

    /// <summary>Demand samples that are kept; null until counted.</summary>
    public long? Samples { get; set; }
}
