using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>One SQLite connection with its statements kept prepared. Used under the store's lock.</summary>
internal sealed class StoreConnection : IDisposable
{
    /// <summary>"RSLA": tells our files from others'.</summary>
    public const int ApplicationId = 0x52534C41;

    public const int SchemaVersion = 1;

    private const string Schema = $"""
        CREATE TABLE scaler (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (namespace, name)) STRICT;
        CREATE TABLE ledger (
            number INTEGER PRIMARY KEY, at INTEGER NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
            refers INTEGER, body TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
        CREATE INDEX ledger_by_name ON ledger (name, namespace, number);
        CREATE INDEX ledger_by_kind ON ledger (kind, number);
        CREATE INDEX ledger_by_reference ON ledger (refers) WHERE refers IS NOT NULL;
        CREATE TABLE demand (scaler INTEGER NOT NULL, at INTEGER NOT NULL, demand REAL, PRIMARY KEY (scaler, at)) STRICT, WITHOUT ROWID;
        CREATE TABLE learned (scaler INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (scaler, name)) STRICT, WITHOUT ROWID;
        """;

    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _commands = new(StringComparer.Ordinal);

    private StoreConnection(SqliteConnection connection) => _connection = connection;

    /// <exception cref="SqliteException">The file cannot be opened, or is not usable.</exception>
    public static StoreConnection Open(string path, int maxFileMebibytes)
    {
        var text = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false, DefaultTimeout = 5 };
        var connection = new StoreConnection(new SqliteConnection(text.ToString()));
        try
        {
            connection._connection.Open();
            connection.Prepare(maxFileMebibytes);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public int Execute(string sql, params ReadOnlySpan<object?> values) => Command(sql, values).ExecuteNonQuery();

    public List<T> Query<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        var rows = new List<T>();
        using var reader = Command(sql, values).ExecuteReader();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>First column of the first row; null when there is no row or it is NULL.</summary>
    public long? Number(string sql, params ReadOnlySpan<object?> values) => Command(sql, values).ExecuteScalar() is long number ? number : null;

    public string? Text(string sql, params ReadOnlySpan<object?> values) => Command(sql, values).ExecuteScalar() as string;

    /// <summary>All or nothing: a process that is killed in the middle leaves nothing of it.</summary>
    public T InTransaction<T>(Func<T> work)
    {
        _ = Execute("BEGIN IMMEDIATE");
        try
        {
            var result = work();
            _ = Execute("COMMIT");
            return result;
        }
        catch
        {
            try
            {
                _ = Execute("ROLLBACK");
            }
            catch (SqliteException)
            {
                // After some errors SQLite has rolled back by itself.
            }

            throw;
        }
    }

    public void Dispose()
    {
        foreach (var command in _commands.Values)
        {
            command.Dispose();
        }

        _commands.Clear();
        _connection.Dispose();
    }

    private void Prepare(int maxFileMebibytes)
    {
        // The log of the write-ahead mode is in the system's hands when a commit returns: a killed process loses nothing, a machine
        // that loses power may lose the newest commits, and the chain then ends earlier. A sync for each commit would cost milliseconds.
        _ = Text("PRAGMA journal_mode = WAL");
        _ = Execute("PRAGMA synchronous = NORMAL");
        _ = Number("PRAGMA journal_size_limit = 16777216");
        var pageSize = Number("PRAGMA page_size") ?? 4_096;
        _ = Number(string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count = {(maxFileMebibytes * 1_048_576L) / pageSize}"));
        if (Number("PRAGMA application_id") == ApplicationId)
        {
            return;
        }

        _ = InTransaction(() =>
        {
            _ = Execute(Schema);
            _ = Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {ApplicationId}; PRAGMA user_version = {SchemaVersion}"));
            return true;
        });
    }

    private SqliteCommand Command(string sql, ReadOnlySpan<object?> values)
    {
        if (!_commands.TryGetValue(sql, out var command))
        {
            command = _connection.CreateCommand();
#pragma warning disable CA2100 // Every statement is a constant of this folder; values are parameters.
            command.CommandText = sql;
#pragma warning restore CA2100
            for (var i = 0; i < values.Length; i++)
            {
                _ = command.Parameters.AddWithValue(string.Create(CultureInfo.InvariantCulture, $"${i + 1}"), DBNull.Value);
            }

            _commands.Add(sql, command);
        }

        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        return command;
    }
}
