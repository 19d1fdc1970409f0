using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>
/// The agent's memory in one SQLite file: one connection, one lock, one process. A disk that fails makes it forget, never throw;
/// it tries again with the next call, at most every <see cref="ReopenAfter"/> when the file has to be opened anew.
/// </summary>
internal sealed partial class SqliteAgentStore : IAgentStore, IDisposable
{
    /// <summary>Scaler of entries that concern the whole store.</summary>
    public static readonly ScalerKey WholeStore = new("", "");

    private const int BodyLimitBytes = 256 * 1024;

    /// <summary>The file is at its limit when the largest write, an imported history, would not fit.</summary>
    private const int PagesOfOneWrite = 256;

    private static readonly TimeSpan ReopenAfter = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly AgentStoreOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger<SqliteAgentStore> _logger;
    private StoreFile? _file;
    private StoreConnection? _db;
    private StoreIndex? _index;
    private NoticeRecord? _pendingNotice;
    private long? _failedAt;
    private bool _full;
    private bool _disposed;
    private volatile string? _problem;

    private SqliteAgentStore(AgentStoreOptions options, TimeProvider clock, ILogger<SqliteAgentStore> logger) =>
        (_options, _clock, _logger) = (options, clock, logger);

    public event Action<LearnedReset>? WasReset;

    public string? Problem => _problem;

    /// <summary>Opens the file, or starts without one and says so when the disk does not let it.</summary>
    /// <exception cref="AgentStoreException">Another process has the file.</exception>
    public static SqliteAgentStore Open(AgentStoreOptions options, TimeProvider clock, ILogger<SqliteAgentStore> logger)
    {
        var store = new SqliteAgentStore(options, clock, logger);
        try
        {
            store._file = StoreFile.Claim(options.Path);
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            store.Fail(ex);
            return store;
        }

        _ = store.Use(static (_, _) => true, false);
        return store;
    }

    public IReadOnlyList<DemandSample> ReadDemand(ScalerKey scaler, DateTimeOffset since) => Use(
        (db, index) => index.Scalers.TryGetValue(scaler, out var row)
            ? db.Query(
                "SELECT at, demand FROM demand WHERE scaler = $1 AND at >= $2 ORDER BY at",
                static sample => new DemandSample(DateTimeOffset.FromUnixTimeMilliseconds(sample.GetInt64(0)), sample.IsDBNull(1) ? double.NaN : sample.GetDouble(1)),
                row.Id,
                since.ToUnixTimeMilliseconds())
            : [],
        []);

    public void AppendDemand(ScalerKey scaler, IReadOnlyList<DemandSample> samples)
    {
        if (samples.Count == 0)
        {
            return;
        }

        _ = Use(
            (db, index) => db.InTransaction(() =>
            {
                var row = Scaler(db, index, scaler, samples[^1].At);
                row.Samples ??= db.Number("SELECT COUNT(*) FROM demand WHERE scaler = $1", row.Id);
                foreach (var sample in samples)
                {
                    row.Samples += db.Execute(
                        "INSERT OR IGNORE INTO demand (scaler, at, demand) VALUES ($1, $2, $3)",
                        row.Id,
                        sample.At.ToUnixTimeMilliseconds(),
                        double.IsFinite(sample.Demand) ? sample.Demand : null);
                }

                // Some slack: counting off the newest samples for each new one would cost more than keeping a few too many.
                if (row.Samples > _options.MaxDemandSamples + (_options.MaxDemandSamples / 50))
                {
                    DropDemand(db, row, _options.MaxDemandSamples);
                }

                return true;
            }),
            false,
            writes: true);
    }

    public JsonElement? ReadLearned(ScalerKey scaler, string name) => Use<JsonElement?>(
        (db, index) => index.Scalers.TryGetValue(scaler, out var row)
            && db.Text("SELECT value FROM learned WHERE scaler = $1 AND name = $2", row.Id, name) is { } text ? Json(Encoding.UTF8.GetBytes(text)) : null,
        null);

    public void WriteLearned(ScalerKey scaler, string name, DateTimeOffset at, JsonElement value)
    {
        var text = value.GetRawText();
        if (text.Length > BodyLimitBytes || name.Length is 0 or > 64)
        {
            LogTooLarge(_logger, $"learned value {name[..Math.Min(name.Length, 64)]}", scaler, text.Length, BodyLimitBytes);
            return;
        }

        _ = Use(
            (db, index) => db.InTransaction(() => db.Execute(
                "INSERT INTO learned (scaler, name, at, value) VALUES ($1, $2, $3, $4) ON CONFLICT (scaler, name) DO UPDATE SET at = excluded.at, value = excluded.value",
                Scaler(db, index, scaler, at).Id,
                name,
                at.ToUnixTimeMilliseconds(),
                text)),
            0,
            writes: true);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Close();
            _file?.Dispose();
        }
    }

    /// <summary>Runs work on the open file; answers otherwise when that is not possible now.</summary>
    private T Use<T>(Func<StoreConnection, StoreIndex, T> work, T otherwise, bool writes = false) => TryUse(work, writes, out var result) ? result : otherwise;

    /// <summary>As <see cref="Use{T}"/>, for people: they must not take "cannot be read" for "there is nothing".</summary>
    /// <exception cref="AgentStoreException">The file cannot be used at present.</exception>
    private T Require<T>(Func<StoreConnection, StoreIndex, T> work, bool writes = false) =>
        TryUse(work, writes, out var result) ? result : throw new AgentStoreException(Problem ?? "the store is closed");

    /// <summary>An error that can be repaired is, once; any other is remembered as the problem.</summary>
    private bool TryUse<T>(Func<StoreConnection, StoreIndex, T> work, bool writes, [MaybeNullWhen(false)] out T result)
    {
        result = default;
        lock (_gate)
        {
            for (var repaired = false; ; repaired = true)
            {
                try
                {
                    if (!Connect())
                    {
                        return false;
                    }

                    result = work(_db!, _index ??= StoreIndex.Read(_db!));
                    Recovered(writes);
                    return true;
                }
                catch (Exception ex) when (ex is SqliteException or IOException or UnauthorizedAccessException or AgentStoreException)
                {
                    if (repaired || ex is not SqliteException error || !Repair(error))
                    {
                        Fail(ex);
                        return false;
                    }
                }
            }
        }
    }

    private bool Connect()
    {
        if (_disposed || (_db is null && _failedAt is { } failed && _clock.GetElapsedTime(failed) < ReopenAfter))
        {
            return false;
        }

        if (_db is null)
        {
            _file ??= StoreFile.Claim(_options.Path);
            if (_file.WhyUnusable() is { } why)
            {
                SetAside(why);
            }

            _db = StoreConnection.Open(_file.Path, _options.MaxFileMebibytes);
        }

        if (_pendingNotice is { } notice)
        {
            _index ??= StoreIndex.Read(_db);
            _ = _db.InTransaction(() => AppendRow(_db, _index, WholeStore, _clock.GetUtcNow(), EntryKind.Notice, null, Encoding.UTF8.GetBytes(notice.ToBody().GetRawText())));
            _pendingNotice = null;
        }

        return true;
    }

    private bool Repair(SqliteException error)
    {
        _index = null;
        try
        {
            switch (error.SqliteErrorCode)
            {
                case SqliteError.Corrupt or SqliteError.NotADatabase:
                    Close();
                    SetAside($"it is damaged ({error.Message.TrimEnd('.')})");
                    return true;
                case SqliteError.Full when _db is { } db:
                    // The log itself may be what fills the disk.
                    _ = db.Number("PRAGMA wal_checkpoint(TRUNCATE)");
                    MakeRoom(db);
                    return true;
                default:
                    return false;
            }
        }
        catch (Exception ex) when (ex is SqliteException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private void SetAside(string why)
    {
        var aside = _file!.SetAside(_clock.GetUtcNow());
        var message = $"The store {_file.Path} could not be used: {why}. It was kept as {aside}; a new one was begun, and forecasts start from nothing.";
        _pendingNotice = new NoticeRecord("file-set-aside", message);
        LogSetAside(_logger, _file.Path, why, aside);
    }

    private void Fail(Exception ex)
    {
        _index = null;
        var code = (ex as SqliteException)?.SqliteErrorCode;
        if (code is not SqliteError.Full)
        {
            Close();
            _failedAt = _clock.GetTimestamp();
        }

        _full = code == SqliteError.Full;
        var problem = code switch
        {
            SqliteError.Full => $"the disk of {_options.Path} is full",
            SqliteError.ReadOnly => $"{_options.Path} is read-only",
            SqliteError.Busy => $"another program has locked {_options.Path}",
            SqliteError.Input => $"the disk of {_options.Path} fails or is full ({ex.Message.TrimEnd('.')})",
            _ => $"{_options.Path} cannot be used ({ex.Message.TrimEnd('.')})",
        };
        if (problem != _problem)
        {
            LogProblem(_logger, ex, problem);
            _problem = problem;
        }
    }

    private void Recovered(bool written)
    {
        _failedAt = null;
        // A full disk can be read: only a write proves that it is full no more.
        if (_problem is { } problem && (written || !_full))
        {
            LogRecovered(_logger, problem);
            (_problem, _full) = (null, false);
        }
    }

    private void Close()
    {
        _index = null;
        _db?.Dispose();
        _db = null;
    }

    private ScalerRow Scaler(StoreConnection db, StoreIndex index, ScalerKey scaler, DateTimeOffset at)
    {
        if (index.Scalers.TryGetValue(scaler, out var known))
        {
            return known;
        }

        // New scalers are rare, and they are what makes the store grow: the moment to forget the old ones.
        ForgetScalers(db, index, at - _options.ForgetScalerAfter);
        _ = db.Execute("INSERT INTO scaler (namespace, name) VALUES ($1, $2)", scaler.Namespace, scaler.Name);
        var added = new ScalerRow(db.Number("SELECT last_insert_rowid()") ?? throw new AgentStoreException("SQLite gave no row id")) { Samples = 0 };
        index.Scalers.Add(scaler, added);
        return added;
    }

    private static void ForgetScalers(StoreConnection db, StoreIndex index, DateTimeOffset silentSince)
    {
        foreach (var (key, row) in index.Scalers.ToList())
        {
            var last = Math.Max(
                db.Number("SELECT MAX(at) FROM demand WHERE scaler = $1", row.Id) ?? long.MinValue,
                db.Number("SELECT MAX(at) FROM learned WHERE scaler = $1", row.Id) ?? long.MinValue);
            if (last < silentSince.ToUnixTimeMilliseconds())
            {
                _ = db.Execute("DELETE FROM demand WHERE scaler = $1", row.Id);
                _ = db.Execute("DELETE FROM learned WHERE scaler = $1", row.Id);
                _ = db.Execute("DELETE FROM scaler WHERE id = $1", row.Id);
                _ = index.Scalers.Remove(key);
            }
        }
    }

    private static void DropDemand(StoreConnection db, ScalerRow row, long keep)
    {
        var dropped = db.Execute(
            "DELETE FROM demand WHERE scaler = $1 AND at <= (SELECT at FROM demand WHERE scaler = $1 ORDER BY at DESC LIMIT 1 OFFSET $2)", row.Id, keep);
        row.Samples -= dropped;
    }

    /// <summary>When the file has reached its own limit: drops the oldest quarter of what takes the most. A full disk is not helped by that.</summary>
    private void MakeRoom(StoreConnection db)
    {
        var limit = db.Number("PRAGMA max_page_count") ?? long.MaxValue;
        if ((db.Number("PRAGMA page_count") ?? 0) < limit - Math.Max(limit / 100, PagesOfOneWrite))
        {
            return;
        }

        var index = StoreIndex.Read(db);
        var ledgerIsLarge = index.BodyBytes > _options.MaxFileMebibytes * 1_048_576L / 4 && index.Entries > 4 * KeptAlways;
        _ = db.InTransaction(() =>
        {
            if (ledgerIsLarge)
            {
                DropEntries(db, index, index.Oldest + (index.Entries / 4), _clock.GetUtcNow());
            }
            else
            {
                DropQuarterOfDemand(db, index);
            }

            return true;
        });
        LogMadeRoom(_logger, _options.MaxFileMebibytes, ledgerIsLarge ? "ledger entries" : "demand samples");
    }

    private static void DropQuarterOfDemand(StoreConnection db, StoreIndex index)
    {
        foreach (var row in index.Scalers.Values)
        {
            row.Samples = db.Number("SELECT COUNT(*) FROM demand WHERE scaler = $1", row.Id) ?? 0;
            DropDemand(db, row, row.Samples.Value * 3 / 4);
        }
    }

    /// <summary>A body that is not JSON any more is shown as a string, so that a reader sees that something is wrong with it.</summary>
    private static JsonElement Json(byte[] text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, LedgerJson.Default.JsonElement);
        }
        catch (JsonException)
        {
            return JsonSerializer.SerializeToElement("damaged: " + Encoding.UTF8.GetString(text), LedgerJson.Default.String);
        }
    }

    [LoggerMessage(EventId = 2301, EventName = "StoreSetAside", Level = LogLevel.Error, Message = "The store {Path} could not be used ({Why}); it was kept as {Aside} and a new one was begun")]
    private static partial void LogSetAside(ILogger logger, string path, string why, string aside);

    [LoggerMessage(EventId = 2302, EventName = "StoreProblem", Level = LogLevel.Error, Message = "The agent has no memory for now: {Problem}. It goes on without; decisions are not recorded")]
    private static partial void LogProblem(ILogger logger, Exception exception, string problem);

    [LoggerMessage(EventId = 2303, EventName = "StoreRecovered", Level = LogLevel.Information, Message = "The agent's memory works again; the problem was: {Problem}")]
    private static partial void LogRecovered(ILogger logger, string problem);

    [LoggerMessage(EventId = 2304, EventName = "StoreMadeRoom", Level = LogLevel.Warning, Message = "The store reached its limit of {LimitMebibytes} MiB; the oldest quarter of its {What} was dropped")]
    private static partial void LogMadeRoom(ILogger logger, int limitMebibytes, string what);

    [LoggerMessage(EventId = 2305, EventName = "StoreTooLarge", Level = LogLevel.Error, Message = "Not kept: {What} of {Scaler} has {Length} bytes, the limit is {Limit}")]
    private static partial void LogTooLarge(ILogger logger, string what, ScalerKey scaler, int length, int limit);
}
