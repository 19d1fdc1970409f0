using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Resilience.Lab.Cli;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Deploying;
using Resilience.Lab.Experiments;
using Resilience.Lab.Reporting;
using Resilience.Lab.Running;

namespace Resilience.Lab.Commands;

/// <summary><c>run</c>: one experiment, from a cluster to a report.</summary>
internal static class RunCommand
{
    private sealed record Wishes(Experiment Experiment, int Repeat, bool Compare, int Seed, bool Narrate, string Out)
    {
        public bool StandardApiOnly { get; init; }

        public ILoadSource? Load { get; init; }

        public RunOptions Options(int seed, string detection, Func<string, CancellationToken, Task>? pause) => new(seed, detection, pause, StandardApiOnly) { Load = Load };
    }

    public static Command Create()
    {
        var name = new Argument<string>("experiment") { Description = "A name from \"./lab experiments\", or a YAML file." };
        var repeat = new Option<int>("--repeat") { Description = "Runs, each on a fresh cluster; prints median and worst.", HelpName = "n", DefaultValueFactory = _ => 1 };
        repeat.Validators.Add(result => Within(result, "--repeat", 1, 100));
        var compare = new Option<string?>("--compare") { Description = "Run again with a watcher that polls every 3 s, and show both.", HelpName = "polling" };
        _ = compare.AcceptOnlyFromAmong("polling");
        var seed = new Option<int>("--seed") { Description = "Seed of everything random.", HelpName = "n", DefaultValueFactory = _ => 1 };
        var narrate = new Option<bool>("--narrate") { Description = "Pause at each step with a speaker's note." };
        var output = new Option<string>("--out") { Description = "Where the reports go. Default: lab-reports.", HelpName = "dir", DefaultValueFactory = _ => "lab-reports" };
        var rps = new Option<double?>("--rps") { Description = "Requests per second instead of the experiment's.", HelpName = "n" };
        rps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is <= 0 or > 20_000)
            {
                result.AddError("--rps must be more than 0 and at most 20000");
            }
        });
        var duration = Durations.Option("--duration", "Length of the load; drills keep their share of it, of a day's course more or less is seen.");
        var variant = new Option<string?>("--variant") { Description = "Of an experiment with variants, run this one alone.", HelpName = "name" };
        var url = new Option<Uri?>("--url") { Description = "With --context: where the Service answers from where the load comes from. Default: found by itself.", HelpName = "url", CustomParser = Address };
        var prefix = ImageName.Prefix("With --context: registry and path of the images.");
        var tag = ImageName.Tag("With --context: tag of the images.");
        var yes = new Option<bool>("--yes") { Description = "With --context: also when the cluster looks like production." };
        var loadFrom = new Option<string>("--load-from") { Description = "With --context: lab (this machine, the default) or job (a pod of the cluster).", HelpName = "place", DefaultValueFactory = _ => OwnLoad.Word };
        _ = loadFrom.AcceptOnlyFromAmong(OwnLoad.Word, JobLoad.Word);
        var cluster = new ClusterOptions();
        var dashboard = new DashboardOptions();
        var command = new Command("run", "Run an experiment: load, faults, recovery, verdict, report. On a cluster of its own, or with --context on yours; there everything it changes is restored.")
        {
            name, repeat, compare, seed, narrate, CommandRunner.JsonOption(), output, rps, duration, variant, url, loadFrom, prefix, tag, yes,
        };
        cluster.AddTo(command);
        dashboard.AddTo(command);
        return command.Does(async (parse, console, stop) =>
        {
            var experiment = ExperimentCatalog.Find(parse.GetValue(name)!);
            experiment = parse.GetValue(variant) is { } only ? experiment.As(VariantRuns.Find(experiment, only)) : experiment;
            if (experiment.Variants.Count > 0 && parse.GetValue(compare) is not null)
            {
                throw new LabException($"{experiment.Name} compares variants of its own", "Leave --compare out, or choose one variant with --variant.");
            }

            experiment = parse.GetValue(rps) is { } rate ? experiment.WithRate(rate) : experiment;
            experiment = parse.GetValue(duration) is { } length ? experiment.WithDuration(Checked(length)) : experiment;
            var wishes = new Wishes(experiment, parse.GetValue(repeat), parse.GetValue(compare) is not null, parse.GetValue(seed), parse.GetValue(narrate), parse.GetValue(output)!);
            if (cluster.NamesACluster(parse))
            {
                using var connected = await cluster.ConnectToNamedAsync(parse, stop).ConfigureAwait(false);
                await ClusterSurvey.RefuseProductionAsync(connected, "run", parse.GetValue(yes), console.Say, stop).ConfigureAwait(false);
                var delivery = new DeliveryOptions(experiment.Overlay, "Auto", parse.GetValue(prefix), parse.GetValue(tag));
                var job = parse.GetValue(loadFrom) == JobLoad.Word ? new JobLoad(connected, delivery.ImagePrefix, delivery.Tag, console.Say) : null;
                return await RunAsync(console, wishes with { StandardApiOnly = true, Load = job }, new ContextRunHost(connected, delivery, parse.GetValue(url), console.Say), stop).ConfigureAwait(false);
            }

            if (parse.GetValue(loadFrom) == JobLoad.Word)
            {
                throw new LabException("--load-from job is for a cluster that --context or --kubeconfig names", "Without them the load comes from beside the embedded cluster's pods anyway.");
            }

            var shown = await dashboard.StartAsync(parse, TimeProvider.System, console.Say, stop).ConfigureAwait(false);
            await using (shown.ConfigureAwait(false))
            {
                if (shown.Host is { } host)
                {
                    console.Say($"dashboard: {host.Login}");
                }

                var own = new RunHost(cluster.Directory(parse), TimeProvider.System, shown.Also(console.Say), shown.Host?.Target);
                var verdict = await RunAsync(console, wishes, own, stop).ConfigureAwait(false);
                await StayAsync(console, shown, stop).ConfigureAwait(false);
                return verdict;
            }
        });
    }

    /// <summary>The dashboard keeps its data in memory: it stays while a person may be looking at it.</summary>
    private static async Task StayAsync(LabConsole console, LabDashboard dashboard, CancellationToken stop)
    {
        if (dashboard.Host is not null && console.Interactive)
        {
            console.Say($"the dashboard stays until Ctrl-C: {dashboard.Host.Login}");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <remarks>System.CommandLine has no parser for addresses of its own: reading such an option would throw.</remarks>
    private static Uri? Address(System.CommandLine.Parsing.ArgumentResult result)
    {
        var typed = result.Tokens.Count == 0 ? string.Empty : result.Tokens[0].Value;
        if (HttpAddress.TryParse(typed, out var address))
        {
            return address;
        }

        result.AddError($"\"{typed}\" is not an http or https address");
        return null;
    }

    private static void Within(System.CommandLine.Parsing.OptionResult result, string option, int min, int max)
    {
        if (result.Errors.Any() || result.GetValueOrDefault<int>() is var value && (value < min || value > max))
        {
            result.AddError($"{option} must be a number from {min} to {max}");
        }
    }

    private static TimeSpan Checked(TimeSpan duration) => duration >= TimeSpan.FromSeconds(1) && duration <= TimeSpan.FromHours(1)
        ? duration
        : throw new LabException("--duration must be from 1s to 1h");

    private static async Task<int> RunAsync(LabConsole console, Wishes wishes, IRunHost host, CancellationToken stop)
    {
        var time = TimeProvider.System;
        var pause = wishes.Narrate ? Narrator.For(console) : null;
        var folder = Path.GetFullPath(Path.Combine(wishes.Out, string.Create(CultureInfo.InvariantCulture, $"{wishes.Experiment.Name}-{time.GetLocalNow():yyyyMMdd-HHmmss}")));
        if (wishes.Compare)
        {
            var events = await host.RunAsync(wishes.Experiment, wishes.Options(wishes.Seed, "events", pause), stop).ConfigureAwait(false);
            console.Say("now the same with a watcher that polls every 3 s ...");
            var polling = await host.RunAsync(wishes.Experiment, wishes.Options(wishes.Seed, "polling", pause), stop).ConfigureAwait(false);
            var compared = new CompareReport(1, events, polling);
            return Finish(console, [events], folder, ReportFiles.Write(folder, compared), JsonSerializer.Serialize(compared, ReportJson.Readable.CompareReport));
        }

        if (wishes.Experiment.Variants.Count > 0)
        {
            return await RunVariantsAsync(console, wishes, host, pause, folder, stop).ConfigureAwait(false);
        }

        var reports = new List<RunReport>();
        for (var i = 0; i < wishes.Repeat; i++)
        {
            if (wishes.Repeat > 1)
            {
                console.Say($"run {i + 1} of {wishes.Repeat}");
            }

            reports.Add(await host.RunAsync(wishes.Experiment, wishes.Options(wishes.Seed + i, "events", pause), stop).ConfigureAwait(false));
        }

        if (reports.Count == 1)
        {
            return Finish(console, reports, folder, ReportFiles.Write(folder, reports[0]), JsonSerializer.Serialize(reports[0], ReportJson.Readable.RunReport));
        }

        var repeated = new RepeatReport(1, reports, Summaries.Of(reports));
        return Finish(console, reports, folder, ReportFiles.Write(folder, repeated), JsonSerializer.Serialize(repeated, ReportJson.Readable.RepeatReport));
    }

    private static async Task<int> RunVariantsAsync(LabConsole console, Wishes wishes, IRunHost host, Func<string, CancellationToken, Task>? pause, string folder, CancellationToken stop)
    {
        var runs = new List<VariantsReport>();
        for (var i = 0; i < wishes.Repeat; i++)
        {
            var round = new VariantRuns((variant, each) => host.RunAsync(variant, wishes.Options(wishes.Seed + i, "events", pause), each), console.Say);
            runs.Add(await round.RunAsync(wishes.Experiment, wishes.Seed + i, stop).ConfigureAwait(false));
            if (wishes.Repeat > 1)
            {
                console.Say($"run {i + 1} of {wishes.Repeat}: {ReportFiles.Line(runs[^1])}");
            }
        }

        var all = runs.SelectMany(run => run.Variants).ToArray();
        if (runs.Count == 1)
        {
            return Finish(console, all, folder, ReportFiles.Write(folder, runs[0]), JsonSerializer.Serialize(runs[0], ReportJson.Readable.VariantsReport), runs[0].Verdict == "pass");
        }

        var repeated = new RepeatVariantsReport(1, wishes.Experiment.Name, runs.Count(run => run.Verdict == "pass"), runs);
        return Finish(console, all, folder, ReportFiles.Write(folder, repeated), JsonSerializer.Serialize(repeated, ReportJson.Readable.RepeatVariantsReport), repeated.Passed == runs.Count);
    }

    private static int Finish(LabConsole console, IReadOnlyList<RunReport> judged, string folder, string summary, string json, bool more = true)
    {
        console.Say(string.Empty);
        console.Say(summary);
        console.Say($"report: {Path.Combine(folder, "report.html")}");
        if (console.Json)
        {
            console.WriteJson(json);
        }

        return more && judged.All(report => report.Verdict == "pass") ? ExitCode.Pass : ExitCode.ExpectationFailed;
    }
}
