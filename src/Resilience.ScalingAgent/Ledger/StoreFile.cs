using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>The store's file on disk: who may use it, whether it is one of ours and whole, and where a bad one goes.</summary>
internal sealed class StoreFile : IDisposable
{
    private static readonly byte[] Magic = "SQLite format 3\0"u8.ToArray();

    private readonly FileStream _lock;

    private StoreFile(string path, FileStream claim) => (Path, _lock) = (path, claim);

    public string Path { get; }

    /// <summary>Takes the file for this process until it ends, however it ends.</summary>
    /// <exception cref="AgentStoreException">Another process has it.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static StoreFile Claim(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        _ = Directory.CreateDirectory(System.IO.Path.GetDirectoryName(full)!);
        var lockPath = full + ".lock";
        try
        {
            // Not SQLite's own exclusive mode: that would keep readers out too, such as the sqlite3 command of somebody who verifies.
            return new StoreFile(full, new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1));
        }
        catch (IOException ex) when (IsTaken(ex))
        {
            throw new AgentStoreException(
                $"the store {full} is in use by another process (it holds {lockPath}); stop that one, or give this one a file of its own with {AgentStoreOptions.Section}__{nameof(AgentStoreOptions.Path)}", ex);
        }
    }

    /// <summary>Why the file cannot be used as it is; null when it can, or does not exist yet.</summary>
    public string? WhyUnusable()
    {
        if (!File.Exists(Path) || new FileInfo(Path).Length == 0)
        {
            return null;
        }

        using (var file = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            Span<byte> start = stackalloc byte[16];
            if (file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !start.SequenceEqual(Magic))
            {
                return "it is not an SQLite database";
            }
        }

        try
        {
            return WhyNotOurs();
        }
        catch (SqliteException ex) when (ex.SqliteErrorCode is SqliteError.Corrupt or SqliteError.NotADatabase)
        {
            return $"it is damaged ({ex.Message.TrimEnd('.')})";
        }
    }

    /// <summary>Renames the file with its log; nothing is deleted.</summary>
    /// <returns>The new path.</returns>
    public string SetAside(DateTimeOffset now)
    {
        var stamp = now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss.fff'Z'", CultureInfo.InvariantCulture);
        var aside = $"{Path}.set-aside-{stamp}";
        for (var again = 2; File.Exists(aside); again++)
        {
            aside = string.Create(CultureInfo.InvariantCulture, $"{Path}.set-aside-{stamp}-{again}");
        }

        File.Move(Path, aside);
        foreach (var suffix in (string[])["-wal", "-shm"])
        {
            if (File.Exists(Path + suffix))
            {
                File.Move(Path + suffix, aside + suffix);
            }
        }

        return aside;
    }

    public void Dispose() => _lock.Dispose();

    private string? WhyNotOurs()
    {
        var text = new SqliteConnectionStringBuilder { DataSource = Path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 5 };
        using var connection = new SqliteConnection(text.ToString());
        connection.Open();
        var application = Scalar(connection, "PRAGMA application_id");
        if (application is not (long)StoreConnection.ApplicationId)
        {
            // A process that was killed before the schema was committed leaves an empty database.
            return Scalar(connection, "SELECT COUNT(*) FROM sqlite_master") is 0L && application is 0L ? null : "it is a database of another program";
        }

        var version = Scalar(connection, "PRAGMA user_version");
        if (version is not (long)StoreConnection.SchemaVersion)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it has version {version}, this program reads version {StoreConnection.SchemaVersion}");
        }

        var check = Scalar(connection, "PRAGMA quick_check(1)") as string;
        return check == "ok" ? null : $"it is damaged ({check})";
    }

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants above.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteScalar();
    }

    /// <remarks>The runtime's sharing violation: EWOULDBLOCK on Linux and macOS, ERROR_SHARING_VIOLATION on Windows.</remarks>
    private static bool IsTaken(IOException ex) => ex.HResult is 11 or 35 or unchecked((int)0x80070020);
}

/// <summary>SQLite's primary result codes that the store tells apart (sqlite.org/rescode.html).</summary>
internal static class SqliteError
{
    public const int Busy = 5;
    public const int ReadOnly = 8;
    public const int Input = 10;
    public const int Corrupt = 11;
    public const int Full = 13;
    public const int CannotOpen = 14;
    public const int NotADatabase = 26;
}
