using Microsoft.Data.Sqlite;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Ledger;

/// <summary>Bad files, files of others, and disks that fail.</summary>
public sealed class StoreFileTests : IDisposable
{
    private readonly TemporaryStore _temporary = new();

    private string Path => _temporary.Options.Path;

    [Fact]
    public void SecondStore_OnTheSameFile_IsRefusedInOneLine()
    {
        _ = _temporary.Append();
        var refusal = Assert.Throws<AgentStoreException>(() => SqliteAgentStore.Open(_temporary.Options, _temporary.Clock, _temporary.Log));
        Assert.Contains($"the store {Path} is in use by another process", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", refusal.Message, StringComparison.Ordinal);
        Assert.NotNull(_temporary.Append());
        _ = _temporary.Reopen();
    }

    [Theory]
    [InlineData("text", "it is not an SQLite database")]
    [InlineData("short", "it is not an SQLite database")]
    [InlineData("foreign", "it is a database of another program")]
    [InlineData("newer", "it has version 2, this program reads version 1")]
    [InlineData("torn", "it is damaged")]
    [InlineData("scribbled", "it is damaged")]
    public void BadFile_IsSetAside_NeverDeleted_AndTheNoticeSaysSo(string damage, string why)
    {
        Damage(damage);
        var before = File.ReadAllBytes(Path);

        var notice = Assert.Single(_temporary.Store.List(new LedgerFilter()));

        var aside = Assert.Single(Directory.GetFiles(_temporary.Folder, "agent.db.set-aside-20260701T000000.000Z"));
        Assert.Equal(before.Length, File.ReadAllBytes(aside).Length);
        Assert.Equal(EntryKind.Notice, notice.Kind);
        var said = NoticeRecord.From(notice.Body);
        Assert.Equal("file-set-aside", said.Event);
        Assert.Contains(why, said.Message, StringComparison.Ordinal);
        Assert.Contains(aside, said.Message, StringComparison.Ordinal);
        Assert.Equal("StoreSetAside", _temporary.Log.LatestRecord.Id.Name);
        Assert.Null(_temporary.Store.Problem);
        Assert.Equal(2, _temporary.Append().Number);
        Assert.True(_temporary.Verify().Intact);
        Assert.Equal(2, _temporary.Reopen().Verify(TestContext.Current.CancellationToken).Entries);
    }

    [Fact]
    public void TwoBadFiles_InTheSameInstant_AreBothKept()
    {
        Damage("text");
        _ = _temporary.Store;
        _temporary.Close();
        Damage("text");
        _ = _temporary.Store;
        Assert.Equal(2, Directory.GetFiles(_temporary.Folder, "agent.db.set-aside-*").Length);
    }

    [Fact]
    public void EmptyFile_OrEmptyDatabase_IsABeginning()
    {
        File.WriteAllBytes(Path, []);
        Assert.Equal(1, _temporary.Append().Number);
        _temporary.Close();
        File.Delete(Path);
        using (var connection = new SqliteConnection($"Data Source={Path};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA journal_mode = WAL";   // what a process leaves that is killed before its first commit
            _ = command.ExecuteScalar();
        }

        Assert.Equal(1, _temporary.Append().Number);
        Assert.Empty(Directory.GetFiles(_temporary.Folder, "agent.db.set-aside-*"));
    }

    [Fact]
    public void FileThatGoesBadWhileInUse_IsSetAside_AndTheAgentGoesOn()
    {
        for (var i = 0; i < 2_000; i++)
        {
            _ = _temporary.Append(minute: i, text: new string('x', 2_000));
        }

        _ = _temporary.Reopen();
        using (var file = new FileStream(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.Position = 4_096;
            file.Write(Enumerable.Repeat((byte)0xA5, (int)file.Length - 4_096).ToArray());
        }

        _ = _temporary.Verify();   // reads all of it; a list would come from SQLite's cache
        var kept = _temporary.Store.List(new LedgerFilter(Limit: 500));

        Assert.Equal("file-set-aside", NoticeRecord.From(Assert.Single(kept).Body).Event);
        Assert.NotNull(_temporary.Append());
        Assert.Null(_temporary.Store.Problem);
        Assert.Single(Directory.GetFiles(_temporary.Folder, "agent.db.set-aside-*Z"));
    }

    [Fact]
    public void FolderThatCannotBeMade_IsAProblem_NotACrash_AndHealsByItself()
    {
        var blocked = System.IO.Path.Combine(_temporary.Folder, "data");
        File.WriteAllText(blocked, "a file where a folder should be");
        _temporary.Options.Path = System.IO.Path.Combine(blocked, "agent.db");

        var store = _temporary.Store;
        for (var i = 0; i < 10; i++)
        {
            Assert.Null(store.Append(TemporaryStore.Web, TemporaryStore.Start, EntryKind.Decision, null, TemporaryStore.Body("x")));
            store.AppendDemand(TemporaryStore.Web, [new DemandSample(TemporaryStore.Start, 1)]);
            store.WriteLearned(TemporaryStore.Web, "capacity", TemporaryStore.Start, TemporaryStore.Body("x"));
            Assert.Empty(store.ReadDemand(TemporaryStore.Web, DateTimeOffset.MinValue));
            Assert.Null(store.ReadLearned(TemporaryStore.Web, "capacity"));
            _temporary.Clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.NotNull(store.Problem);
        Assert.Throws<AgentStoreException>(() => store.List(new LedgerFilter()));
        Assert.Throws<AgentStoreException>(_temporary.Verify);
        Assert.Equal(1, _temporary.Log.Collector.GetSnapshot().Count(record => record.Id.Name == "StoreProblem"));

        File.Delete(blocked);
        _temporary.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, _temporary.Append().Number);
        Assert.Null(store.Problem);
        Assert.Equal("StoreRecovered", _temporary.Log.LatestRecord.Id.Name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void FileAtItsLimit_DropsTheOldest_AndKeepsTakingNew(bool ledger)
    {
        _temporary.Options.MaxFileMebibytes = 2;
        for (var i = 0; i < 1_500; i++)
        {
            if (ledger)
            {
                _ = _temporary.Append(minute: i, text: new string('x', 3_000));
            }
            else
            {
                var from = TemporaryStore.Start.AddMinutes(i * 100);
                _temporary.Store.AppendDemand(new ScalerKey("shop", $"web-{i % 10}"), [.. Enumerable.Range(0, 100).Select(m => new DemandSample(from.AddMinutes(m), m + 0.5))]);
            }
        }

        Assert.Null(_temporary.Store.Problem);
        Assert.Contains(_temporary.Log.Collector.GetSnapshot(), record => record.Id.Name == "StoreMadeRoom");
        var verdict = _temporary.Verify();
        Assert.True(verdict.Intact, verdict.Why);
        Assert.Null(_temporary.StrangersVerdict());
        if (!ledger)
        {
            Assert.All(_temporary.Store.ListLearned(), memory => Assert.InRange(memory.DemandSamples, 1_000, 15_000));
            Assert.Equal(TemporaryStore.Start.AddMinutes(149_999), _temporary.Store.ListLearned().Max(memory => memory.DemandTo));
        }

        _temporary.Close();
        Assert.InRange(new FileInfo(Path).Length, 1_000_000, 2 * 1_048_576);
    }

    /// <summary>A disk of 3 MiB that is full, then read-only, then well again: needs root and tmpfs.</summary>
    [Fact(Explicit = true)]
    [Trait("tier", "slow")]
    public async Task RealDisk_FullThenReadOnly_NeverThrows_AndIsToldOnce()
    {
        var mount = System.IO.Path.Combine(_temporary.Folder, "disk");
        _ = Directory.CreateDirectory(mount);
        Assert.SkipUnless(OperatingSystem.IsLinux() && await RunAsync("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", mount), "mounting a tmpfs takes root");
        try
        {
            _temporary.Options.Path = System.IO.Path.Combine(mount, "agent.db");
            var kept = 0;
            for (var i = 0; i < 3_000; i++)
            {
                kept += _temporary.Store.Append(TemporaryStore.Web, TemporaryStore.Start, EntryKind.Decision, null, TemporaryStore.Body(new string('x', 2_000))) is null ? 0 : 1;
            }

            Assert.InRange(kept, 100, 2_999);
            Assert.Contains("full", _temporary.Store.Problem, StringComparison.Ordinal);
            Assert.True(_temporary.Verify().Intact);
            Assert.Equal(kept, _temporary.Verify().Entries);
            Assert.Equal(1, _temporary.Log.Collector.GetSnapshot().Count(record => record.Id.Name == "StoreProblem"));

            Assert.True(await RunAsync("mount", "-o", "remount,size=8m", mount));
            _temporary.Clock.Advance(TimeSpan.FromSeconds(11));
            Assert.Equal(kept + 1, _temporary.Append().Number);
            Assert.Null(_temporary.Store.Problem);

            _temporary.Close();
            Assert.True(await RunAsync("mount", "-o", "remount,ro", mount));
            Assert.Null(_temporary.Store.Append(TemporaryStore.Web, TemporaryStore.Start, EntryKind.Decision, null, TemporaryStore.Body("x")));
            Assert.Contains("ead-only", _temporary.Store.Problem, StringComparison.Ordinal);

            Assert.True(await RunAsync("mount", "-o", "remount,rw", mount));
            _temporary.Clock.Advance(TimeSpan.FromSeconds(11));
            Assert.Equal(kept + 2, _temporary.Append().Number);
            Assert.True(_temporary.Verify().Intact);
        }
        finally
        {
            _temporary.Close();
            _ = await RunAsync("umount", mount);
        }
    }

    public void Dispose() => _temporary.Dispose();

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode == 0;
    }

    private void Damage(string damage)
    {
        switch (damage)
        {
            case "text":
                File.WriteAllText(Path, "time,requests\n2026-07-01T00:00:00Z,12\n");
                return;
            case "short":
                File.WriteAllText(Path, "SQLite");
                return;
            case "foreign":
                _ = _temporary.Tamper("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')");
                return;
        }

        for (var i = 0; i < 500; i++)
        {
            _ = _temporary.Append(minute: i, text: new string('x', 500));
        }

        _temporary.Close();
        using var file = damage == "newer" ? null : new FileStream(Path, FileMode.Open, FileAccess.ReadWrite);
        switch (damage)
        {
            case "newer":
                _ = _temporary.Tamper("PRAGMA user_version = 2");
                break;
            case "torn":
                file!.SetLength(file.Length / 2);
                break;
            default:
                file!.Position = 3 * 4_096;
                file.Write(Enumerable.Repeat((byte)0xA5, 20 * 4_096).ToArray());
                break;
        }
    }
}
