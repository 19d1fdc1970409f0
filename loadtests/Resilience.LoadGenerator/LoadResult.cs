namespace Resilience.LoadGenerator;

/// <summary>Latency of the requests answered well, from the intended send time, in milliseconds.</summary>
public sealed record LatencySummary(double P50Ms, double P95Ms, double P99Ms, double P999Ms, double MaxMs);

/// <summary>One second of the run, by intended send time; latencies of the requests answered well.</summary>
public sealed record SecondStats(int Second, int Ok, int Failed, double P50Ms, double P95Ms, double P99Ms, IReadOnlyDictionary<string, int> PerSlot);

/// <summary>How faithfully the generator itself worked; a run with a large lag says more about the machine than about the system.</summary>
/// <param name="SendLagP50Ms">Half of the requests left at most this long after their intended time.</param>
/// <param name="SendLagP99Ms">As <paramref name="SendLagP50Ms"/>, for 99 of 100.</param>
/// <param name="SendLagMaxMs">The longest lag.</param>
/// <param name="ConnectionsOpened">Connections opened, for new and for kept-alive use together.</param>
/// <param name="OnNewConnections">Requests that had to open a connection.</param>
/// <param name="SamplesDropped">Requests beyond <see cref="LoadPlan.MaxSamples"/>: in totals and percentiles, but not in timelines and series.</param>
public sealed record GeneratorSummary(
    double SendLagP50Ms, double SendLagP99Ms, double SendLagMaxMs, long ConnectionsOpened, long OnNewConnections, long SamplesDropped);

/// <summary>What users saw after one instant.</summary>
/// <param name="ClientGapMs">
/// Longest time without a good answer between two good answers (the first may lie before the instant), or up to the end of the window.
/// </param>
/// <param name="GapStart">Last good answer before the gap.</param>
/// <param name="GapEnd">First good answer after the gap; null when none came in the window.</param>
/// <param name="FirstFailure">When the first failing request that ended in the window was to be sent; null when none failed.</param>
/// <param name="FailedRequests">Requests that ended badly in the window.</param>
public sealed record GapReport(double ClientGapMs, DateTimeOffset GapStart, DateTimeOffset? GapEnd, DateTimeOffset? FirstFailure, long FailedRequests)
{
    /// <summary>False when the window ended without a good answer after the longest gap.</summary>
    public bool Recovered => GapEnd is not null;
}

/// <summary>A finished run: totals, percentiles, and the timeline as users saw it.</summary>
public sealed class LoadResult
{
    private readonly Timeline _timeline;

    internal LoadResult(DateTimeOffset startedAt, TimeSpan duration, LoadTotals totals, LatencySummary latency, GeneratorSummary generator, Timeline timeline)
    {
        (StartedAt, Duration, Latency, Generator, _timeline) = (startedAt, duration, latency, generator, timeline);
        (Scheduled, Ok, Failed, PerSlot) = (totals.Scheduled, totals.Ok, totals.Failed, totals.PerSlot);
        FailedBy = totals.FailedBy;
    }

    public DateTimeOffset StartedAt { get; }

    /// <summary>Time in which requests were sent.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Requests that came due, whether or not they could be sent. An aborted run leaves those out that were still under way.</summary>
    public long Scheduled { get; }

    public long Ok { get; }

    public long Failed { get; }

    public IReadOnlyDictionary<Outcome, long> FailedBy { get; }

    /// <summary>Good answers by the header <c>X-Slot</c>; "unknown" without that header.</summary>
    public IReadOnlyDictionary<string, long> PerSlot { get; }

    public double ErrorRatio => Scheduled == 0 ? 0 : (double)Failed / Scheduled;

    /// <summary>Requests per second that came due.</summary>
    public double AchievedRps => Duration > TimeSpan.Zero ? Scheduled / Duration.TotalSeconds : 0;

    public LatencySummary Latency { get; }

    public GeneratorSummary Generator { get; }

    /// <summary>Longest time without a good answer in the whole run.</summary>
    public double LongestGapMs => GapAfter(StartedAt, StartedAt + Duration).ClientGapMs;

    public IReadOnlyList<SecondStats> Series() => _timeline.Series();

    /// <inheritdoc cref="GapReport"/>
    public GapReport GapAfter(DateTimeOffset instant, DateTimeOffset until) => _timeline.GapAfter(instant, until);

    /// <summary>First good answer of <paramref name="slot"/> that arrived after <paramref name="instant"/>; null when none did.</summary>
    public DateTimeOffset? FirstGoodFrom(string slot, DateTimeOffset instant) => _timeline.FirstGoodFrom(slot, instant);

    /// <summary>Last good answer of <paramref name="slot"/> that arrived before <paramref name="until"/>; null when none did.</summary>
    public DateTimeOffset? LastReplyFrom(string slot, DateTimeOffset until) => _timeline.LastReplyFrom(slot, until);

    /// <summary>Requests that ended badly from <paramref name="from"/> to <paramref name="until"/>.</summary>
    public long FailedBetween(DateTimeOffset from, DateTimeOffset until) => _timeline.FailedBetween(from, until);
}

/// <summary>A running load, about the last second of it.</summary>
/// <param name="TargetRps">Rate that the profile asks for just now.</param>
/// <param name="RecentOk">Good answers in the last second.</param>
/// <param name="RecentFailed">Bad ends in the last second.</param>
/// <param name="RecentP50Ms">Of the good answers in the last second; 0 when there were none.</param>
/// <param name="RecentP99Ms">As <paramref name="RecentP50Ms"/>.</param>
/// <param name="LastSlot">Slot of the latest good answer.</param>
public sealed record LoadSnapshot(
    TimeSpan Elapsed, double TargetRps, long Scheduled, long Ok, long Failed, int InFlight,
    int RecentOk, int RecentFailed, double RecentP50Ms, double RecentP99Ms, string? LastSlot, IReadOnlyDictionary<string, long> PerSlot);

/// <summary>Counts of a run.</summary>
internal sealed record LoadTotals(
    long Scheduled, long Ok, long Failed, IReadOnlyDictionary<Outcome, long> FailedBy, IReadOnlyDictionary<string, long> PerSlot);
