using Resilience.Lab.Running;

namespace Resilience.Lab.Tests.Running;

public sealed class FailoverCorrelatorTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    [Fact]
    public void Correlate_AnOutage_IsToldFromTheFault()
    {
        var client = SampleView.Steady(Start, 60, "blue")
            .Replace(20.010, 20.080, ok: false, "blue")
            .Replace(20.080, 60, ok: true, "green");
        var (failovers, outside) = Correlate(client, [Fault("outage", "blue", 20, 40)], [Move("rescue", "blue", "green", 20.05, 20.051, 20.058)]);

        var move = Assert.Single(failovers);
        Assert.Equal(("rescue", "blue", "green"), (move.Kind, move.From, move.To));
        Assert.Equal((50, 1, 7), (move.DetectMs, move.DecideMs, move.PatchMs));
        Assert.InRange(move.ClientGapMs, 70, 90);
        Assert.Equal(20, move.FaultAtSeconds);
        Assert.Equal(14, move.FailedRequests);
        Assert.InRange(move.LastOldReplyMs, 1, 10);
        Assert.Equal(0, outside);
    }

    [Fact]
    public void Correlate_AFailBack_HasNoFaultAndCountsFromTheDecision()
    {
        var client = SampleView.Steady(Start, 60, "green").Replace(30, 60, ok: true, "blue");
        var (failovers, _) = Correlate(client, [Fault("outage", "blue", 5, 10)], [Move("failback", "green", "blue", 29.9, 29.95, 30)]);

        var move = Assert.Single(failovers);
        Assert.Null(move.FaultAtSeconds);
        Assert.Equal(0, move.DetectMs);
        Assert.InRange(move.ClientGapMs, 0, 10);
    }

    [Fact]
    public void Correlate_ASecondMoveUnderOneFault_IsNotChargedWithTheFirst()
    {
        var client = SampleView.Steady(Start, 60, "blue");
        var (failovers, _) = Correlate(client,
            [Fault("flap", "blue", 10, 40)],
            [Move("rescue", "blue", "green", 10.1, 10.1, 10.1), Move("failback", "green", "blue", 20, 20, 20), Move("rescue", "blue", "green", 30.1, 30.1, 30.1)]);

        Assert.Equal([10.0, null, null], failovers.Select(move => move.FaultAtSeconds));
        Assert.Equal(0, failovers[2].DetectMs);
    }

    [Fact]
    public void Correlate_AFaultOfTheOtherSlot_IsNoCause()
    {
        var (failovers, _) = Correlate(SampleView.Steady(Start, 60, "blue"), [Fault("outage", "green", 20, 40)], [Move("rescue", "blue", "green", 25, 25, 25)]);

        Assert.Null(Assert.Single(failovers).FaultAtSeconds);
    }

    [Fact]
    public void Correlate_FailuresThatNoMoveExplains_AreCounted()
    {
        var client = SampleView.Steady(Start, 60, "blue").Replace(50, 50.1, ok: false, "green");
        var (_, outside) = Correlate(client, [Fault("outage", "blue", 20, 40)], [Move("rescue", "blue", "green", 20.05, 20.05, 20.05)]);

        Assert.Equal(20, outside);
    }

    [Fact]
    public void Correlate_OverlappingWindows_CountAFailureOnce()
    {
        var client = SampleView.Steady(Start, 60, "blue").Replace(20.1, 20.2, ok: false, "blue").Replace(50, 50.1, ok: false, "blue");
        var (_, outside) = Correlate(client,
            [Fault("outage", "blue", 20, 40)],
            [Move("rescue", "blue", "green", 20.05, 20.05, 20.05), Move("rescue", "green", "blue", 20.5, 20.5, 20.5)]);

        Assert.Equal(20, outside);
    }

    private static (IReadOnlyList<Lab.Reporting.FailoverReport> Failovers, long Outside) Correlate(
        SampleView client, IReadOnlyList<InjectedFault> faults, IReadOnlyList<ObservedMove> moves) =>
        FailoverCorrelator.Correlate(Start, faults, moves, client, Timeout);

    private static InjectedFault Fault(string kind, string target, double from, double until) =>
        new(kind, target, Start.AddSeconds(from), Start.AddSeconds(until));

    private static ObservedMove Move(string kind, string from, string to, double detected, double decided, double patched) =>
        new(kind, from, to, "because", Start.AddSeconds(detected), Start.AddSeconds(decided), Start.AddSeconds(patched));
}

/// <summary>The users' side, made of 200 requests a second.</summary>
internal sealed class SampleView : IClientView
{
    private readonly DateTimeOffset _start;
    private readonly List<(double At, bool Ok, string Slot)> _samples;

    private SampleView(DateTimeOffset start, IEnumerable<(double At, bool Ok, string Slot)> samples)
    {
        _start = start;
        _samples = [.. samples];
    }

    public long Failed => _samples.LongCount(sample => !sample.Ok);

    public static SampleView Steady(DateTimeOffset start, int seconds, string slot) =>
        new(start, Enumerable.Range(0, seconds * 200).Select(i => (i * 0.005, true, slot)));

    /// <summary>Other answers from one second to another.</summary>
    public SampleView Replace(double from, double until, bool ok, string slot) =>
        new(_start, _samples.Select(sample => sample.At >= from - 1e-9 && sample.At < until - 1e-9 ? (sample.At, ok, slot) : sample));

    public (TimeSpan Gap, DateTimeOffset Start, DateTimeOffset? FirstFailure, long Failed) GapAfter(DateTimeOffset from, DateTimeOffset until)
    {
        var last = Seconds(from);
        var (gap, start) = (0.0, last);
        foreach (var (at, ok, _) in Between(from, until).Where(sample => sample.Ok))
        {
            (gap, start, last) = at - last > gap ? (at - last, last, at) : (gap, start, at);
        }

        var failed = Between(from, until).Where(sample => !sample.Ok).ToArray();
        return (TimeSpan.FromSeconds(gap), _start.AddSeconds(start), failed.Length == 0 ? null : _start.AddSeconds(failed[0].At), failed.Length);
    }

    public DateTimeOffset? FirstGoodFrom(string slot, DateTimeOffset from) =>
        Instant(_samples.FirstOrDefault(sample => sample.Ok && sample.Slot == slot && sample.At > Seconds(from)));

    public DateTimeOffset? LastReplyFrom(string slot, DateTimeOffset until) =>
        Instant(_samples.LastOrDefault(sample => sample.Ok && sample.Slot == slot && sample.At <= Seconds(until)));

    public long FailedBetween(DateTimeOffset from, DateTimeOffset until) => Between(from, until).LongCount(sample => !sample.Ok);

    private IEnumerable<(double At, bool Ok, string Slot)> Between(DateTimeOffset from, DateTimeOffset until) =>
        _samples.Where(sample => sample.At >= Seconds(from) && sample.At <= Seconds(until));

    private double Seconds(DateTimeOffset instant) => (instant - _start).TotalSeconds;

    private DateTimeOffset? Instant((double At, bool Ok, string Slot) sample) => sample.Slot is null ? null : _start.AddSeconds(sample.At);
}
