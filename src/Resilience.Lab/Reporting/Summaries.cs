namespace Resilience.Lab.Reporting;

/// <summary>Median and worst of several runs.</summary>
internal static class Summaries
{
    public static RepeatSummary Of(IReadOnlyList<RunReport> runs)
    {
        var gaps = runs.Select(WorstGap).OfType<double>().ToArray();
        return new RepeatSummary
        {
            Experiment = runs[0].Experiment,
            Runs = runs.Count,
            Passed = runs.Count(run => run.Verdict == "pass"),
            ClientGapMsMedian = gaps.Length == 0 ? null : Median(gaps),
            ClientGapMsWorst = gaps.Length == 0 ? null : gaps.Max(),
            ErrorRatioMedian = Median([.. runs.Select(run => run.Load.ErrorRatio)]),
            ErrorRatioWorst = runs.Max(run => run.Load.ErrorRatio),
            FailedMedian = (long)Median([.. runs.Select(run => (double)run.Load.Failed)]),
            FailedWorst = runs.Max(run => run.Load.Failed),
            P99MsMedian = Median([.. runs.Select(run => run.Load.P99Ms)]),
            P99MsWorst = runs.Max(run => run.Load.P99Ms),
        };
    }

    /// <summary>Longest wait that a fault caused; null when no traffic had to move.</summary>
    public static double? WorstGap(RunReport run) =>
        run.Failovers.Where(move => move.Kind is "rescue" or "optional").Select(move => (double?)move.ClientGapMs).DefaultIfEmpty(null).Max();

    /// <summary>The middle value; of an even number, the mean of the two middle ones.</summary>
    public static double Median(IReadOnlyList<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
