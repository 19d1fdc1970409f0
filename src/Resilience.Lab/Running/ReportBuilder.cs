using System.Globalization;
using System.Runtime.InteropServices;
using Resilience.Lab.Cluster;
using Resilience.Lab.Experiments;
using Resilience.Lab.Reporting;
using Resilience.LoadGenerator;

namespace Resilience.Lab.Running;

/// <summary>Everything a run left behind.</summary>
internal sealed record RunFacts(
    Experiment Experiment,
    RunOptions Options,
    string ClusterKind,
    LoadResult Load,
    IReadOnlyList<InjectedFault> Faults,
    IReadOnlyList<ObservedMove> Moves,
    IReadOnlyList<TimelineEntry> Timeline,
    ReplicaMeter Replicas,
    RecoveryReport Recovery,
    IReadOnlyList<ObservedScaling> Scalings,
    double? CapacityRps,
    int EndReplicas,
    string? AbortReason)
{
    /// <summary>The scaling agent's decisions; empty without one.</summary>
    public IReadOnlyList<AgentDecision> Decisions { get; init; } = [];
}

/// <summary>Turns the facts of a run into its report.</summary>
internal static class ReportBuilder
{
    public static RunReport Build(RunFacts facts)
    {
        var load = facts.Load;
        var (failovers, outside) = FailoverCorrelator.Correlate(load.StartedAt, facts.Faults, facts.Moves, new LoadResultView(load), facts.Experiment.Load.Timeout);
        var seconds = Seconds(load, facts.Replicas, facts.Experiment.Slo);
        var costs = new RunCosts(facts.Replicas, seconds, facts.Experiment.Load.WarmUp.TotalSeconds);
        var decisions = ForecastScore.Held(facts.Decisions, load.StartedAt, seconds);
        var report = new RunReport
        {
            Experiment = facts.Experiment.Name,
            Verdict = "pass",
            Seed = facts.Options.Seed,
            Cluster = facts.ClusterKind,
            LoadFrom = facts.Options.Load?.Kind ?? OwnLoad.Word,
            TimeScale = facts.Experiment.Cluster.TimeScale,
            Overlay = facts.Experiment.Overlay,
            Variant = facts.Experiment.Variant?.Name,
            VariantTitle = facts.Experiment.Variant?.Title,
            WarmUpSeconds = facts.Experiment.Load.WarmUp.TotalSeconds,
            Slo = new SloReport(facts.Experiment.Slo.ErrorRatio, facts.Experiment.Slo.P95Ms),
            CapacityRps = facts.CapacityRps,
            Decisions = decisions,
            Faults = [.. facts.Faults.OrderBy(fault => fault.At).Select(fault => new FaultReport(
                fault.Kind, fault.Target, Math.Round((fault.At - load.StartedAt).TotalSeconds, 3), Math.Round((fault.Until - fault.At).TotalSeconds, 1)))],
            Failovers = failovers,
            Load = Load(load, outside),
            Scaling = Scaling(facts, seconds, costs, decisions),
            Cost = costs.Report(ScalingTimes(facts)),
            Expectations = [],
            Title = facts.Experiment.Title,
            Description = facts.Experiment.Description,
            Hypothesis = facts.Experiment.Hypothesis,
            StartedAt = load.StartedAt,
            Detection = facts.Options.Detection,
            AbortReason = facts.AbortReason,
            Recovery = facts.Recovery,
            Environment = Machine(facts, load),
            Timeline = facts.Timeline,
            Seconds = seconds,
        };
        IReadOnlyList<ExpectationReport> checks = [.. facts.Experiment.Expectations
            .Where(wanted => wanted.Cluster is null || wanted.Cluster == facts.ClusterKind).Select(wanted => ExpectationMetrics.Check(wanted, report))];
        var verdict = facts.AbortReason is not null ? "aborted" : checks.All(check => check.Pass) ? "pass" : "fail";
        return report with { Expectations = checks, Verdict = verdict };
    }

    public static EnvironmentReport Machine(string cluster, string? note)
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        var kind = cluster == LabCluster.EmbeddedKind
            ? "embedded cluster: processes on this machine, load generator beside them; not a Kubernetes figure"
            : "Kubernetes cluster";
        return new EnvironmentReport(
            System.Environment.ProcessorCount,
            Math.Round(memory, 1),
            RuntimeInformation.OSDescription,
            RuntimeInformation.FrameworkDescription,
            typeof(ReportBuilder).Assembly.GetName().Version?.ToString(3) ?? "0",
            note is null ? kind : $"{kind}; {note}");
    }

    private static EnvironmentReport Machine(RunFacts facts, LoadResult load) => Machine(
        facts.ClusterKind,
        string.Create(CultureInfo.InvariantCulture, $"load generator{(facts.Options.Load?.Kind == JobLoad.Word ? " in a pod of the cluster" : string.Empty)} sent 99% of its requests within {load.Generator.SendLagP99Ms:0.0} ms of their time"));

    private static LoadReport Load(LoadResult load, long outside) => new()
    {
        Requests = load.Scheduled,
        Failed = load.Failed,
        ErrorRatio = Math.Round(load.ErrorRatio, 6),
        Rps = Math.Round(load.AchievedRps, 2),
        P50Ms = Math.Round(load.Latency.P50Ms, 2),
        P95Ms = Math.Round(load.Latency.P95Ms, 2),
        P99Ms = Math.Round(load.Latency.P99Ms, 2),
        P999Ms = Math.Round(load.Latency.P999Ms, 2),
        MaxMs = Math.Round(load.Latency.MaxMs, 2),
        LongestGapMs = Math.Round(load.LongestGapMs, 1),
        PerSlot = Names.Slots.Concat(load.PerSlot.Keys).Distinct().ToDictionary(slot => slot, slot => load.PerSlot.GetValueOrDefault(slot)),
        FailedOutsideGaps = outside,
    };

    private static ScalingReport Scaling(RunFacts facts, IReadOnlyList<SecondReport> seconds, RunCosts costs, IReadOnlyList<DecisionReport> decisions)
    {
        var spec = facts.Experiment.Load;
        var from = spec.WarmUp.TotalSeconds;
        var profile = LoadPlans.Profile(spec, facts.Experiment.Cluster.TimeScale, spec.Duration);
        double Asked(double second) => profile.RateAt(TimeSpan.FromSeconds(second));
        var changes = spec.Course is not null || spec.Steps.Any(step => step.Rps > spec.Rps);
        var (replicas, slot) = (facts.Replicas, facts.Recovery.ActiveAtEnd);
        var modelled = changes && facts.CapacityRps is > 0 ? facts.CapacityRps : null;
        var floors = decisions.Where(decision => decision.AtSeconds >= from).Select(decision => decision.Floor).OfType<int>().ToArray();
        return new ScalingReport(
            modelled is { } one ? replicas.ScaleUpLatency(Asked, one, slot, from) : null,
            Math.Round(replicas.ReplicaSeconds(from) / 3600, 5),
            seconds.Count(second => second.Second >= from && !second.WithinSlo),
            ForecastScore.Wape(decisions, from),
            replicas.PeakReady,
            facts.EndReplicas)
        {
            Events = costs.Price(facts.Scalings, ScalingTimes(facts)),
            ShortOfCapacitySeconds = modelled is { } each ? replicas.ShortSeconds(Asked, each, slot, from) : null,
            UnschedulablePodSeconds = Math.Round(replicas.UnschedulableSeconds(from), 1),
            HighestFloor = floors.Length == 0 ? null : floors.Max(),
            LowestFloor = floors.Length == 0 ? null : floors.Min(),
            ForecastCoverage99 = ForecastScore.Coverage99(decisions, from),
        };
    }

    private static double[] ScalingTimes(RunFacts facts) =>
        [.. facts.Scalings.Select(scaling => Math.Max(0, Math.Round((scaling.At - facts.Load.StartedAt).TotalSeconds, 3)))];

    private static IReadOnlyList<SecondReport> Seconds(LoadResult load, ReplicaMeter replicas, SloSpec slo) =>
    [
        .. load.Series().Select(second =>
        {
            var pods = replicas.At(second.Second);
            return new SecondReport(
                second.Second, second.Ok, second.Failed, Math.Round(second.P50Ms, 2), Math.Round(second.P99Ms, 2),
                second.PerSlot.GetValueOrDefault("blue"), second.PerSlot.GetValueOrDefault("green"), pods.Blue.Ready, pods.Green.Ready)
            {
                P95Ms = Math.Round(second.P95Ms, 2),
                BlueWanted = pods.Blue.Wanted,
                GreenWanted = pods.Green.Wanted,
                Pods = pods.Blue.Pods + pods.Green.Pods,
                Unschedulable = pods.Blue.Unschedulable + pods.Green.Unschedulable,
                WithinSlo = second.P95Ms <= slo.P95Ms && second.Failed <= slo.ErrorRatio * (second.Ok + second.Failed),
            };
        }),
    ];
}
