using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Probing;

/// <summary>The probe history of one pod: counts failures in a row. Not thread-safe; one loop writes it.</summary>
internal sealed class ProbeRecord(int failuresNeeded)
{
    private volatile int _failures;
    private DateTimeOffset _firstFailure;
    private volatile ProbeFacts _facts = new(null, null);

    /// <summary>The facts so far; an immutable snapshot that any thread may read.</summary>
    public ProbeFacts Facts => _facts;

    /// <summary>Whether the last probe failed; any thread may ask.</summary>
    public bool IsFailing => _failures > 0;

    /// <summary>Adds a result.</summary>
    /// <returns>True when the pod began or ceased to count as failing.</returns>
    public bool Add(ProbeOutcome outcome, DateTimeOffset startedAt)
    {
        var before = _facts;
        if (outcome == ProbeOutcome.Success)
        {
            _failures = 0;
            _facts = new(null, startedAt);
            return before.FailingSince is not null;
        }
        if (_failures++ == 0)
        {
            _firstFailure = startedAt;
        }
        if (_failures < failuresNeeded || before.FailingSince is not null)
        {
            return false;
        }
        _facts = before with { FailingSince = _firstFailure };
        return true;
    }
}
