namespace Resilience.LocalCluster.Node;

/// <summary>Delay between attempts: none before the first retry, then 10 s doubling to 5 min; forgotten after 10 quiet minutes.</summary>
internal sealed class RestartBackOff
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    private DateTimeOffset _updated;

    /// <summary>Zero while nothing has failed yet.</summary>
    public TimeSpan Delay { get; private set; }

    /// <summary>When an attempt may follow one that ended at <paramref name="ended"/>.</summary>
    public DateTimeOffset NotBefore(DateTimeOffset ended) =>
        Delay == TimeSpan.Zero || ended - _updated > 2 * Longest ? ended : ended + Delay;

    /// <summary>Records that an attempt is being made after one that ended at <paramref name="ended"/>.</summary>
    public void Advance(DateTimeOffset ended, DateTimeOffset now)
    {
        Delay = Delay == TimeSpan.Zero || ended - _updated > 2 * Longest ? First
            : Delay * 2 < Longest ? Delay * 2 : Longest;
        _updated = now;
    }
}
