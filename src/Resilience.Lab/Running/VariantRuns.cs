using Resilience.Lab.Cli;
using Resilience.Lab.Experiments;
using Resilience.Lab.Reporting;

namespace Resilience.Lab.Running;

/// <summary>Runs an experiment once for each of its variants, one after the other, so that they do not take each other's cores.</summary>
internal sealed class VariantRuns(Func<Experiment, CancellationToken, Task<RunReport>> run, Action<string> say)
{
    public static VariantSpec Find(Experiment experiment, string name) => experiment.Variants.FirstOrDefault(variant => variant.Name == name)
        ?? throw (experiment.Variants.Count == 0
            ? new LabException($"{experiment.Name} has no variants", "Leave --variant out.")
            : Suggest.Unknown("variant", name, [.. experiment.Variants.Select(variant => variant.Name)]));

    public async Task<VariantsReport> RunAsync(Experiment experiment, int seed, CancellationToken stop)
    {
        var runs = new List<RunReport>();
        foreach (var variant in experiment.Variants)
        {
            runs.Add(await run(experiment.As(variant), stop).ConfigureAwait(false));
            say(ReportFiles.Line(runs[^1]));
        }

        return Judge(experiment, seed, runs);
    }

    /// <summary>Passes when every variant did and every comparison holds; aborted when one of them was.</summary>
    internal static VariantsReport Judge(Experiment experiment, int seed, IReadOnlyList<RunReport> runs)
    {
        var byName = runs.ToDictionary(report => report.Variant!, StringComparer.Ordinal);
        IReadOnlyList<ExpectationReport> comparisons = [.. experiment.Comparisons.Select(wanted => ExpectationMetrics.Compare(wanted, byName))];
        var verdict = runs.Any(report => report.Verdict == "aborted") ? "aborted"
            : runs.All(report => report.Verdict == "pass") && comparisons.All(check => check.Pass) ? "pass" : "fail";
        return new VariantsReport(1, experiment.Name, verdict, seed, experiment.Cluster.TimeScale, experiment.Title, experiment.Description, comparisons, runs);
    }
}
