using System.Text.Json;
using CsCheck;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.ScalingAgent.Tests.Ledger;

public sealed class LedgerRecordsTests
{
    private static readonly Gen<double?> Known = Gen.OneOf(Gen.Const((double?)null), Gen.Double[0, 1e9].Select(value => (double?)value), Gen.Double.Select(value => (double?)value));

    private static readonly Gen<string> Words = Gen.OneOf(Gen.String, Gen.Const("Raise the floor to 7 (übermäßig, \"quoted\", \n, \ud83d\ude80)."));

    private static readonly Gen<int?> Replicas = Gen.OneOf(Gen.Const((int?)null), Gen.Int[0, 1_000].Select(value => (int?)value));

    [Fact]
    public void Decision_AnyContent_ReadsBackAsItWasWritten() =>
        Gen.Select(Known, Words, Replicas, Gen.Double[0, 1], Known, Gen.DateTimeOffset).Sample((demand, words, replicas, share, price, at) =>
        {
            var written = Decision(demand, words, replicas, share, price, at);
            var body = written.ToBody();
            var read = DecisionRecord.From(JsonDocument.Parse(body.GetRawText()).RootElement);

            // The lists of a record are equal by reference only; the text says whether they hold the same.
            Assert.Equal(body.GetRawText(), read.ToBody().GetRawText());
            Assert.Equal(
                written with { Forecast = read.Forecast, Candidates = read.Candidates, Adjustments = read.Adjustments, PlannedEvents = read.PlannedEvents, Writes = read.Writes },
                read);
            Assert.Equal(written.Candidates, read.Candidates);
            Assert.Equal(written.Adjustments, read.Adjustments);
            Assert.Equal(written.Writes, read.Writes);
            Assert.Equal(written.PlannedEvents, read.PlannedEvents);
            Assert.Equal(written.Forecast.Models, read.Forecast.Models);
            Assert.Equal(written.Forecast.Peaks, read.Forecast.Peaks);
            Assert.Equal(written.Forecast.Coverage, read.Forecast.Coverage);
        });

    [Fact]
    public void Outcome_AnyContent_ReadsBackAsItWasWritten() =>
        Gen.Select(Known, Words, Replicas, Gen.Bool, Gen.Long[1, long.MaxValue], Gen.DateTimeOffset).Sample((demand, words, replicas, violated, decision, at) =>
        {
            var written = new OutcomeRecord
            {
                Decision = decision, ScoredAt = at, PeakDemand = demand, EndDemand = demand, ReadyReplicas = replicas, ReadyCapacity = demand,
                Violated = replicas is null ? null : violated, ForecastError = demand, RelativeError = demand, FellAtQuantile = demand, FloorCost = demand, Summary = words,
            };
            Assert.Equal(written, OutcomeRecord.From(JsonDocument.Parse(written.ToBody().GetRawText()).RootElement));
        });

    [Fact]
    public void Bodies_BeginWithTheirVersion_AndLeaveOutWhatIsNotKnown()
    {
        Assert.Equal("""{"v":1,"event":"reactive","message":"No forecast."}""", new NoticeRecord("reactive", "No forecast.").ToBody().GetRawText());
        Assert.StartsWith("""{"v":1,""", Decision(null, "x", null, 0, null, TemporaryStore.Start).ToBody().GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain("null", Decision(null, "x", null, 0, null, TemporaryStore.Start).ToBody().GetRawText(), StringComparison.Ordinal);
        Assert.Equal("""{"v":1,"upTo":5,"hash":"ab","dropped":5}""", JsonSerializer.Serialize(new CheckpointRecord(5, "ab", 5), LedgerJson.Default.CheckpointRecord));
    }

    [Fact]
    public void Decision_OfALaterVersion_IsReadWithoutItsNewFields()
    {
        var later = Decision(1, "x", 2, 0.5, 3, TemporaryStore.Start).ToBody().GetRawText().Replace("\"v\":1,", "\"v\":2,\"moon\":{\"phase\":3},", StringComparison.Ordinal);
        var read = DecisionRecord.From(JsonDocument.Parse(later).RootElement);
        Assert.Equal((2, "x"), (read.Version, read.Reason));
    }

    internal static DecisionRecord Decision(double? demand, string words, int? replicas, double share, double? price, DateTimeOffset at) => new()
    {
        At = at,
        Mode = "Auto",
        Target = "BlueGreen web",
        ActiveSlot = "blue",
        IntervalSeconds = 60,
        Demand = demand,
        DemandProblem = replicas is null ? words : null,
        Forecast = new ForecastRecord
        {
            Stage = "Full", P50 = demand, P90 = demand, P95 = demand, P99 = demand, Champion = "ridge_log", ChampionShare = share, SkillAgainstNaive = price, SkillAgainstMedian = share,
            Peaks = [new PeakRecord(0.5, share), new PeakRecord(0.99, share * 2)],
            Models = [new ModelRecord("ridge_log", share, demand, true), new ModelRecord("gbdt", 0, null, false)],
            Coverage = [new CoverageRecord(0.9, share, 100), new CoverageRecord(0.99, null, 0)],
        },
        Lead = new LeadRecord(90, "learned"),
        Capacity = new CapacityRecord(price, price is null ? "unknown" : "saturation"),
        SloQuantile = 0.975,
        Candidates = [new FloorCandidate("chosen", replicas ?? 0, share, share, double.PositiveInfinity, "chosen"), new FloorCandidate("q0.5", 1, share, share, 1.25, "rejected: " + words)],
        Adjustments = [new FloorAdjustment("hold", 1, replicas ?? 2, words)],
        FloorBefore = replicas,
        Floor = replicas + 1,
        Wake = replicas == 0,
        Reason = words,
        Risk = share,
        GivenUp = price is null ? null : words,
        Cost = new CostRecord { PricePerReplicaHour = 0.012, PerHour = price, MonthToDate = price, MonthProjected = price, MonthlyBudget = price, PerMillionGood = price },
        PlannedEvents = [new PlannedEventRecord(words, at, at, replicas, replicas is null)],
        PodsWithoutRoom = replicas ?? 0,
        Writes = [new WriteRecord("HorizontalPodAutoscaler shop/web-blue", "spec.minReplicas", replicas, 3, "written")],
        WhyNotWritten = replicas is null ? words : null,
        TimeScale = 60,
    };
}
