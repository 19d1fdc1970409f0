namespace Resilience.LoadGenerator;

/// <summary>One request: 24 bytes, because a long run keeps a million of them. Microseconds count from the start of the run.</summary>
internal readonly record struct Sample(long IntendedUs, long CompletedUs, Outcome Outcome, byte Slot)
{
    public bool IsOk => Outcome == Outcome.Ok;
}

/// <summary>Answers questions about the past from the samples of a run. Holds its own copy; nothing changes any more.</summary>
internal sealed class Timeline
{
    private readonly DateTimeOffset _start;
    private readonly Sample[] _byCompletion;
    private readonly long[] _completions;
    private readonly string[] _slots;

    /// <param name="start">Zero of the samples' microseconds.</param>
    /// <param name="samples">In any order.</param>
    /// <param name="slots">Names of the slot numbers in the samples.</param>
    public Timeline(DateTimeOffset start, IEnumerable<Sample> samples, IReadOnlyList<string> slots)
    {
        _start = start;
        _byCompletion = [.. samples];
        Array.Sort(_byCompletion, static (a, b) => a.CompletedUs.CompareTo(b.CompletedUs));
        _completions = Array.ConvertAll(_byCompletion, static sample => sample.CompletedUs);
        _slots = [.. slots];
    }

    public GapReport GapAfter(DateTimeOffset instant, DateTimeOffset until)
    {
        // After the last end of a request nobody asked any more, so that is no silence.
        var (from, to) = (Microseconds(instant), Math.Min(Microseconds(until), _completions.Length > 0 ? _completions[^1] : long.MaxValue));
        var previous = LastOkAtOrBefore(from) ?? from;
        var (gap, gapStart, gapEnd) = (-1L, previous, (long?)null);
        long failed = 0;
        long? firstFailure = null;
        for (var i = FirstAfter(from); i < _byCompletion.Length && _completions[i] <= to; i++)
        {
            ref readonly var sample = ref _byCompletion[i];
            if (!sample.IsOk)
            {
                failed++;
                firstFailure = Math.Min(firstFailure ?? long.MaxValue, sample.IntendedUs);
                continue;
            }

            if (sample.CompletedUs - previous > gap)
            {
                (gap, gapStart, gapEnd) = (sample.CompletedUs - previous, previous, sample.CompletedUs);
            }

            previous = sample.CompletedUs;
        }

        if (to - previous > gap)
        {
            // The window closes before the next good answer, so this is how long it was at least.
            (gap, gapStart, gapEnd) = (to - previous, previous, null);
        }

        return new(gap / 1_000.0, Instant(gapStart), gapEnd is { } end ? Instant(end) : null, firstFailure is { } f ? Instant(f) : null, failed);
    }

    public DateTimeOffset? FirstGoodFrom(string slot, DateTimeOffset instant)
    {
        for (var i = FirstAfter(Microseconds(instant)); i < _byCompletion.Length; i++)
        {
            if (_byCompletion[i].IsOk && _slots[_byCompletion[i].Slot] == slot)
            {
                return Instant(_completions[i]);
            }
        }

        return null;
    }

    public DateTimeOffset? LastReplyFrom(string slot, DateTimeOffset until)
    {
        for (var i = FirstAfter(Microseconds(until)) - 1; i >= 0; i--)
        {
            if (_byCompletion[i].IsOk && _slots[_byCompletion[i].Slot] == slot)
            {
                return Instant(_completions[i]);
            }
        }

        return null;
    }

    public long FailedBetween(DateTimeOffset from, DateTimeOffset until)
    {
        var (first, to) = (FirstAfter(Microseconds(from)), Microseconds(until));
        return _byCompletion.Skip(first).TakeWhile(sample => sample.CompletedUs <= to).LongCount(static sample => !sample.IsOk);
    }

    public IReadOnlyList<SecondStats> Series() => [.. _byCompletion
        .GroupBy(static sample => (int)(sample.IntendedUs / 1_000_000))
        .OrderBy(static group => group.Key)
        .Select(group => Stats(group.Key, [.. group]))];

    private SecondStats Stats(int second, Sample[] samples)
    {
        var good = Array.FindAll(samples, static sample => sample.IsOk);
        var latencies = Array.ConvertAll(good, static sample => sample.CompletedUs - sample.IntendedUs);
        Array.Sort(latencies);
        return new(second, good.Length, samples.Length - good.Length, Percentile(latencies, 0.5), Percentile(latencies, 0.95), Percentile(latencies, 0.99),
            good.CountBy(sample => _slots[sample.Slot]).ToDictionary());
    }

    /// <summary>Nearest rank, in milliseconds; 0 when there is nothing.</summary>
    internal static double Percentile(ReadOnlySpan<long> sortedUs, double share) =>
        sortedUs.IsEmpty ? 0 : sortedUs[Math.Clamp((int)Math.Ceiling(share * sortedUs.Length) - 1, 0, sortedUs.Length - 1)] / 1_000.0;

    private long? LastOkAtOrBefore(long us)
    {
        for (var i = FirstAfter(us) - 1; i >= 0; i--)
        {
            if (_byCompletion[i].IsOk)
            {
                return _completions[i];
            }
        }

        return null;
    }

    /// <summary>Index of the first sample that ended after <paramref name="us"/>.</summary>
    private int FirstAfter(long us)
    {
        var (low, high) = (0, _completions.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _completions[middle] <= us ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private long Microseconds(DateTimeOffset instant) => (instant - _start).Ticks / TimeSpan.TicksPerMicrosecond;

    private DateTimeOffset Instant(long us) => _start + TimeSpan.FromMicroseconds(us);
}
