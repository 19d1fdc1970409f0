namespace Resilience.LoadGenerator.Streaming;

/// <summary>
/// Rebuilds a run from the lines of <see cref="LoadLog"/>. Requests go through the same recorder as those of a run in this process, so
/// percentiles, timeline and snapshot are made by the same code. Lines may be read again from the first; those known are skipped.
/// </summary>
/// <remarks>
/// Two clocks: times within the run are the sender's, to the microsecond. Where its zero lies on the reader's clock is taken from the
/// quickest line so far: a line arrives after it was written, so the smallest difference of arrival and writing is nearest to the truth.
/// Neither machine's wall clock is compared with the other's. What remains is the way of that line, which puts the run late, never early.
/// </remarks>
public sealed class LoadLogReader(LoadPlan plan)
{
    /// <summary>Lines that were in the log already arrive all at once and late; the clock is believed after this much listening.</summary>
    private static readonly TimeSpan Listening = TimeSpan.FromMilliseconds(300);
    private const int LongestWords = 300;

    private readonly Lock _gate = new();
    private readonly Recorder _recorder = new(plan.MaxSamples);
    private int _next;
    private long _told;
    private long? _zeroUs;
    private long _lastUs;
    private int _inFlight;
    private DateTimeOffset? _startedAt;
    private DateTimeOffset? _firstHeard;
    private DateTimeOffset? _programBegan;
    private DateTimeOffset? _podSaysStartedAt;
    private TimeSpan? _duration;
    private GeneratorSummary _generator = new(0, 0, 0, 0, 0, 0);

    /// <summary>Zero of the run on the reader's clock; null until it is known. Stays as it was first believed.</summary>
    public DateTimeOffset? StartedAt
    {
        get
        {
            lock (_gate)
            {
                return _startedAt;
            }
        }
    }

    /// <summary>The sender's wall clock less the reader's, as far as the lines' way lets one tell; null before <see cref="StartedAt"/>.</summary>
    public TimeSpan? ClockDifference
    {
        get
        {
            lock (_gate)
            {
                return _podSaysStartedAt - _startedAt;
            }
        }
    }

    /// <summary>All of the run has been told.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Why there is no load.</summary>
    public string? Problem { get; private set; }

    /// <summary>The last line that was none of ours: what a runtime says before it dies.</summary>
    public string? LastWords { get; private set; }

    /// <param name="line">As written.</param>
    /// <param name="heardAt">When it arrived, on the reader's clock.</param>
    /// <exception cref="FormatException">Lines are missing or damaged: the run cannot be rebuilt.</exception>
    public void Take(string line, DateTimeOffset heardAt)
    {
        ArgumentNullException.ThrowIfNull(line);
        lock (_gate)
        {
            if (LoadLine.Parse(line) is not { } said)
            {
                LastWords = string.IsNullOrWhiteSpace(line) ? LastWords : line.Trim()[..Math.Min(line.Trim().Length, LongestWords)];
                return;
            }

            if (said.N < _next)
            {
                return;
            }

            if (said.N > _next)
            {
                throw new FormatException($"Lines {_next} to {said.N - 1} of the load generator's log are missing.");
            }

            _next++;
            Compare(said, heardAt);
            Take(said);
            if (_startedAt is null && _zeroUs is { } zero && (heardAt - _firstHeard >= Listening || HasEnded))
            {
                _startedAt = _programBegan + TimeSpan.FromMicroseconds(zero);
            }
        }
    }

    /// <summary>The run as of the last line. Its time stands still while no line arrives, so silence of the log is not taken for silence of the system.</summary>
    public LoadSnapshot Snapshot()
    {
        lock (_gate)
        {
            var elapsed = TimeSpan.FromMicroseconds(_zeroUs is { } zero ? Math.Max(0, _lastUs - zero) : 0);
            return _recorder.Snapshot(elapsed, elapsed < plan.Duration ? plan.Profile.RateAt(elapsed) : 0, _inFlight);
        }
    }

    /// <summary>What has been told: the whole run once <see cref="HasEnded"/>.</summary>
    /// <exception cref="InvalidOperationException">The load has not begun.</exception>
    public LoadResult Result()
    {
        lock (_gate)
        {
            var zero = _zeroUs ?? throw new InvalidOperationException("The load has not begun.");
            var sent = TimeSpan.FromMicroseconds(Math.Clamp(_lastUs - zero, 0, plan.Duration.Ticks / TimeSpan.TicksPerMicrosecond));
            return _recorder.Result(_startedAt ?? _programBegan!.Value + TimeSpan.FromMicroseconds(zero), _duration ?? sent, _generator);
        }
    }

    private void Compare(LoadLine said, DateTimeOffset heardAt)
    {
        var began = heardAt - TimeSpan.FromMicroseconds(said.Us);
        _firstHeard ??= heardAt;
        _programBegan = _programBegan is { } known && known < began ? known : began;
        _lastUs = said.Us;
    }

    private void Take(LoadLine said)
    {
        _inFlight = said.InFlight ?? _inFlight;
        _generator = said.Generator ?? _generator;
        switch (said.Kind)
        {
            case LoadLine.Started:
                (_zeroUs, _podSaysStartedAt) = (said.ZeroUs ?? said.Us, said.At);
                break;
            case LoadLine.Requests:
                Record(SampleCodec.Decode(said.Samples ?? string.Empty), said.Slots ?? []);
                break;
            case LoadLine.Ended:
                if (said.Total != _told)
                {
                    throw new FormatException($"The load generator's log tells {_told} of {said.Total} requests.");
                }

                HasEnded = true;
                _duration = TimeSpan.FromMicroseconds(said.DurationUs ?? 0);
                break;
            case LoadLine.Refused:
                Problem = said.Problem ?? "it does not say why";
                break;
            default:
                break;   // a clock, or a later version's addition
        }
    }

    private void Record(IReadOnlyList<Sample> samples, IReadOnlyList<string> slots)
    {
        foreach (var sample in samples)
        {
            _recorder.Ended(sample.IntendedUs, sample.CompletedUs, sample.Outcome, sample.Slot < slots.Count && sample.Slot > 0 ? slots[sample.Slot] : null);
        }

        _told += samples.Count;
    }
}
