using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Ledger;

public sealed class SqliteAgentStoreTests : IDisposable
{
    private static readonly ScalerKey Api = new("shop", "api");

    private readonly TemporaryStore _temporary = new();

    private SqliteAgentStore Store => _temporary.Store;

    [Fact]
    public void Everything_SurvivesARestart()
    {
        var decision = _temporary.Append(text: "first");
        var outcome = _temporary.Append(EntryKind.Outcome, 2, decision.Number, "as expected");
        Store.AppendDemand(TemporaryStore.Web, [Sample(0, 10), Sample(1, double.NaN), Sample(2, 12.5)]);
        Store.WriteLearned(TemporaryStore.Web, "capacity", TemporaryStore.Start, TemporaryStore.Body("saturation"));

        var store = _temporary.Reopen();

        Assert.Equal([outcome.Hash, decision.Hash], store.List(new LedgerFilter()).Select(entry => entry.Hash));
        Assert.Equal([Sample(0, 10), Sample(1, double.NaN), Sample(2, 12.5)], store.ReadDemand(TemporaryStore.Web, TemporaryStore.Start));
        Assert.Equal("saturation", store.ReadLearned(TemporaryStore.Web, "capacity")!.Value.GetProperty("reason").GetString());
        Assert.Equal(3, _temporary.Append(text: "goes on").Number);
        Assert.True(_temporary.Verify().Intact);
        Assert.Null(store.Problem);
    }

    [Fact]
    public void Demand_ThatIsThereAlready_StaysAsItIs()
    {
        Store.AppendDemand(TemporaryStore.Web, [Sample(0, 10)]);
        Store.AppendDemand(TemporaryStore.Web, [Sample(1, 11), Sample(0, 99)]);
        Store.AppendDemand(Api, [Sample(0, 5)]);

        Assert.Equal([Sample(0, 10), Sample(1, 11)], Store.ReadDemand(TemporaryStore.Web, TemporaryStore.Start));
        Assert.Equal([Sample(1, 11)], Store.ReadDemand(TemporaryStore.Web, TemporaryStore.Start.AddSeconds(1)));
        Assert.Empty(Store.ReadDemand(new ScalerKey("other", "web"), TemporaryStore.Start));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1_000)]
    public void Demand_IsBoundedPerScaler_NewestKept(int together)
    {
        _temporary.Options.MaxDemandSamples = 200;
        Store.AppendDemand(Api, [Sample(0, 5)]);
        foreach (var samples in Enumerable.Range(0, 1_000).Select(minute => Sample(minute, minute)).Chunk(together))
        {
            Store.AppendDemand(TemporaryStore.Web, samples);
        }

        var kept = Store.ReadDemand(TemporaryStore.Web, DateTimeOffset.MinValue);
        Assert.InRange(kept.Count, 200, 204);
        Assert.Equal(Enumerable.Range(1_000 - kept.Count, kept.Count).Select(minute => Sample(minute, minute)), kept);
        Assert.Single(Store.ReadDemand(Api, DateTimeOffset.MinValue));
    }

    [Fact]
    public void Scalers_LongSilent_AreForgottenWhenANewOneComes()
    {
        Store.AppendDemand(TemporaryStore.Web, [Sample(0, 1)]);
        Store.WriteLearned(Api, "capacity", TemporaryStore.Start.AddDays(20), TemporaryStore.Body("x"));
        Store.AppendDemand(new ScalerKey("shop", "new"), [new DemandSample(TemporaryStore.Start.AddDays(46), 1)]);

        Assert.Equal(["api", "new"], Store.ListLearned().Select(memory => memory.Scaler.Name));
        Assert.Empty(Store.ReadDemand(TemporaryStore.Web, DateTimeOffset.MinValue));
    }

    [Fact]
    public void List_FiltersAndPages()
    {
        for (var i = 1; i <= 6; i++)
        {
            var decision = _temporary.Append(minute: i, scaler: i % 2 == 0 ? Api : TemporaryStore.Web);
            _ = _temporary.Append(EntryKind.Outcome, i, decision.Number, scaler: decision.Scaler);
        }

        Assert.Equal([12, 11, 10], Numbers(new LedgerFilter(Limit: 3)));
        Assert.Equal([9, 8], Numbers(new LedgerFilter(Before: 10, Limit: 2)));
        Assert.Equal([4, 5], Numbers(new LedgerFilter(After: 3, Limit: 2)));
        Assert.Equal([11, 9, 7, 5, 3, 1], Numbers(new LedgerFilter(Kind: EntryKind.Decision)));
        Assert.Equal([11, 7, 3], Numbers(new LedgerFilter(Name: "api", Kind: EntryKind.Decision)));
        Assert.Equal([3], Numbers(new LedgerFilter(Namespace: "shop", Name: "api", Kind: EntryKind.Decision, Before: 7)));
        Assert.Empty(Numbers(new LedgerFilter(Namespace: "other", Name: "api")));
        Assert.Empty(Numbers(new LedgerFilter(Name: "api' OR '1'='1")));
    }

    [Fact]
    public void Find_GivesTheOutcome_AndTheTextThatWasHashed()
    {
        var decision = _temporary.Append();
        var other = _temporary.Append();
        _ = _temporary.Append(EntryKind.Outcome, 1, decision.Number, "enough");

        var found = Store.Find(decision.Number)!;
        Assert.Equal("enough", found.Outcome!.Body.GetProperty("reason").GetString());
        Assert.Equal(decision.Hash, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(found.Canonical))));
        Assert.StartsWith(decision.Hash, Store.Find(other.Number)!.Canonical, StringComparison.Ordinal);
        Assert.Null(Store.Find(other.Number)!.Outcome);
        Assert.Null(Store.Find(99));
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 0)]
    public void Reset_ForgetsOneScaler_RecordsIt_AndTellsTheAgent(bool withDemand, int samplesLeft)
    {
        foreach (var scaler in (ScalerKey[])[TemporaryStore.Web, Api])
        {
            Store.AppendDemand(scaler, [Sample(0, 1), Sample(1, 2)]);
            Store.WriteLearned(scaler, "capacity", TemporaryStore.Start, TemporaryStore.Body("x"));
            Store.WriteLearned(scaler, "floor-state", TemporaryStore.Start, TemporaryStore.Body("y"));
        }

        var told = new List<LearnedReset>();
        Store.WasReset += told.Add;

        var notice = Store.Reset(TemporaryStore.Web, withDemand)!;

        Assert.Equal([new LearnedReset(TemporaryStore.Web, withDemand)], told);
        Assert.Contains("2 values", NoticeRecord.From(notice.Body).Message, StringComparison.Ordinal);
        Assert.Null(Store.ReadLearned(TemporaryStore.Web, "capacity"));
        Assert.Null(Store.ReadLearned(TemporaryStore.Web, "floor-state"));
        Assert.Equal(samplesLeft, Store.ReadDemand(TemporaryStore.Web, DateTimeOffset.MinValue).Count);
        Assert.NotNull(Store.ReadLearned(Api, "capacity"));
        Assert.Equal(2, Store.ReadDemand(Api, DateTimeOffset.MinValue).Count);
        Assert.Equal((EntryKind.Notice, TemporaryStore.Web), (Store.List(new LedgerFilter())[0].Kind, Store.List(new LedgerFilter())[0].Scaler));
        Assert.Null(Store.Reset(new ScalerKey("shop", "nobody"), true));
        Assert.Single(told);
    }

    [Fact]
    public void Learned_IsReplaced_AndListedByScaler()
    {
        Store.WriteLearned(TemporaryStore.Web, "lead", TemporaryStore.Start, TemporaryStore.Body("old"));
        Store.WriteLearned(TemporaryStore.Web, "lead", TemporaryStore.Start.AddMinutes(5), TemporaryStore.Body("new"));
        Store.AppendDemand(TemporaryStore.Web, [Sample(3, 1), Sample(4, 2)]);

        var memory = Assert.Single(Store.ListLearned());
        Assert.Equal((TemporaryStore.Web, 2L, TemporaryStore.Start.AddMinutes(3), TemporaryStore.Start.AddMinutes(4)), (memory.Scaler, memory.DemandSamples, memory.DemandFrom, memory.DemandTo));
        var value = Assert.Single(memory.Learned);
        Assert.Equal(("lead", TemporaryStore.Start.AddMinutes(5), "new"), (value.Name, value.At, value.Value.GetProperty("reason").GetString()));
    }

    [Fact]
    public void Append_WhatWouldBreakTheForm_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => _temporary.Append(kind: "gossip"));
        Assert.Throws<ArgumentException>(() => _temporary.Append(kind: EntryKind.Checkpoint));
        Assert.Throws<ArgumentException>(() => _temporary.Append(scaler: new ScalerKey("shop", "web\n1")));
        Assert.Null(Store.Append(TemporaryStore.Web, TemporaryStore.Start, EntryKind.Decision, null, TemporaryStore.Body(new string('x', 300_000))));
        Assert.Equal("StoreTooLarge", _temporary.Log.LatestRecord.Id.Name);
        Assert.True(_temporary.Verify() is { Intact: true, Entries: 0 });
    }

    [Fact]
    public async Task ManyThreads_AtOnce_LoseNothing()
    {
        var store = Store;
        await Parallel.ForAsync(0, 400, TestContext.Current.CancellationToken, (i, cancel) =>
        {
            var scaler = new ScalerKey("shop", $"web-{i % 7}");
            store.AppendDemand(scaler, [Sample(i, i)]);
            _ = _temporary.Append(minute: i, scaler: scaler);
            if (i % 50 == 0)
            {
                Assert.True(_temporary.Verify().Intact);
            }

            return ValueTask.CompletedTask;
        });

        Assert.Equal(400, _temporary.Verify().Entries);
        Assert.Equal(400, Store.ListLearned().Sum(memory => memory.DemandSamples));
        Assert.Null(_temporary.StrangersVerdict());
    }

    public void Dispose() => _temporary.Dispose();

    private static DemandSample Sample(int minute, double demand) => new(TemporaryStore.Start.AddMinutes(minute), demand);

    private IEnumerable<long> Numbers(LedgerFilter filter) => Store.List(filter).Select(entry => entry.Number);
}
