namespace Resilience.ScalingAgent.Ledger;

/// <summary>Kinds of ledger entries.</summary>
internal static class EntryKind
{
    /// <summary>A floor was decided; the body is a <see cref="DecisionRecord"/>.</summary>
    public const string Decision = "decision";

    /// <summary>What came of a decision; the body is an <see cref="OutcomeRecord"/>.</summary>
    public const string Outcome = "outcome";

    /// <summary>Something a reader should know: reactive fallback, a corrupt file set aside, a person's reset. The body is a <see cref="NoticeRecord"/>.</summary>
    public const string Notice = "notice";

    /// <summary>Written by the store: older entries were dropped; the body is a <see cref="CheckpointRecord"/>.</summary>
    public const string Checkpoint = "checkpoint";

    public static IReadOnlyList<string> All { get; } = [Decision, Outcome, Notice, Checkpoint];
}
