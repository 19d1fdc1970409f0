using Resilience.Lab.Reporting;

namespace Resilience.Lab.Running;

/// <summary>A fault as it was injected.</summary>
/// <param name="Until">When it was undone; equal to <paramref name="At"/> for a fault that happens once.</param>
internal sealed record InjectedFault(string Kind, string Target, DateTimeOffset At, DateTimeOffset Until);

/// <summary>A move of traffic as the watcher recorded it.</summary>
internal sealed record ObservedMove(
    string Kind, string From, string To, string Reason, DateTimeOffset? DetectedAt, DateTimeOffset? DecidedAt, DateTimeOffset PatchedAt);

/// <summary>Brings three tellings of one story together: the lab's faults, the watcher's moves, the users' answers.</summary>
internal static class FailoverCorrelator
{
    /// <summary>After a fault ended, a move may still be its consequence for so long.</summary>
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(10);

    /// <summary>Users' answers count to a move for so long after it, unless the next move comes sooner.</summary>
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(10);

    /// <param name="moves">In order of time.</param>
    /// <param name="timeout">Of a request: one sent in the gap may fail so much later.</param>
    public static (IReadOnlyList<FailoverReport> Failovers, long FailedOutsideGaps) Correlate(
        DateTimeOffset loadStart, IReadOnlyList<InjectedFault> faults, IReadOnlyList<ObservedMove> moves, IClientView client, TimeSpan timeout)
    {
        var reports = new List<FailoverReport>();
        var windows = new List<(DateTimeOffset From, DateTimeOffset Until)>();
        var explained = new HashSet<InjectedFault>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < moves.Count; i++)
        {
            var move = moves[i];
            var cause = Cause(move, faults);
            var first = cause is not null && explained.Add(cause);

            // A fault that comes and goes causes several moves; only the first is counted from the fault itself.
            var from = first ? cause!.At : Earliest(move);
            var until = move.PatchedAt + Recovery;
            if (i + 1 < moves.Count && Earliest(moves[i + 1]) < until)
            {
                until = Earliest(moves[i + 1]);
            }

            var seen = Look(client, move, from, until);
            reports.Add(Describe(move, first ? cause : null, from, seen, loadStart));
            windows.Add((from - TimeSpan.FromMilliseconds(50), (seen.FirstGood ?? move.PatchedAt) + timeout));
        }

        return (reports, Math.Max(0, client.Failed - FailedWithin(windows, client)));
    }

    private static ClientGap Look(IClientView client, ObservedMove move, DateTimeOffset from, DateTimeOffset until)
    {
        var (gap, start, firstFailure, failed) = client.GapAfter(from, until);
        var firstGood = client.FirstGoodFrom(move.To, from);
        var lastOld = client.LastReplyFrom(move.From, until);
        return new ClientGap(gap, start, firstFailure, firstGood, lastOld > from ? lastOld : null, failed);
    }

    /// <summary>Windows of moves that follow each other closely overlap; no request may count twice.</summary>
    private static long FailedWithin(List<(DateTimeOffset From, DateTimeOffset Until)> windows, IClientView client)
    {
        long failed = 0;
        var done = DateTimeOffset.MinValue;
        foreach (var (from, until) in windows.OrderBy(window => window.From))
        {
            var start = from > done ? from : done;
            if (until > start)
            {
                failed += client.FailedBetween(start, until);
                done = until;
            }
        }

        return failed;
    }

    /// <summary>The latest fault that began before the move, hit the slot that was left (or the watcher), and was not long over.</summary>
    private static InjectedFault? Cause(ObservedMove move, IReadOnlyList<InjectedFault> faults) => move.Kind is "failback" or "switchover" or "external"
        ? null
        : faults
            .Where(fault => fault.Target == move.From && fault.At <= move.PatchedAt && fault.Until + Aftermath >= Earliest(move))
            .MaxBy(fault => fault.At);

    private static DateTimeOffset Earliest(ObservedMove move) => move.DetectedAt ?? move.DecidedAt ?? move.PatchedAt;

    private static FailoverReport Describe(ObservedMove move, InjectedFault? cause, DateTimeOffset from, ClientGap seen, DateTimeOffset loadStart)
    {
        var detected = move.DetectedAt ?? move.DecidedAt ?? move.PatchedAt;
        var decided = move.DecidedAt ?? move.PatchedAt;
        return new FailoverReport
        {
            Kind = move.Kind,
            From = move.From,
            To = move.To,
            Reason = move.Reason,
            DetectMs = Milliseconds(detected - from),
            DecideMs = Milliseconds(decided - detected),
            PatchMs = Milliseconds(move.PatchedAt - decided),
            ClientGapMs = Milliseconds(seen.Gap),
            LastOldReplyMs = seen.LastOldReply is { } last ? Milliseconds(last - from) : 0,
            FailedRequests = seen.Failed,
            FaultAtSeconds = cause is null ? null : Seconds(cause.At - loadStart),
            DetectedAtSeconds = Seconds(detected - loadStart),
            DecidedAtSeconds = Seconds(decided - loadStart),
            PatchedAtSeconds = Seconds(move.PatchedAt - loadStart),
            FirstFailureAtSeconds = seen.FirstFailure is { } failure ? Seconds(failure - loadStart) : null,
            FirstGoodAtSeconds = seen.FirstGood is { } good ? Seconds(good - loadStart) : null,
            WaitFromSeconds = Seconds(seen.GapStart - loadStart),
            WaitUntilSeconds = Seconds(seen.GapStart + seen.Gap - loadStart),
            LastOldReplyAtSeconds = seen.LastOldReply is { } old ? Seconds(old - loadStart) : null,
        };
    }

    private static double Milliseconds(TimeSpan span) => Math.Round(Math.Max(0, span.TotalMilliseconds), 1);

    private static double Seconds(TimeSpan span) => Math.Round(span.TotalSeconds, 3);
}
