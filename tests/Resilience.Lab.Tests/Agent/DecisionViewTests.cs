using System.Text.Json;
using Resilience.Control.Scaling;
using Resilience.Lab.Agent;
using Resilience.Lab.Cli;
using Resilience.Lab.Commands;
using Resilience.ScalingAgent.Ledger;
using Spectre.Console;

namespace Resilience.Lab.Tests.Agent;

/// <summary>What <c>lab explain</c> and <c>lab ledger</c> say.</summary>
public sealed class DecisionViewTests
{
    private static readonly DateTimeOffset At = new(2026, 7, 1, 12, 30, 0, TimeSpan.Zero);

    [Fact]
    public void Decision_IsTold_FromInputsToOutcome()
    {
        var text = Render(Full(), new OutcomeRecord
        {
            Decision = 17, ScoredAt = At.AddMinutes(2), PeakDemand = 131, EndDemand = 128, ReadyReplicas = 7, ReadyCapacity = 140, Violated = false,
            ForecastError = 8, RelativeError = 0.0625, FellAtQuantile = 0.95, FloorCost = 0.0028, Summary = "Enough: the peak of 131 fit the 7 replicas.",
        });

        Assert.All(
            [
                "Decision 17 of shop/web (BlueGreen web), 2026-07-01 12:30:00 UTC, on a clock 60 times as fast as the wall's",
                "Raise the floor to 7 [hold].",
                "Given up for the budget: 2 of 9 replicas; the risk rises.",
                "Auto, active slot blue",
                "112.5 requests/s over 60 s",
                "20 requests/s per replica (saturation)",
                "90 s from a request for replicas to their service (learned)",
                "demand must fit the capacity in 97.5% of intervals",
                "$0.012 per replica-hour; $0.084 per hour now, $12.50 this month, $31.00 expected by its end of a budget of $40.00; $0.21 per million good requests",
                "3 pods that no node had room for",
                "sale, 2026-07-01 13:00:00 UTC to 2026-07-01 15:00:00 UTC: at least 5 replicas",
                "p50 120, p90 130, p95 133, p99 139.5 requests/s",
                "Highest until then: 121 (50% sure), 140 (99% sure).",
                "champion ridge_log with 62% of the pool",
                "98.5% of the last 200 outcomes were at or below what 99% of them should be.",
                "│ gbdt", "not yet",
                "│ chosen", "│ q0.999", "rejected: costs more than the SLO asks for",
                "6 -> 7  hold: 7 were needed at 12:20.",
                "HorizontalPodAutoscaler shop/web-blue spec.minReplicas: 6 -> 7 (written)",
                "The Deployment was woken from zero first",
                "Floor before: 6; floor decided: 7; chance that demand exceeds its capacity: 1.2%.",
                "Enough: the peak of 131 fit the 7 replicas.",
                "Peak demand 131 requests/s; 7 replicas Ready, good for 140: enough.",
                "Forecast error 8 (6.25%); the peak fell at or below the 95% level; the floor cost $0.0028.",
            ],
            expected => Assert.Contains(expected, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Decision_OfWhichLittleIsKnown_SaysSo()
    {
        var text = Render(
            new DecisionRecord
            {
                At = At, Mode = "Observe", Target = "Deployment web", IntervalSeconds = 15, DemandProblem = "no pod answered.", SloQuantile = 0.99,
                Forecast = new ForecastRecord { Stage = "Silent", WhyNone = "fewer than 30 points of history" }, Lead = new LeadRecord(60, "assumed"), Capacity = new CapacityRecord(null, "unknown"),
                Cost = new CostRecord { PricePerReplicaHour = 0.012 }, Reason = "No forecast: the reactive autoscaler is alone.", WhyNotWritten = "Observe decides but writes nothing",
            },
            null);

        Assert.All(
            [
                "- requests/s over 15 s (no pod answered)",
                "- requests/s per replica (unknown)",
                "No forecast: fewer than 30 points of history (stage Silent).",
                "Nothing was compared: that takes a forecast.",
                "None: the floor is what the SLO asks for.",
                "Nothing: Observe decides but writes nothing.",
                "Floor before: none (the reactive autoscaler alone); floor decided: none (the reactive autoscaler alone)",
                "Not known yet: a decision is scored when its lead is over.",
                "no budget",
            ],
            expected => Assert.Contains(expected, text, StringComparison.Ordinal));
        Assert.DoesNotContain("wall's", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Sentence_OfEveryKind_IsOneLine_AndOfADamagedBodyToo()
    {
        Assert.Equal("Raise the floor to 7 [hold].", DecisionView.Sentence(Entry(EntryKind.Decision, Full().ToBody())));
        Assert.Equal("of 16: Enough.", DecisionView.Sentence(Entry(EntryKind.Outcome, new OutcomeRecord { Decision = 16, ScoredAt = At, Summary = "Enough." }.ToBody())));
        Assert.Equal("Reset.", DecisionView.Sentence(Entry(EntryKind.Notice, new NoticeRecord("learned-reset", "Reset.").ToBody())));
        Assert.Equal("50 old entries up to 50 were dropped.", DecisionView.Sentence(Entry(EntryKind.Checkpoint, JsonSerializer.SerializeToElement(new CheckpointRecord(50, "ab", 50), LedgerJson.Default.CheckpointRecord))));
        Assert.StartsWith("cannot be read: ", DecisionView.Sentence(Entry(EntryKind.Decision, JsonDocument.Parse("\"damaged: {\"").RootElement)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("latest", null)]
    [InlineData("17", 17L)]
    public void Explain_TakesANumberOrLatest(string text, long? number) => Assert.Equal(number, ExplainCommand.ReadNumber(text));

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("newest")]
    [InlineData("1.5")]
    [InlineData("99999999999999999999")]
    public void Explain_AnythingElse_IsOneClearLine(string text) =>
        Assert.StartsWith($"lab: \"{text}\" is no decision. Give a number", Assert.Throws<LabException>(() => ExplainCommand.ReadNumber(text)).Line, StringComparison.Ordinal);

    [Fact]
    public void Ledger_ChecksItsOptions()
    {
        Assert.Contains("Did you mean \"decision\"?", Assert.Throws<LabException>(() => LedgerCommand.Query(null, "decisoin", 20)).Line, StringComparison.Ordinal);
        Assert.Contains("from 1 to 500, not 501", Assert.Throws<LabException>(() => LedgerCommand.Query(null, null, 501)).Line, StringComparison.Ordinal);
        Assert.Equal("ledger?limit=20", LedgerCommand.Query(null, null, 20).Path);
        Assert.Equal("ledger?limit=1&scaler=shop%2Fweb&kind=outcome", LedgerCommand.Query("shop/web", "outcome", 1).Path);
    }

    [Theory]
    [InlineData("web", "distributed-resilience", "web")]
    [InlineData("shop/web", "shop", "web")]
    [InlineData("a/b/c", null, null)]
    [InlineData("/web", null, null)]
    [InlineData("shop/", null, null)]
    public void Reset_TakesANameOrANamespaceAndAName(string text, string? ns, string? name)
    {
        if (ns is null)
        {
            Assert.StartsWith("lab: ", Assert.Throws<LabException>(() => LearnedCommand.Key(text)).Line, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal((ns, name), LearnedCommand.Key(text));
        }
    }

    private static EntryView Entry(string kind, JsonElement body) => new(17, At, "shop", "web", kind, kind == EntryKind.Outcome ? 16 : null, new string('a', 64), body);

    private static string Render(DecisionRecord decision, OutcomeRecord? outcome)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 400;
        console.Write(DecisionView.Of(Entry(EntryKind.Decision, decision.ToBody()), decision, outcome));
        return text.ToString();
    }

    private static DecisionRecord Full() => new()
    {
        At = At,
        Mode = "Auto",
        Target = "BlueGreen web",
        ActiveSlot = "blue",
        IntervalSeconds = 60,
        Demand = 112.5,
        Forecast = new ForecastRecord
        {
            Stage = "Full", P50 = 120, P90 = 130, P95 = 133, P99 = 139.5, Champion = "ridge_log", ChampionShare = 0.62, SkillAgainstNaive = 0.35, SkillAgainstMedian = 0.8,
            Peaks = [new PeakRecord(0.5, 121), new PeakRecord(0.99, 140)],
            Models = [new ModelRecord("ridge_log", 0.62, 4.25, true), new ModelRecord("gbdt", 0, null, false)],
            Coverage = [new CoverageRecord(0.99, 0.985, 200)],
        },
        Lead = new LeadRecord(90, "learned"),
        Capacity = new CapacityRecord(20, "saturation"),
        SloQuantile = 0.975,
        Candidates = [new FloorCandidate("chosen", 7, 0.084, 0.012, 0.21, "chosen"), new FloorCandidate("q0.999", 9, 0.108, 0.001, double.PositiveInfinity, "rejected: costs more than the SLO asks for")],
        Adjustments = [new FloorAdjustment("hold", 6, 7, "7 were needed at 12:20")],
        FloorBefore = 6,
        Floor = 7,
        Wake = true,
        Reason = "Raise the floor to 7 [hold].",
        Risk = 0.012,
        GivenUp = "2 of 9 replicas; the risk rises",
        Cost = new CostRecord { PricePerReplicaHour = 0.012, PerHour = 0.084, MonthToDate = 12.5, MonthProjected = 31, MonthlyBudget = 40, PerMillionGood = 0.21 },
        PlannedEvents = [new PlannedEventRecord("sale", At.AddMinutes(30), At.AddMinutes(150), 5, false)],
        PodsWithoutRoom = 3,
        Writes = [new WriteRecord("HorizontalPodAutoscaler shop/web-blue", "spec.minReplicas", 6, 7, "written")],
        TimeScale = 60,
    };
}
