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
    LabCluster Cluster,
    LoadResult Load,
    IReadOnlyList<InjectedFault> Faults,
    IReadOnlyList<ObservedMove> Moves,
    IReadOnlyList<TimelineEntry> Timeline,
    ReplicaMeter Replicas,
    RecoveryReport Recovery,
    int EndReplicas,
    string? AbortReason);

/// <summary>Turns the facts of a run into its report.</summary>
internal static class ReportBuilder
{
    private const double UsdPerCpuHour = 0.12;
    private const double CpuPerPod = 0.1;
    private const double SloErrorRatio = 0.01;
    private const double SloP99Ms = 500;

    public static RunReport Build(RunFacts facts)
    {
        var load = facts.Load;
        var (failovers, outside) = FailoverCorrelator.Correlate(load.StartedAt, facts.Faults, facts.Moves, new LoadResultView(load), facts.Experiment.Load.Timeout);
        var seconds = Seconds(load, facts.Replicas);
        var report = new RunReport
        {
            Experiment = facts.Experiment.Name,
            Verdict = "pass",
            Seed = facts.Options.Seed,
            Cluster = facts.Cluster.Kind,
            Faults = [.. facts.Faults.OrderBy(fault => fault.At).Select(fault => new FaultReport(
                fault.Kind, fault.Target, Math.Round((fault.At - load.StartedAt).TotalSeconds, 3), Math.Round((fault.Until - fault.At).TotalSeconds, 1)))],
            Failovers = failovers,
            Load = Load(load, outside),
            Scaling = Scaling(facts, seconds),
            Cost = Cost(facts.Replicas.ReplicaHours, load.Ok),
            Expectations = [],
            Title = facts.Experiment.Title,
            Description = facts.Experiment.Description,
            Hypothesis = facts.Experiment.Hypothesis,
            StartedAt = load.StartedAt,
            Detection = facts.Options.Detection,
            AbortReason = facts.AbortReason,
            Recovery = facts.Recovery,
            Environment = Machine(facts.Cluster, load),
            Timeline = facts.Timeline,
            Seconds = seconds,
        };
        IReadOnlyList<ExpectationReport> checks = [.. facts.Experiment.Expectations.Select(wanted => ExpectationMetrics.Check(wanted, report))];
        var verdict = facts.AbortReason is not null ? "aborted" : checks.All(check => check.Pass) ? "pass" : "fail";
        return report with { Expectations = checks, Verdict = verdict };
    }

    public static EnvironmentReport Machine(string cluster, string? note)
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        var kind = cluster == "embedded"
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

    private static EnvironmentReport Machine(LabCluster cluster, LoadResult load) => Machine(
        cluster.Kind,
        string.Create(CultureInfo.InvariantCulture, $"load generator sent 99% of its requests within {load.Generator.SendLagP99Ms:0.0} ms of their time"));

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

    private static ScalingReport Scaling(RunFacts facts, IReadOnlyList<SecondReport> seconds)
    {
        var load = facts.Experiment.Load;
        var rise = load.Steps.Where((step, i) => step.Rps > (i == 0 ? load.Rps : load.Steps[i - 1].Rps)).Select(step => (TimeSpan?)step.At).FirstOrDefault();
        return new ScalingReport(
            rise is { } at ? facts.Replicas.ScaleUpLatency(at, facts.Recovery.ActiveAtEnd) : null,
            Math.Round(facts.Replicas.ReplicaHours, 5),
            seconds.Count(second => second.P99Ms > SloP99Ms || second.Failed > SloErrorRatio * (second.Ok + second.Failed)),
            null,
            facts.Replicas.PeakReady,
            facts.EndReplicas);
    }

    private static CostReport Cost(double replicaHours, long good)
    {
        var usd = replicaHours * CpuPerPod * UsdPerCpuHour;
        return new CostReport(
            Math.Round(usd, 8),
            good == 0 ? 0 : Math.Round(usd / good * 1_000_000, 4),
            null,
            null,
            "measured pod time of both slots at 0.12 USD per vCPU-hour and 0.1 vCPU per pod; an estimate, not a bill");
    }

    private static IReadOnlyList<SecondReport> Seconds(LoadResult load, ReplicaMeter replicas) =>
    [
        .. load.Series().Select(second =>
        {
            var (blue, green) = replicas.ReadyAt(second.Second);
            return new SecondReport(
                second.Second, second.Ok, second.Failed, Math.Round(second.P50Ms, 2), Math.Round(second.P99Ms, 2),
                second.PerSlot.GetValueOrDefault("blue"), second.PerSlot.GetValueOrDefault("green"), blue, green);
        }),
    ];
}
