namespace Resilience.Control.Scaling;

/// <summary>What a decision promised, kept until it can be scored.</summary>
/// <param name="Number">Number in the ledger; null when it could not be kept.</param>
/// <param name="At">Start of the newest interval that the decision knew.</param>
/// <param name="Ends">End of the lead: from here on the decision's replicas serve.</param>
/// <param name="Floor">Floor decided; null: the reactive autoscaler was alone.</param>
/// <param name="Expected">Demand expected at the end of the lead; null without a forecast.</param>
/// <param name="Peaks">Demand that each of <see cref="DemandOutlook.Levels"/> covers throughout the lead; empty without a forecast.</param>
public sealed record OpenDecision(long? Number, DateTimeOffset At, DateTimeOffset Ends, int? Floor, double? Expected, IReadOnlyList<double> Peaks)
{
    /// <summary>Largest demand seen since the decision; null before the first measured interval.</summary>
    public double? PeakDemand { get; init; }

    /// <summary>Ready replicas of the active slot in that interval.</summary>
    public int? ReadyAtPeak { get; init; }
}

/// <summary>What came of a decision. A null was not known.</summary>
/// <param name="Decision">What is scored.</param>
/// <param name="EndDemand">Demand of the interval at the end of the lead.</param>
/// <param name="Error">End demand less what was expected.</param>
/// <param name="FellAt">Lowest level that the peak did not exceed; 1 when it exceeded them all; null without a forecast.</param>
public sealed record DecisionOutcome(OpenDecision Decision, double? EndDemand, double? Error, double? FellAt);

/// <summary>
/// Scores decisions once their lead is over, and keeps the share of outcomes that the 99% quantile covered. Pure state: no clock, no IO.
/// </summary>
public sealed class OutcomeScorer
{
    /// <summary>A lead is at most 288 steps, and each step opens one decision.</summary>
    private const int MaxOpen = 320;

    /// <summary>Newest outcomes that the coverage is the share of.</summary>
    private const int CoverageWindow = 1000;

    private readonly List<OpenDecision> _open = [];

    /// <summary>Share of recent peaks at or below their 99% level; NaN before the first.</summary>
    public double Coverage99 { get; private set; } = double.NaN;

    /// <summary>Outcomes behind <see cref="Coverage99"/>, at most 1000; older ones fade.</summary>
    public int Outcomes { get; private set; }

    public IReadOnlyList<OpenDecision> Open => _open;

    /// <summary>Takes note of a decision; the oldest open one is dropped beyond 320.</summary>
    public void Add(OpenDecision decision)
    {
        if (_open.Count == MaxOpen)
        {
            _open.RemoveAt(0);
        }

        _open.Add(decision);
    }

    /// <summary>Tells of an interval that is over, and scores the decisions whose lead it ends.</summary>
    /// <param name="start">Start of the interval.</param>
    /// <param name="demand">Demand in it; NaN when missing.</param>
    /// <param name="ready">Ready replicas of the active slot in it.</param>
    public IReadOnlyList<DecisionOutcome> Observe(DateTimeOffset start, double demand, int ready)
    {
        List<DecisionOutcome>? done = null;
        for (var i = 0; i < _open.Count; i++)
        {
            var decision = _open[i];
            if (start <= decision.At)
            {
                continue;
            }

            if (start <= decision.Ends && double.IsFinite(demand) && !(demand <= decision.PeakDemand))
            {
                decision = _open[i] = decision with { PeakDemand = demand, ReadyAtPeak = ready };
            }

            if (start >= decision.Ends)
            {
                (done ??= []).Add(Score(decision, start == decision.Ends && double.IsFinite(demand) ? demand : null));
            }
        }

        if (done is not null)
        {
            _ = _open.RemoveAll(decision => start >= decision.Ends);
        }

        return done ?? (IReadOnlyList<DecisionOutcome>)[];
    }

    /// <summary>Forgets all and continues from what another instance knew.</summary>
    public void Restore(IReadOnlyList<OpenDecision> open, double? coverage99, int outcomes)
    {
        _open.Clear();
        _open.AddRange(open.TakeLast(MaxOpen));
        Coverage99 = coverage99 is >= 0 and <= 1 ? coverage99.Value : double.NaN;
        Outcomes = double.IsNaN(Coverage99) ? 0 : Math.Clamp(outcomes, 0, CoverageWindow);
    }

    private DecisionOutcome Score(OpenDecision decision, double? endDemand)
    {
        var fellAt = decision.PeakDemand is { } peak && decision.Peaks.Count == DemandOutlook.Levels.Count ? Level(decision.Peaks, peak) : (double?)null;
        if (fellAt is { } level)
        {
            Outcomes = Math.Min(Outcomes + 1, CoverageWindow);
            var covered = level <= 0.99 ? 1.0 : 0.0;
            Coverage99 = double.IsNaN(Coverage99) ? covered : Coverage99 + ((covered - Coverage99) / Outcomes);
        }

        return new DecisionOutcome(decision, endDemand, endDemand - decision.Expected, fellAt);
    }

    private static double Level(IReadOnlyList<double> peaks, double demand)
    {
        for (var i = 0; i < peaks.Count; i++)
        {
            if (demand <= peaks[i])
            {
                return DemandOutlook.Levels[i];
            }
        }

        return 1;
    }
}
