using CsCheck;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Metrics;

public sealed class DemandRatesTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60);

    [Fact]
    public void FirstReading_GivesNoRate_AndSaysWhy()
    {
        var reading = new History().Read(Serving("a", 100));
        Assert.True(double.IsNaN(reading.Demand));
        Assert.Equal("this is the first reading, and a rate needs two", reading.Problem);
        Assert.Null(reading.Observation);
    }

    [Fact]
    public void Demand_IsTheIncreaseOfAllPods_PerWallSecond()
    {
        var history = new History();
        history.Read(Serving("a", 100), Serving("b", 50), Standby("c", 7));
        var reading = history.Read(Serving("a", 700), Serving("b", 110), Standby("c", 13));
        Assert.Equal((600 + 60 + 6) / 60.0, reading.Demand, 1e-9);
        Assert.Null(reading.Problem);
    }

    [Fact]
    public void Demand_OfAPodReadLate_IsPerItsOwnTime()
    {
        var history = new History();
        history.Read(Serving("a", 0));
        Assert.Equal(10, history.Read(Serving("a", 620) with { At = Interval + TimeSpan.FromSeconds(62) }).Demand, 1e-9);
    }

    [Fact]
    public void RestartedPod_CountsFromZero()
    {
        var history = new History();
        history.Read(Serving("a", 1_000), Serving("b", 0));
        var reading = history.Read(Serving("a", 120), Serving("b", 60));
        Assert.Equal(3, reading.Demand, 1e-9);
        Assert.Equal(2, history.Read(Serving("a", 180), Serving("b", 120)).Demand, 1e-9);
    }

    [Fact]
    public void RestartedPod_OfWhichOnlyTheCounterIsKnown_CountsFromZero()
    {
        static PodScrape Plain(double asked) => Serving("a", asked) is var pod ? pod with { Counters = pod.Counters! with { Outcomes = OutcomeCounts.Unknown } } : pod;
        var history = new History();
        history.Read(Plain(1_000));
        Assert.Equal(2, history.Read(Plain(120)).Demand, 1e-9);
    }

    [Fact]
    public void RestartedPod_ThatOvertookItsOldCount_IsKnownByItsProcessStart()
    {
        var history = new History();
        history.Read(Serving("a", 100, processStart: 1e9));
        Assert.Equal(150 / 60.0, history.Read(Serving("a", 150, processStart: 1e9 + 30)).Demand, 1e-9);
    }

    [Theory]
    [InlineData(-30.0, 12)]      // started since the last reading: all of its counter belongs to this interval
    [InlineData(-60.9, 12)]    // start times are cut to whole seconds
    [InlineData(-300.0, 4)]      // old: only a starting point, and as one of two serving pods it is scaled up for
    [InlineData(null, 4)]
    public void PodSeenForTheFirstTime_CountsItsWholeCounter_OnlyIfItIsYoung(double? startedSeconds, double demand)
    {
        var history = new History();
        history.Read(Serving("a", 0));
        var young = Serving("b", 600);
        young = young with { Pod = young.Pod with { StartedAt = startedSeconds is { } s ? Start + (2 * Interval) + TimeSpan.FromSeconds(s) : null } };
        var reading = history.Read(Serving("a", 120), young);
        Assert.Equal(demand, reading.Demand, 1e-9);
        Assert.Equal(demand == 12 ? null : "1 of 2 pods had not been read before, so demand is scaled up from the other 1", reading.Problem);
    }

    [Fact]
    public void YoungPod_ThatAnswersOnlyLater_StillCountsFromZero()
    {
        var history = new History();
        history.Read(Serving("a", 0));
        var starting = Standby("b", 0) with { Counters = null, Failure = "refused the connection" };
        starting = starting with { Pod = starting.Pod with { StartedAt = Start + Interval + TimeSpan.FromSeconds(50) } };
        var meanwhile = history.Read(Serving("a", 60), starting);
        Assert.Equal(1, meanwhile.Demand, 1e-9);
        Assert.Null(meanwhile.Problem);      // a pod that is starting is no problem
        var ready = Serving("b", 120);
        Assert.Equal(1 + (120 / 120.0), history.Read(Serving("a", 120), ready with { Pod = ready.Pod with { StartedAt = starting.Pod.StartedAt } }).Demand, 1e-9);
    }

    [Fact]
    public void VanishedPod_IsMadeUpForOnce_ByHalfItsLastRate()
    {
        var history = new History();
        history.Read(Serving("a", 0), Serving("b", 0));
        history.Read(Serving("a", 600), Serving("b", 600));
        var reading = history.Read(Serving("a", 1_200));
        Assert.Equal(10 + 5, reading.Demand, 1e-9);
        Assert.Equal("1 pod ended since the last reading, and half an interval at the last rate stands for what it served", reading.Problem);
        var after = history.Read(Serving("a", 1_800));
        Assert.Equal(10, after.Demand, 1e-9);
        Assert.Null(after.Problem);
    }

    [Fact]
    public void HungSlot_AfterAFailover_IsMadeUpForOnce()
    {
        var history = new History();
        history.Read(Serving("blue", 0), Standby("green", 0));
        history.Read(Serving("blue", 600), Standby("green", 0));
        var hung = Standby("blue", 0) with { Counters = null, Failure = "did not answer within 2 s" };
        Assert.Equal(5 + 5, history.Read(hung, Serving("green", 300)).Demand, 1e-9);
        var after = history.Read(hung, Serving("green", 900));
        Assert.Equal(10, after.Demand, 1e-9);
        Assert.Null(after.Problem);
    }

    [Theory]
    [InlineData(4, 1, 8, "1 of 4 pods could not be read (p0 refused the connection), so demand is scaled up from the other 3")]
    [InlineData(4, 2, 8, "2 of 4 pods could not be read (p0 refused the connection), so demand is scaled up from the other 2")]
    [InlineData(4, 3, double.NaN, "only 1 of 4 pods could be read (p0 refused the connection)")]
    [InlineData(1, 1, double.NaN, "only 0 of 1 pod could be read (p0 refused the connection)")]
    public void SilentPods_AreScaledUpFor_WhileHalfAnswer(int pods, int silent, double demand, string problem)
    {
        var history = new History();
        history.Read([.. Enumerable.Range(0, pods).Select(i => Serving($"p{i}", 0))]);
        var reading = history.Read([.. Enumerable.Range(0, pods).Select(i => i < silent ? Silent($"p{i}") : Serving($"p{i}", 120))]);
        Assert.Equal(demand, reading.Demand, 1e-9);
        Assert.Equal(problem, reading.Problem);
        // Its counter went on meanwhile: nothing is lost, it is spread over the time it was not read.
        var healed = history.Read([.. Enumerable.Range(0, pods).Select(i => Serving($"p{i}", 240))]);
        Assert.Equal(2 * pods, healed.Demand, 1e-9);
    }

    [Fact]
    public void SilentStandby_DoesNotScaleAnythingUp()
    {
        var history = new History();
        history.Read(Serving("a", 0), Standby("b", 0));
        Assert.Equal(2, history.Read(Serving("a", 120), Silent("b", serves: false)).Demand, 1e-9);
    }

    [Fact]
    public void CounterThatNobodyHasYet_IsMissing_NotZero()
    {
        var history = new History();
        var without = Serving("a", 0) with { Counters = PodCounters.Zero };
        Assert.Contains("another name", history.Read(without).Problem, StringComparison.Ordinal);
        Assert.Contains("another name", history.Read(without).Problem, StringComparison.Ordinal);
        Assert.Equal(1, history.Read(Serving("a", 60)).Demand, 1e-9);    // it appeared: it has counted from zero
        Assert.Equal(0, history.Read(Serving("a", 60)).Demand, 1e-9);    // quiet is zero
    }

    [Fact]
    public void OldReading_IsAsNone()
    {
        var history = new History();
        history.Read(Serving("a", 0));
        history.Now += TimeSpan.FromHours(1);
        Assert.True(double.IsNaN(history.Read(Serving("a", 3_600)).Demand));
        Assert.Equal(1, history.Read(Serving("a", 3_660)).Demand, 1e-9);
    }

    [Fact]
    public void NoPods_IsMissing_NotZero() => Assert.StartsWith("no pod of the target runs", new History().Read().Problem, StringComparison.Ordinal);

    [Fact]
    public void Observation_IsOfServingPods_ThatHadTrafficAllTheTime()
    {
        var history = new History();
        history.Read(Serving("a", 0), Serving("b", 0), Standby("c", 0));
        var observation = history.Read(
            Serving("a", 6_000, good: 5_400, refused: 600, cpu: 30, latency: 0.2), Serving("b", 6_000, good: 5_400, refused: 600, cpu: 18, latency: 0.2),
            Serving("c", 60_000, good: 0, refused: 60_000)).Observation!.Value;     // it has only just got traffic
        Assert.Equal(90, observation.ThroughputPerReplica, 1e-9);
        Assert.Equal(0.1, observation.RejectedRatio, 1e-9);
        Assert.Equal(0.4, observation.CpuUtilization, 1e-9);
        Assert.Equal(0.1 + (0.1 * 0.95), observation.LatencySeconds, 1e-9);
    }

    [Fact]
    public void Observation_WithoutOutcomesOrRequests_IsNone()
    {
        var history = new History();
        history.Read(Serving("a", 0));
        Assert.Null(history.Read(Serving("a", 0)).Observation);
        var untold = Serving("a", 60);
        Assert.Null(history.Read(untold with { Counters = untold.Counters! with { Outcomes = OutcomeCounts.Unknown } }).Observation);
    }

    [Theory]
    [InlineData(0.5, 0.1)]
    [InlineData(0.95, 0.9)]
    [InlineData(0.99, 1)]      // beyond the last finite bound
    public void Quantile_IsThatOfPromQl(double quantile, double seconds) =>
        Assert.Equal(seconds, LatencyQuantile.Of(quantile, [new(0.1, 50), new(0.5, 80), new(1, 96), new(double.PositiveInfinity, 100)]), 0.1);

    [Fact]
    public void Quantile_OfTooFewRequests_IsNone()
    {
        Assert.True(double.IsNaN(LatencyQuantile.Of(0.95, [new(1, 19), new(double.PositiveInfinity, 19)])));
        Assert.True(double.IsNaN(LatencyQuantile.Of(0.95, [new(1, 100)])));
        Assert.True(double.IsNaN(LatencyQuantile.Of(0.95, [])));
    }

    /// <summary>While every pod answers, nothing is counted twice and nothing is lost, however pods start and counters run.</summary>
    [Fact]
    public void AnyHistoryWithoutLosses_AddsUpToWhatWasAsked() =>
        Gen.Select(Gen.Int[0, 500].Array[1, 5], Gen.Bool).Array[2, 12].Sample(steps =>
        {
            var history = new History();
            var counters = new Dictionary<int, (double Count, DateTimeOffset Started)>();
            var (asked, measured) = (0d, 0d);
            var first = true;
            foreach (var (increases, servesAll) in steps)
            {
                // The pods of a step are those before and perhaps some more: none ends.
                for (var i = 0; i < Math.Max(increases.Length, counters.Count); i++)
                {
                    var increase = i < increases.Length ? increases[i] : 0;
                    var (count, started) = counters.GetValueOrDefault(i, (0, history.WallTime + TimeSpan.FromSeconds(30)));
                    counters[i] = (count + increase, started);
                    asked += first ? 0 : increase;
                }

                PodScrape[] pods = [.. counters.Select(pod => Serving($"p{pod.Key}", pod.Value.Count)).Select((pod, i) =>
                    pod with { Pod = pod.Pod with { StartedAt = counters[i].Started, Serves = servesAll || i == 0 } })];
                var reading = history.Read(pods);
                measured += first ? 0 : reading.Demand * Interval.TotalSeconds;
                first = false;
            }

            Assert.Equal(asked, measured, 1e-6);
        });

    /// <summary>Whatever pods do, demand is a number from 0 up, or it is missing and a sentence says why.</summary>
    [Fact]
    public void AnyHistory_GivesDemandOrAReason() =>
        Gen.Select(Gen.Int[0, 4], Gen.Int[0, 300], Gen.Bool, Gen.Bool).Array[0, 5].Array[1, 15].Sample(steps =>
        {
            var history = new History();
            foreach (var step in steps)
            {
                PodScrape[] pods = [.. step.DistinctBy(pod => pod.Item1).Select(pod => pod.Item3
                    ? Silent($"p{pod.Item1}", pod.Item4)
                    : Serving($"p{pod.Item1}", pod.Item2) with { Pod = new($"p{pod.Item1}", $"p{pod.Item1}", "", pod.Item4) })];
                var reading = history.Read(pods);
                Assert.True(reading.Demand >= 0 || (double.IsNaN(reading.Demand) && reading.Problem is { Length: > 0 }), $"{reading}");
                Assert.True(double.IsFinite(reading.Demand) || double.IsNaN(reading.Demand));
                Assert.InRange(reading.Observation?.RejectedRatio ?? 0, 0, 1);
            }
        });

    /// <summary>With pods alike, a silent minority changes nothing but the sentence.</summary>
    [Fact]
    public void AnySilentMinority_OfPodsAlike_LeavesDemandAsItIs() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[0, 12], Gen.Int[0, 10_000]).Sample((count, silent, increase) =>
        {
            silent = Math.Min(silent, count / 2);
            var history = new History();
            history.Read([.. Enumerable.Range(0, count).Select(i => Serving($"p{i}", 0))]);
            var reading = history.Read([.. Enumerable.Range(0, count).Select(i => i < silent ? Silent($"p{i}") : Serving($"p{i}", increase))]);
            Assert.Equal(count * increase / 60.0, reading.Demand, 1e-6);
            Assert.Equal(silent == 0, reading.Problem is null);
        });

    private static PodScrape Serving(string name, double asked, double? good = null, double refused = 0, double cpu = double.NaN, double latency = 0, double processStart = double.NaN)
    {
        // Every request took between half of `latency` and all of it.
        var buckets = latency == 0 ? [] : new Dictionary<double, double> { [latency / 2] = 0, [latency] = asked, [double.PositiveInfinity] = asked };
        return new(new(name, name, "", Serves: true), default, new(true, asked, new(asked, good ?? asked, refused), asked == 0 ? 0 : cpu, processStart, buckets), null);
    }

    private static PodScrape Standby(string name, double asked) => Serving(name, asked) is var pod ? pod with { Pod = pod.Pod with { Serves = false } } : pod;

    private static PodScrape Silent(string name, bool serves = true) => new(new(name, name, "", serves), default, null, "refused the connection");

    /// <summary>Readings one interval apart, each remembered for the next.</summary>
    private sealed class History
    {
        private TargetMemory? _memory;

        public TimeSpan Now { get; set; }

        public DateTimeOffset WallTime => Start + Now;

        public DemandReading Read(params PodScrape[] pods)
        {
            Now += Interval;
            (var reading, _memory) = DemandRates.Read(_memory, [.. pods.Select(pod => pod.At == default ? pod with { At = Now } : pod)], Now, WallTime, 5 * Interval);
            return reading;
        }
    }
}
