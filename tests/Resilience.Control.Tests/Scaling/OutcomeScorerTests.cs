using Resilience.Control.Scaling;

namespace Resilience.Control.Tests.Scaling;

public sealed class OutcomeScorerTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly double[] Peaks = [.. DemandOutlook.Levels.Select((_, i) => 10.0 + i)];

    private readonly OutcomeScorer _scorer = new();

    [Fact]
    public void Observe_ScoresADecisionAtTheEndOfItsLead_FromThePeakUntilThen()
    {
        _scorer.Add(Decision(1, lead: 3));
        Assert.Empty(_scorer.Observe(At(0), 99, 1));   // the interval that the decision knew itself
        Assert.Empty(_scorer.Observe(At(1), 12, 3));
        Assert.Empty(_scorer.Observe(At(2), 16.5, 4));
        var outcome = Assert.Single(_scorer.Observe(At(3), 11, 5));
        Assert.Equal((16.5, 4), (outcome.Decision.PeakDemand, outcome.Decision.ReadyAtPeak));
        Assert.Equal((11, 1.0), (outcome.EndDemand, outcome.Error));
        Assert.Equal(0.999, outcome.FellAt);   // above the 17th-level peaks of 16, within 17
        Assert.Empty(_scorer.Open);
        Assert.Equal(0, _scorer.Coverage99);
    }

    [Fact]
    public void Observe_MissingDemand_LeavesWhatIsNotKnownOpen()
    {
        _scorer.Add(Decision(1, lead: 2));
        Assert.Empty(_scorer.Observe(At(1), double.NaN, 3));
        var outcome = Assert.Single(_scorer.Observe(At(2), double.NaN, 3));
        Assert.Equal((null, null, null), (outcome.Decision.PeakDemand, outcome.EndDemand, outcome.FellAt));
        Assert.Equal(0, _scorer.Outcomes);
    }

    [Fact]
    public void Observe_AfterAGap_ScoresWhatIsOverdueWithoutAnEnd()
    {
        _scorer.Add(Decision(1, lead: 2));
        var outcome = Assert.Single(_scorer.Observe(At(9), 50, 3));
        Assert.Null(outcome.EndDemand);
        Assert.Null(outcome.Decision.PeakDemand);   // what came later says nothing about it
    }

    [Fact]
    public void Coverage_IsTheShareOfPeaksWithinTheir99thLevel_AndSurvivesARestart()
    {
        for (var i = 0; i < 10; i++)
        {
            _scorer.Add(Decision(i, lead: 1, at: i));
            _ = _scorer.Observe(At(i + 1), i == 4 ? 30 : 12, 1);
        }

        Assert.Equal((0.9, 10), (_scorer.Coverage99, _scorer.Outcomes), EqualityComparer<(double, int)>.Create((a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-12 && a.Item2 == b.Item2));
        var next = new OutcomeScorer();
        next.Restore(_scorer.Open, _scorer.Coverage99, _scorer.Outcomes);
        Assert.Equal(_scorer.Coverage99, next.Coverage99);
    }

    [Fact]
    public void Add_WithoutEnd_IsBounded()
    {
        for (var i = 0; i < 1000; i++)
        {
            _scorer.Add(Decision(i, lead: 5000, at: i));
        }

        Assert.Equal(320, _scorer.Open.Count);
        Assert.Equal(999, _scorer.Open[^1].Number);
    }

    private static DateTimeOffset At(int minute) => Start.AddMinutes(minute);

    private static OpenDecision Decision(long number, int lead, int at = 0) => new(number, At(at), At(at + lead), 2, 10, Peaks);
}
