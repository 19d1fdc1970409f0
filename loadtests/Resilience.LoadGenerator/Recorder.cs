using HdrHistogram;

namespace Resilience.LoadGenerator;

/// <summary>Collects how requests ended. Every member may be called from any thread.</summary>
internal sealed class Recorder(int maxSamples)
{
    private const int MaxSlots = 16;
    private const string Unknown = "unknown";
    private static readonly long HighestUs = TimeSpan.FromMinutes(10).Ticks / TimeSpan.TicksPerMicrosecond;

    private readonly Lock _gate = new();
    private readonly LongHistogram _latencyUs = new(HighestUs, 3);
    private readonly LongHistogram _sendLagUs = new(HighestUs, 3);
    private readonly List<Sample> _samples = new(Math.Min(maxSamples, 16_384));
    private readonly List<string> _slots = [Unknown];
    private readonly long[] _perSlot = new long[MaxSlots];
    private readonly long[] _perOutcome = new long[Enum.GetValues<Outcome>().Length];
    private byte _lastSlot;
    private long _dropped;

    public void Sent(long lagUs)
    {
        lock (_gate)
        {
            _sendLagUs.RecordValue(Math.Clamp(lagUs, 0, HighestUs));
        }
    }

    public void Ended(long intendedUs, long completedUs, Outcome outcome, string? slot)
    {
        lock (_gate)
        {
            var number = SlotNumber(slot);
            _perOutcome[(int)outcome]++;
            if (outcome == Outcome.Ok)
            {
                _latencyUs.RecordValue(Math.Clamp(completedUs - intendedUs, 0, HighestUs));
                _perSlot[number]++;
                _lastSlot = number;
            }

            if (_samples.Count < maxSamples)
            {
                _samples.Add(new(intendedUs, completedUs, outcome, number));
            }
            else
            {
                _dropped++;
            }
        }
    }

    public LoadSnapshot Snapshot(TimeSpan elapsed, double targetRps, int inFlight)
    {
        var since = (elapsed.Ticks / TimeSpan.TicksPerMicrosecond) - 1_000_000;
        lock (_gate)
        {
            var recent = new List<long>();
            var failed = 0;
            // Completions are recorded nearly in order of time, so the last second is at the end.
            for (var i = _samples.Count - 1; i >= 0 && _samples[i].CompletedUs >= since; i--)
            {
                if (_samples[i].IsOk)
                {
                    recent.Add(_samples[i].CompletedUs - _samples[i].IntendedUs);
                }
                else
                {
                    failed++;
                }
            }

            recent.Sort();
            var latencies = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(recent);
            var totals = Totals();
            return new(elapsed, targetRps, totals.Scheduled + inFlight, totals.Ok, totals.Failed, inFlight, recent.Count, failed,
                Timeline.Percentile(latencies, 0.5), Timeline.Percentile(latencies, 0.99), totals.Ok > 0 ? _slots[_lastSlot] : null, totals.PerSlot);
        }
    }

    /// <summary>How faithfully requests were sent, as far as <see cref="Sent"/> was told.</summary>
    public GeneratorSummary Generator(long connectionsOpened, long onNewConnections)
    {
        lock (_gate)
        {
            return new(At(_sendLagUs, 50), At(_sendLagUs, 99), At(_sendLagUs, 100), connectionsOpened, onNewConnections, _dropped);
        }
    }

    public LoadResult Result(DateTimeOffset startedAt, TimeSpan duration, GeneratorSummary generator)
    {
        lock (_gate)
        {
            var latency = new LatencySummary(At(_latencyUs, 50), At(_latencyUs, 95), At(_latencyUs, 99), At(_latencyUs, 99.9), At(_latencyUs, 100));
            return new(startedAt, duration, Totals(), latency, generator, new Timeline(startedAt, _samples, _slots));
        }
    }

    /// <summary>The samples after the first <paramref name="known"/>, up to <paramref name="most"/> of them, and the names of their slot numbers.</summary>
    public (IReadOnlyList<Sample> Samples, IReadOnlyList<string> Slots) Since(int known, int most)
    {
        lock (_gate)
        {
            return (_samples.GetRange(known, Math.Min(most, _samples.Count - known)), [.. _slots]);
        }
    }

    private static double At(LongHistogram histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / 1_000.0;

    private LoadTotals Totals()
    {
        var all = _perOutcome.Sum();
        var ok = _perOutcome[(int)Outcome.Ok];
        var failedBy = Enum.GetValues<Outcome>().Where(kind => kind != Outcome.Ok && _perOutcome[(int)kind] > 0)
            .ToDictionary(static kind => kind, kind => _perOutcome[(int)kind]);
        var perSlot = _slots.Select((name, i) => (name, count: _perSlot[i])).Where(static slot => slot.count > 0)
            .ToDictionary(static slot => slot.name, static slot => slot.count);
        return new(all, ok, all - ok, failedBy, perSlot);
    }

    private byte SlotNumber(string? slot)
    {
        if (slot is null)
        {
            return 0;
        }

        var index = _slots.IndexOf(slot);
        if (index < 0 && _slots.Count < MaxSlots)
        {
            _slots.Add(slot);
            index = _slots.Count - 1;
        }

        // A server that invents slot names must not make us grow.
        return (byte)Math.Max(index, 0);
    }
}
