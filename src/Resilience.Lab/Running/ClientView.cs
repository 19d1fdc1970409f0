using Resilience.LoadGenerator;

namespace Resilience.Lab.Running;

/// <summary>What users saw around one move of traffic.</summary>
/// <param name="Gap">Longest interval without a successful answer.</param>
/// <param name="GapStart">The last successful answer before it.</param>
internal sealed record ClientGap(TimeSpan Gap, DateTimeOffset GapStart, DateTimeOffset? FirstFailure, DateTimeOffset? FirstGood, DateTimeOffset? LastOldReply, long Failed);

/// <summary>The users' side of a run; <see cref="LoadResultView"/> is the real one.</summary>
internal interface IClientView
{
    /// <summary>Failed requests of the whole run.</summary>
    long Failed { get; }

    (TimeSpan Gap, DateTimeOffset Start, DateTimeOffset? FirstFailure, long Failed) GapAfter(DateTimeOffset from, DateTimeOffset until);

    DateTimeOffset? FirstGoodFrom(string slot, DateTimeOffset from);

    DateTimeOffset? LastReplyFrom(string slot, DateTimeOffset until);

    long FailedBetween(DateTimeOffset from, DateTimeOffset until);
}

internal sealed class LoadResultView(LoadResult result) : IClientView
{
    public long Failed => result.Failed;

    public (TimeSpan Gap, DateTimeOffset Start, DateTimeOffset? FirstFailure, long Failed) GapAfter(DateTimeOffset from, DateTimeOffset until)
    {
        // After the last request there is no answer to wait for.
        var end = result.StartedAt + result.Duration;
        var gap = result.GapAfter(from, until < end ? until : end);
        return (TimeSpan.FromMilliseconds(gap.ClientGapMs), gap.GapStart, gap.FirstFailure, gap.FailedRequests);
    }

    public DateTimeOffset? FirstGoodFrom(string slot, DateTimeOffset from) => result.FirstGoodFrom(slot, from);

    public DateTimeOffset? LastReplyFrom(string slot, DateTimeOffset until) => result.LastReplyFrom(slot, until);

    public long FailedBetween(DateTimeOffset from, DateTimeOffset until) => result.FailedBetween(from, until);
}
