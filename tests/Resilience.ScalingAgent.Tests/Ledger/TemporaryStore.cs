using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.ScalingAgent.Tests.Ledger;

/// <summary>A store in a folder of its own, that can be closed, opened again and tampered with.</summary>
internal sealed class TemporaryStore : IDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 7, 1, 0, 0, 0, TimeSpan.Zero);

    public static readonly ScalerKey Web = new("shop", "web");

    private readonly string _folder = Directory.CreateTempSubdirectory("resilience-store-").FullName;
    private SqliteAgentStore? _store;

    public TemporaryStore(Action<AgentStoreOptions>? configure = null)
    {
        Options = new AgentStoreOptions { Path = System.IO.Path.Combine(_folder, "agent.db") };
        configure?.Invoke(Options);
    }

    public AgentStoreOptions Options { get; }

    public string Folder => _folder;

    public FakeTimeProvider Clock { get; } = new(Start);

    public FakeLogger<SqliteAgentStore> Log { get; } = new();

    public SqliteAgentStore Store => _store ??= SqliteAgentStore.Open(Options, Clock, Log);

    public SqliteAgentStore Reopen()
    {
        Close();
        return Store;
    }

    public LedgerVerification Verify() => Store.Verify(TestContext.Current.CancellationToken);

    public void Close()
    {
        _store?.Dispose();
        _store = null;
    }

    public LedgerEntry Append(string kind = EntryKind.Decision, int minute = 0, long? refers = null, string text = "x", ScalerKey? scaler = null) =>
        Store.Append(scaler ?? Web, Start.AddMinutes(minute), kind, refers, Body(text)) ?? throw new InvalidOperationException(Store.Problem);

    public static JsonElement Body(string text) => JsonSerializer.SerializeToElement(new Dictionary<string, object> { ["v"] = 1, ["reason"] = text });

    /// <summary>Changes the file behind the store's back.</summary>
    public int Tamper(string sql, params object[] values)
    {
        using var connection = Connect();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Statements of the tests.
        command.CommandText = sql;
#pragma warning restore CA2100
        for (var i = 0; i < values.Length; i++)
        {
            _ = command.Parameters.AddWithValue(string.Create(CultureInfo.InvariantCulture, $"${i + 1}"), values[i]);
        }

        return command.ExecuteNonQuery();
    }

    /// <summary>The check as docs/ledger.md tells a stranger to do it, sharing no code with the store.</summary>
    public string? StrangersVerdict()
    {
        using var connection = Connect();
        var anchor = connection.CreateCommand();
        anchor.CommandText = "SELECT json_extract(body, '$.upTo'), json_extract(body, '$.hash') FROM ledger WHERE kind = 'checkpoint' ORDER BY number DESC LIMIT 1";
        var (number, hash) = (0L, new string('0', 64));
        using (var row = anchor.ExecuteReader())
        {
            if (row.Read())
            {
                (number, hash) = (row.GetInt64(0), row.GetString(1));
            }
        }

        var entries = connection.CreateCommand();
        entries.CommandText = "SELECT number, at, namespace, name, kind, IFNULL(refers, ''), body, hash FROM ledger ORDER BY number";
        using var reader = entries.ExecuteReader();
        while (reader.Read())
        {
            var text = new StringBuilder(hash).Append('\n');
            for (var column = 0; column < 6; column++)
            {
                text.Append(Convert.ToString(reader.GetValue(column), CultureInfo.InvariantCulture)).Append('\n');
            }

            hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.Append(reader.GetString(6)).ToString())));
            if (reader.GetInt64(0) != ++number || reader.GetString(7) != hash)
            {
                return $"entry {number}";
            }
        }

        return null;
    }

    public void Dispose()
    {
        Close();
        Directory.Delete(_folder, recursive: true);
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection($"Data Source={Options.Path};Pooling=False");
        connection.Open();
        return connection;
    }
}
