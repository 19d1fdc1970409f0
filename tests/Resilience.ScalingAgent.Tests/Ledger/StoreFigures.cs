using System.Diagnostics;
using System.Globalization;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Tests.Ledger;

/// <summary>What a large installation costs; the figures in docs/ledger.md.</summary>
[Trait("tier", "bench")]
public sealed class StoreFigures(ITestOutputHelper output)
{
    private const int Scalers = 1_000;

    [Fact(Explicit = true)]
    public void AThousandScalers_OneRowAMinuteEach()
    {
        using var temporary = new TemporaryStore();
        var decision = LedgerRecordsTests.Decision(123.4, "Raise the floor to 7 (forecast peak 123.4 at 97.5%, 20 per replica).", 6, 0.02, 1.25, TemporaryStore.Start).ToBody();
        var outcome = new OutcomeRecord { Decision = 1, ScoredAt = TemporaryStore.Start, PeakDemand = 120, EndDemand = 110, ReadyReplicas = 7, ReadyCapacity = 140, Violated = false, Summary = "Enough: 120 of 140 requests/s were used." }.ToBody();
        var scalers = Enumerable.Range(0, Scalers).Select(i => new ScalerKey("shop", $"web-{i}")).ToArray();
        var history = Enumerable.Range(0, 21_600).Select(m => new DemandSample(TemporaryStore.Start.AddMinutes(m), 100 + (m % 60))).ToArray();
        var store = temporary.Store;

        var watch = Stopwatch.StartNew();
        foreach (var scaler in scalers)
        {
            store.AppendDemand(scaler, history);
        }

        Say($"import of 15 days of minutes for {Scalers} scalers: {watch.Elapsed.TotalSeconds:0.0} s, file {Mebibytes(temporary):0} MiB");
        var slowest = TimeSpan.Zero;
        var total = TimeSpan.Zero;
        const int minutes = 5;
        for (var minute = 0; minute < minutes; minute++)
        {
            watch.Restart();
            var at = TemporaryStore.Start.AddMinutes(21_600 + minute);
            foreach (var scaler in scalers)
            {
                var began = Stopwatch.GetTimestamp();
                store.AppendDemand(scaler, [new DemandSample(at, 150)]);
                var number = store.Append(scaler, at, EntryKind.Decision, null, decision)!.Number;
                _ = store.Append(scaler, at, EntryKind.Outcome, Math.Max(1, number - 2_000), outcome);
                store.WriteLearned(scaler, "floor-state", at, outcome);
                var took = Stopwatch.GetElapsedTime(began);
                slowest = took > slowest ? took : slowest;
            }

            total += watch.Elapsed;
        }

        Say($"one minute of {Scalers} scalers (sample, decision of {decision.GetRawText().Length} bytes, outcome, learned value; each durable on its own): {total.TotalSeconds / minutes:0.00} s; slowest scaler {slowest.TotalMilliseconds:0.0} ms");
        watch.Restart();
        var verdict = store.Verify(TestContext.Current.CancellationToken);
        Say($"verify {verdict.Entries} entries: {watch.Elapsed.TotalSeconds:0.00} s");
        watch.Restart();
        store = temporary.Reopen();
        Say($"open, with the check of the file: {watch.Elapsed.TotalSeconds:0.00} s");
        watch.Restart();
        Assert.Equal(21_605, store.ReadDemand(scalers[500], DateTimeOffset.MinValue).Count);
        Say($"read one scaler's history: {watch.Elapsed.TotalMilliseconds:0} ms");
        Say($"file {Mebibytes(temporary):0} MiB");
        Assert.True(verdict.Intact);
        Assert.True(total.TotalSeconds / minutes < 6, "a minute's writes take more than a tenth of a minute");
    }

    private void Say(FormattableString line)
    {
        var text = line.ToString(CultureInfo.InvariantCulture);
        output.WriteLine(text);
        Console.WriteLine(text);
    }

    private static double Mebibytes(TemporaryStore temporary) => new FileInfo(temporary.Options.Path).Length / 1_048_576.0;
}
