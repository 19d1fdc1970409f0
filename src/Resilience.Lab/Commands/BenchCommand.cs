using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Lab.Cli;
using Resilience.Lab.Cluster;
using Resilience.Lab.Experiments;
using Resilience.Lab.Hosting;
using Resilience.Lab.Reporting;
using Resilience.Lab.Running;

namespace Resilience.Lab.Commands;

/// <summary>One line of the table of figures.</summary>
internal sealed record DrillFigure(
    string Experiment, double? ClientGapMsMedian, double? ClientGapMsWorst, double TargetMedianMs, double TargetWorstMs,
    double ErrorRatioMedian, double? TargetErrorRatio, long FailedMedian, long FailedOutsideGapsWorst, bool Pass);

internal sealed record DrillBench(int SchemaVersion, string Cluster, int Runs, EnvironmentReport Environment, IReadOnlyList<DrillFigure> Figures);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(DrillBench))]
internal sealed partial class BenchJson : JsonSerializerContext;

/// <summary><c>bench drills</c>: the figures that the project promises, measured here.</summary>
internal static class BenchCommand
{
    private sealed record Target(string Experiment, double MedianMs, double WorstMs, double? ErrorRatio);

    /// <remarks>controller-loss: the lease (5 s) and one second. Null: what fails must have been in flight or sent in the gap.</remarks>
    private static readonly Target[] Targets =
    [
        new("outage", 100, 300, 0.001),
        new("crash", 200, 500, 0.005),
        new("hang", 1_200, 1_600, null),
        new("not-ready", 100, 300, 0.001),
        new("partial", 100, 300, 0.005),
        new("controller-loss", 6_000, 6_000, null),
    ];

    public static Command Create()
    {
        var bench = new Command("bench", "Measure this machine.");
        bench.Add(Drills());
        return bench;
    }

    private static Command Drills()
    {
        var runs = new Option<int>("--runs") { Description = "Runs of each experiment, each on a fresh cluster.", HelpName = "n", DefaultValueFactory = _ => 5 };
        var only = new Option<string?>("--only") { Description = $"One of {string.Join(", ", Targets.Select(target => target.Experiment))}.", HelpName = "experiment" };
        var duration = Durations.Option("--duration", "Length of each run. Default: the experiment's 60s.");
        var directory = CommandRunner.LabDirectoryOption();
        var command = new Command("drills", "Run the six drills several times and print the waits against their targets.") { runs, only, duration, CommandRunner.JsonOption(), directory };
        return command.Does((parse, console, stop) =>
        {
            var count = parse.GetValue(runs) is >= 1 and <= 50 and var asked ? asked : throw new LabException("--runs must be from 1 to 50");
            var chosen = parse.GetValue(only) is { } name
                ? [Targets.FirstOrDefault(target => target.Experiment == name) ?? throw Suggest.Unknown("drill", name, [.. Targets.Select(target => target.Experiment)])]
                : Targets;
            return RunAsync(console, chosen, count, parse.GetValue(duration), LabDirectory.At(parse.GetValue(directory)), stop);
        });
    }

    private static async Task<int> RunAsync(LabConsole console, IReadOnlyList<Target> targets, int runs, TimeSpan? duration, LabDirectory directory, CancellationToken stop)
    {
        var host = new RunHost(directory, TimeProvider.System, console.Say);
        var figures = new List<DrillFigure>();
        foreach (var target in targets)
        {
            var experiment = ExperimentCatalog.Find(target.Experiment);
            experiment = duration is { } length ? experiment.WithDuration(length) : experiment;
            var reports = new List<RunReport>();
            for (var i = 1; i <= runs; i++)
            {
                console.Say($"{target.Experiment}, run {i} of {runs}");
                var report = await host.RunAsync(experiment, new RunOptions(i, "events", null), stop).ConfigureAwait(false);
                reports.Add(report);
                console.Say($"{target.Experiment}, run {i} of {runs}: {ReportFiles.Line(report)}");
            }

            figures.Add(Figure(target, reports));
            console.Say(Row(figures[^1]));
        }

        var machine = ReportBuilder.Machine(LabCluster.EmbeddedKind, null);
        Print(console, figures, machine, runs);
        if (console.Json)
        {
            console.WriteJson(JsonSerializer.Serialize(new DrillBench(1, LabCluster.EmbeddedKind, runs, machine, figures), BenchJson.Default.DrillBench));
        }

        return figures.All(figure => figure.Pass) ? ExitCode.Pass : ExitCode.ExpectationFailed;
    }

    private static DrillFigure Figure(Target target, IReadOnlyList<RunReport> reports)
    {
        var summary = Summaries.Of(reports);
        var outside = reports.Max(report => report.Load.FailedOutsideGaps);
        var failuresFine = target.ErrorRatio is { } limit ? summary.ErrorRatioMedian <= limit : outside == 0;
        var pass = summary.ClientGapMsMedian <= target.MedianMs && summary.ClientGapMsWorst <= target.WorstMs && failuresFine && reports.All(report => report.Failovers.Count > 0);
        return new DrillFigure(
            target.Experiment, summary.ClientGapMsMedian, summary.ClientGapMsWorst, target.MedianMs, target.WorstMs,
            summary.ErrorRatioMedian, target.ErrorRatio, summary.FailedMedian, outside, pass);
    }

    private static void Print(LabConsole console, IReadOnlyList<DrillFigure> figures, EnvironmentReport machine, int runs)
    {
        console.Say(string.Empty);
        console.Say(string.Create(CultureInfo.InvariantCulture, $"embedded cluster; {machine.Cores} cores, {machine.MemoryGiB} GiB, {machine.Os}, {machine.Runtime}; {runs} runs each; {machine.Note}"));
        console.Say("| experiment | wait ms median / worst | target | failed, median | target | |");
        console.Say("|---|---|---|---|---|---|");
        foreach (var figure in figures)
        {
            console.Say(Row(figure));
        }
    }

    private static string Row(DrillFigure figure)
    {
        var failedTarget = figure.TargetErrorRatio is { } ratio ? ratio.ToString("≤ 0.#%", CultureInfo.InvariantCulture) : $"in the gap only (outside: {figure.FailedOutsideGapsWorst})";
        return string.Create(CultureInfo.InvariantCulture,
            $"| {figure.Experiment} | {figure.ClientGapMsMedian:0} / {figure.ClientGapMsWorst:0} | ≤ {figure.TargetMedianMs:0} / {figure.TargetWorstMs:0} | {figure.FailedMedian} ({figure.ErrorRatioMedian:0.###%}) | {failedTarget} | {(figure.Pass ? "reached" : "missed")} |");
    }
}
