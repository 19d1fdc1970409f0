using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Resilience.ScalingAgent.Ledger;

/// <content>The append-only part: entries, their chain, and how it is kept short.</content>
internal sealed partial class SqliteAgentStore
{
    /// <summary>The newest entries stay however old they are.</summary>
    private const int KeptAlways = 50;

    /// <summary>Old entries are dropped by so many, so that there is not a checkpoint for each.</summary>
    private const int DroppedTogether = 50;

    private const int VerifiedTogether = 500;

    private const string Columns = "number, at, namespace, name, kind, refers, CAST(body AS BLOB), hash";

    public LedgerEntry? Append(ScalerKey scaler, DateTimeOffset at, string kind, long? refers, JsonElement body)
    {
        if (!EntryKind.All.Contains(kind) || kind == EntryKind.Checkpoint)
        {
            throw new ArgumentException($"there is no kind of entry '{kind}' to append", nameof(kind));
        }

        if (!IsName(scaler.Namespace) || !IsName(scaler.Name))
        {
            throw new ArgumentException("a scaler's namespace and name have 1 to 253 letters, digits, '-' or '.'", nameof(scaler));
        }

        var text = Encoding.UTF8.GetBytes(body.GetRawText());
        if (text.Length > BodyLimitBytes)
        {
            LogTooLarge(_logger, kind, scaler, text.Length, BodyLimitBytes);
            return null;
        }

        return Use(
            (db, index) => db.InTransaction(() =>
            {
                var row = AppendRow(db, index, scaler, at, kind, refers, text);
                Prune(db, index, at);
                return Entry(row);
            }),
            null,
            writes: true);
    }

    /// <summary>Entries by filter, newest first; oldest first when only what comes after an entry is asked for.</summary>
    /// <exception cref="AgentStoreException">The file cannot be read at present.</exception>
    public IReadOnlyList<LedgerEntry> List(LedgerFilter filter) => Require(
        (db, _) =>
        {
            var where = new StringBuilder("number < $1 AND number > $2");
            var values = new List<object?> { filter.Before ?? long.MaxValue, filter.After ?? 0L };
            foreach (var (column, value) in (ReadOnlySpan<(string, string?)>)[("namespace", filter.Namespace), ("name", filter.Name), ("kind", filter.Kind)])
            {
                if (value is not null)
                {
                    values.Add(value);
                    where.Append(" AND ").Append(column).Append(" = $").Append(values.Count);
                }
            }

            values.Add((long)filter.Limit);
            var order = filter.After is null ? "DESC" : "ASC";
            return db.Query($"SELECT {Columns} FROM ledger WHERE {where} ORDER BY number {order} LIMIT ${values.Count}", Row, [.. values]).ConvertAll(Entry);
        });

    /// <summary>One entry with what came of it; null when it is not kept.</summary>
    /// <exception cref="AgentStoreException">The file cannot be read at present.</exception>
    public LedgerFinding? Find(long number) => Require<LedgerFinding?>(
        (db, _) =>
        {
            if (db.Query($"SELECT {Columns} FROM ledger WHERE number = $1", Row, number) is not [var row])
            {
                return null;
            }

            var outcome = db.Query($"SELECT {Columns} FROM ledger WHERE refers = $1 AND kind = 'outcome' ORDER BY number DESC LIMIT 1", Row, number);
            var before = db.Text("SELECT hash FROM ledger WHERE number = $1", number - 1) ?? Anchor(db).Hash;
            return new LedgerFinding(Entry(row), outcome.ConvertAll(Entry).FirstOrDefault(), Encoding.UTF8.GetString(LedgerChain.Canonical(before, row)));
        });

    /// <summary>Walks the whole chain; writers get their turn in between.</summary>
    /// <exception cref="AgentStoreException">The file cannot be read at present.</exception>
    public LedgerVerification Verify(CancellationToken cancellationToken)
    {
        for (var again = 0; ; again++)
        {
            var walk = new LedgerWalk();
            var done = Require((db, index) => Begin(db, walk) || Continue(db, index, walk));
            while (!done)
            {
                cancellationToken.ThrowIfCancellationRequested();
                done = Require((db, index) => Continue(db, index, walk));
            }

            if (!walk.WasPruned || again == 3)
            {
                return walk.Verdict();
            }
        }
    }

    private static bool IsName(string name) => name.Length is >= 1 and <= 253 && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.');

    private static LedgerRow AppendRow(StoreConnection db, StoreIndex index, ScalerKey scaler, DateTimeOffset at, string kind, long? refers, byte[] body)
    {
        var row = new LedgerRow(index.Newest + 1, at.ToUnixTimeMilliseconds(), scaler.Namespace, scaler.Name, kind, refers, body, "");
        row = row with { Hash = LedgerChain.Hash(index.Head, row) };
        _ = db.Execute(
            "INSERT INTO ledger (number, at, namespace, name, kind, refers, body, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            row.Number, row.AtMilliseconds, row.Namespace, row.Name, row.Kind, row.Refers, Encoding.UTF8.GetString(body), row.Hash);
        if (index.Newest == 0)
        {
            (index.Oldest, index.OldestAtMilliseconds) = (row.Number, row.AtMilliseconds);
        }

        (index.Newest, index.Head, index.BodyBytes) = (row.Number, row.Hash, index.BodyBytes + body.Length);
        return row;
    }

    /// <summary>A twentieth is dropped at once when there are too many entries or too large ones; by age in lots.</summary>
    private void Prune(StoreConnection db, StoreIndex index, DateTimeOffset now)
    {
        var upTo = 0L;
        if (index.Entries > _options.MaxEntries)
        {
            upTo = index.Newest - (_options.MaxEntries - (_options.MaxEntries / 20));
        }

        var limit = _options.MaxLedgerMebibytes * 1_048_576L;
        if (index.BodyBytes > limit)
        {
            var share = 1 - (0.95 * limit / index.BodyBytes);
            upTo = Math.Max(upTo, index.Oldest + (long)(index.Entries * share));
        }

        var oldest = (now - _options.MaxAge).ToUnixTimeMilliseconds();
        if (index.OldestAtMilliseconds < oldest)
        {
            var young = db.Number("SELECT number FROM ledger WHERE at >= $1 ORDER BY number LIMIT 1", oldest) ?? index.Newest;
            var old = Math.Min(young - 1, index.Newest - KeptAlways);
            upTo = old - index.Oldest + 1 >= DroppedTogether ? Math.Max(upTo, old) : upTo;
        }

        upTo = Math.Min(upTo, index.Newest - KeptAlways);
        if (upTo >= index.Oldest)
        {
            DropEntries(db, index, upTo, now);
        }
    }

    private static void DropEntries(StoreConnection db, StoreIndex index, long upTo, DateTimeOffset at)
    {
        var (last, hash) = db.Query("SELECT number, hash FROM ledger WHERE number <= $1 ORDER BY number DESC LIMIT 1", static row => (row.GetInt64(0), row.GetString(1)), upTo)
            .FirstOrDefault((upTo, LedgerChain.Genesis));
        index.BodyBytes -= db.Number("SELECT SUM(octet_length(body)) FROM ledger WHERE number <= $1", upTo) ?? 0;
        var dropped = db.Execute("DELETE FROM ledger WHERE number <= $1", upTo);
        index.ReadOldest(db);
        var body = JsonSerializer.SerializeToUtf8Bytes(new CheckpointRecord(last, hash, dropped), LedgerJson.Default.CheckpointRecord);
        _ = AppendRow(db, index, WholeStore, at, EntryKind.Checkpoint, null, body);
    }

    /// <summary>What the oldest entry follows: the newest checkpoint says it, and is itself part of the chain.</summary>
    private static (LedgerRow? Checkpoint, long UpTo, string Hash) Anchor(StoreConnection db)
    {
        if (db.Query($"SELECT {Columns} FROM ledger WHERE kind = 'checkpoint' ORDER BY number DESC LIMIT 1", Row) is not [var row])
        {
            return (null, 0, LedgerChain.Genesis);
        }

        try
        {
            var said = JsonSerializer.Deserialize(row.Body, LedgerJson.Default.CheckpointRecord);
            return said is { Hash: not null } ? (row, said.UpTo, said.Hash) : (row, -1, "");
        }
        catch (JsonException)
        {
            return (row, -1, "");
        }
    }

    private static bool Begin(StoreConnection db, LedgerWalk walk)
    {
        var (checkpoint, upTo, hash) = Anchor(db);
        (walk.Number, walk.Hash) = (upTo, hash);
        // Checked first: a damaged checkpoint would make the oldest entry look wrong. Nothing precedes it that is kept when it is the oldest.
        if (checkpoint is not null && db.Text("SELECT hash FROM ledger WHERE number = $1", checkpoint.Number - 1) is { } before
            && LedgerChain.Hash(before, checkpoint) != checkpoint.Hash)
        {
            walk.Break(checkpoint.Number, $"checkpoint {checkpoint.Number} does not match its hash: it, or the entry before it, was changed");
            return true;
        }

        return false;
    }

    private static bool Continue(StoreConnection db, StoreIndex index, LedgerWalk walk)
    {
        // Entries that this walk has yet to see may have been dropped since the last batch.
        if (walk.Entries > 0 && walk.Number + 1 < index.Oldest)
        {
            walk.WasPruned = true;
            return true;
        }

        var rows = db.Query($"SELECT {Columns} FROM ledger WHERE number > $1 ORDER BY number LIMIT {VerifiedTogether}", Row, walk.Entries == 0 ? long.MinValue : walk.Number);
        foreach (var row in rows)
        {
            if (!walk.Step(row))
            {
                return true;
            }
        }

        if (rows.Count == VerifiedTogether)
        {
            return false;
        }

        if (walk.Number != index.Newest || walk.Hash != index.Head)
        {
            walk.Break(walk.Number + 1, $"the newest entry that this process wrote, {index.Newest}, is missing or was changed");
        }

        return true;
    }

    private static LedgerRow Row(SqliteDataReader row) => new(
        row.GetInt64(0), row.GetInt64(1), row.GetString(2), row.GetString(3), row.GetString(4), row.IsDBNull(5) ? null : row.GetInt64(5), row.GetFieldValue<byte[]>(6), row.GetString(7));

    private static LedgerEntry Entry(LedgerRow row) => new(
        row.Number, DateTimeOffset.FromUnixTimeMilliseconds(row.AtMilliseconds), new ScalerKey(row.Namespace, row.Name), row.Kind, row.Refers, Json(row.Body), row.Hash);
}
