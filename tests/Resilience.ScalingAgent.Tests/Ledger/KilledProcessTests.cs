using System.Globalization;
using Microsoft.Extensions.Logging.Testing;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.ScalingAgent.Tests.Ledger;

public sealed class KilledProcessTests : IDisposable
{
    private const int Kills = 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("resilience-store-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Path => System.IO.Path.Combine(_folder, "agent.db");

    [Fact]
    public async Task EveryWriteThatReturned_SurvivesKillMinus9_ManyTimes()
    {
        var random = new Random(20260701);
        var promised = 0;
        for (var round = 0; round < Kills; round++)
        {
            var last = await WriteUntilKilledAsync(random.Next(1, 400));
            promised += last.Writes;

            var log = new FakeLogger<SqliteAgentStore>();
            using var store = SqliteAgentStore.Open(StoreWriter.Options(Path), TimeProvider.System, log);
            Assert.Equal(0, log.Collector.Count);
            var verdict = store.Verify(Cancel);
            Assert.True(verdict.Intact, $"round {round}: {verdict.Why}");
            Assert.Equal(last.Hash, store.Find(last.Number)?.Entry.Hash);
            Assert.InRange(verdict.Newest!.Value, last.Number, last.Number + 2);   // one more, and its checkpoint, may have been written unheard
            var demand = store.ReadDemand(TemporaryStore.Web, DateTimeOffset.MinValue);
            Assert.InRange((int)demand[^1].Demand, last.Demand, last.Demand + 1);
            Assert.Equal(Enumerable.Range((int)demand[0].Demand, demand.Count), demand.Select(sample => (int)sample.Demand));
            Assert.InRange(int.Parse(store.ReadLearned(TemporaryStore.Web, "done")!.Value.GetProperty("reason").GetString()!, CultureInfo.InvariantCulture), last.Learned, last.Learned + 1);
        }

        Assert.True(promised > 1_000, $"only {promised} writes were put to the test");
        Assert.Empty(Directory.GetFiles(_folder, "*.set-aside-*"));
    }

    [Fact]
    public async Task SecondProcess_IsRefusedInOneLine_UntilTheFirstIsGone()
    {
        using var first = StoreWriter.Start(Path);
        _ = await first.StandardOutput.ReadLineAsync(Cancel);
        using (var second = StoreWriter.Start(Path))
        {
            var said = await second.StandardError.ReadToEndAsync(Cancel);
            await second.WaitForExitAsync(Cancel);
            Assert.Equal(2, second.ExitCode);
            Assert.StartsWith($"the store {Path} is in use by another process", said, StringComparison.Ordinal);
            Assert.Single(said.Trim().Split('\n'));
        }

        first.Kill();
        await first.WaitForExitAsync(Cancel);
        using var third = SqliteAgentStore.Open(StoreWriter.Options(Path), TimeProvider.System, new FakeLogger<SqliteAgentStore>());
        Assert.True(third.Verify(Cancel) is { Intact: true, Entries: >= 1 });
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <returns>The newest promises that were heard, and how many.</returns>
    private async Task<(long Number, string Hash, int Demand, int Learned, int Writes)> WriteUntilKilledAsync(int lines)
    {
        using var writer = StoreWriter.Start(Path);
        var (number, hash, demand, learned, writes) = (0L, "", -1, -1, 0);
        while (await writer.StandardOutput.ReadLineAsync(Cancel) is { } line)
        {
            // The last line may be cut off.
            if (line.EndsWith('.') && line[..^1].Split(' ') is [var what, var value, ..] words)
            {
                writes++;
                var parsed = long.Parse(value, CultureInfo.InvariantCulture);
                (number, hash) = what == "entry" ? (parsed, words[2]) : (number, hash);
                demand = what == "demand" ? (int)parsed : demand;
                learned = what == "learned" ? (int)parsed : learned;
            }

            // At least one of each is awaited, so that there is something to compare with.
            if (writes >= lines && learned >= 0 && !writer.HasExited)
            {
                writer.Kill();
            }
        }

        await writer.WaitForExitAsync(Cancel);
        Assert.True(writer.ExitCode != 0, "the writer ended by itself: it was not killed in the middle");
        Assert.Empty(await writer.StandardError.ReadToEndAsync(Cancel));
        return (number, hash, demand, learned, writes);
    }
}
