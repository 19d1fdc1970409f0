namespace Resilience.ScalingAgent.Ledger;

/// <summary>State of one walk along the chain.</summary>
internal sealed class LedgerWalk
{
    private long? _oldest;
    private long? _firstBroken;
    private string? _why;

    /// <summary>Newest entry found good, or what the oldest one must follow.</summary>
    public long Number { get; set; }

    public string Hash { get; set; } = "";

    public long Entries { get; private set; }

    /// <summary>Entries were dropped meanwhile: walk again.</summary>
    public bool WasPruned { get; set; }

    /// <returns>False when the chain breaks here.</returns>
    public bool Step(LedgerRow row)
    {
        if (row.Number != Number + 1)
        {
            Break(Number + 1, Entries == 0
                ? $"the oldest entry is {row.Number}, but according to the checkpoints it should be {Number + 1}"
                : $"entry {Number + 1} is missing: {row.Number} follows {Number}");
            return false;
        }

        if (LedgerChain.Hash(Hash, row) != row.Hash)
        {
            Break(row.Number, $"entry {row.Number} does not match its hash: it was changed, or does not follow the one before it");
            return false;
        }

        _oldest ??= row.Number;
        (Number, Hash, Entries) = (row.Number, row.Hash, Entries + 1);
        return true;
    }

    public void Break(long number, string why) => (_firstBroken, _why) = (number, why);

    public LedgerVerification Verdict() => new(_firstBroken is null, Entries, _oldest, Entries == 0 ? null : Number, Entries == 0 ? null : Hash, _firstBroken, _why);
}
