using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Resilience.Control.Forecasting;
using Resilience.Control.Scaling;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

/// <summary><c>lab replay</c>: what would an autoscaler or the forecast floor have cost and missed on a recorded series?</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var windows = new BacktestWindowOptions(challenger: "none");
        var settings = new Settings();
        var policy = new Option<string>("--policy") { Description = "Who decides: hpa60, hpa85, floor, hybrid, oracle or naive. Default: floor.", HelpName = "policy", DefaultValueFactory = _ => "floor" };
        policy.AcceptOnlyFromAmong("hpa60", "hpa85", "floor", "hybrid", "oracle", "naive");
        var compare = new Option<bool>("--compare") { Description = "Run all policies: one table, and compare.html with a chart in --out." };
        var output = new Option<string?>("--out") { Description = "Folder for decisions.csv and summary.json. Default: none are written.", HelpName = "dir" };
        var json = CommandRunner.JsonOption();
        var command = new Command("replay", "Replay recorded demand through the planner or an autoscaler on a virtual clock.");
        windows.AddTo(command);
        settings.AddTo(command);
        command.Add(policy);
        command.Add(compare);
        command.Add(output);
        command.Add(json);
        return command.Does(async (parse, console, stop) =>
        {
            var floor = settings.ToFloorPolicy(parse);
            var policies = parse.GetValue(compare) ? Enum.GetValues<ReplayPolicy>() : [Enum.Parse<ReplayPolicy>(parse.GetValue(policy)!, ignoreCase: true)];
            BacktestOutput.Check(parse.GetValue(output));
            var inputs = await windows.ReadAllAsync(parse, console, stop).ConfigureAwait(false);
            List<Summary> summaries = [];
            foreach (var input in inputs)
            {
                var directory = input.Directory(parse.GetValue(output), inputs.Count);
                var options = settings.ToReplayOptions(parse, input.Windows, floor, parse.GetValue(windows.Challenger) == "gbm");
                Run(input, options, policies, directory, parse.GetValue(compare), summaries, console, stop);
            }

            if (console.Json)
            {
                console.WriteJson(summaries.Count == 1
                    ? JsonSerializer.Serialize(summaries[0], BacktestOutput.Json)
                    : JsonSerializer.Serialize(new { SchemaVersion = 1, Runs = summaries }, BacktestOutput.Json));
            }

            return ExitCode.Pass;
        });
    }

    private const string Header =
        "| trace | policy | lead | violations | unserved | cost x oracle | changes/day | replica-hours | $ | $ per million good |\n|---|---|---|---|---|---|---|---|---|---|";

    private static void Run(
        BacktestWindowOptions.Input input, ReplayOptions options, ReplayPolicy[] policies, string? directory, bool compare,
        List<Summary> summaries, LabConsole console, CancellationToken stop)
    {
        var (name, trace, first) = (input.Name, input.Trace, summaries.Count);
        using var files = directory is null ? null : new BacktestOutput(directory);
        var chart = new ReplayChart(name, trace);
        foreach (var policy in policies)
        {
            var prefix = compare ? policy.ToString().ToLowerInvariant() + "-" : string.Empty;
            using (var csv = files?.Create(prefix + "decisions.csv"))
            {
                csv?.WriteLine("t_utc,demand,requested,ready,capacity,violation");
                ReplayResult result;
                try
                {
                    result = Replay.Run(trace, options with { Policy = policy }, row =>
                    {
                        stop.ThrowIfCancellationRequested();
                        chart.Add(policy, row);
                        csv?.WriteLine(Line(trace, row));
                    });
                }
                catch (ArgumentException problem)
                {
                    throw new LabException($"{name}: {problem.Message.Split(" (Parameter")[0].TrimEnd('.')}");
                }

                summaries.Add(Summary.Of(name, options, result));
            }

            files?.Write(prefix + "summary.json", JsonSerializer.Serialize(summaries[^1], BacktestOutput.Json));
            console.Say(summaries.Count == 1 ? $"{Header}\n{Row(summaries[^1])}" : Row(summaries[^1]));
        }

        if (compare)
        {
            files?.Write("compare.html", chart.ToHtml(Header, summaries.Skip(first).Select(Row)));
        }

        files?.Commit();
    }

    private static string Line(Trace trace, ReplayRow row) => string.Create(
        CultureInfo.InvariantCulture,
        $"{trace.TimeOf(row.Index):yyyy-MM-ddTHH:mm:ssZ},{BacktestOutput.Number(row.Demand)},{row.Requested},{row.Ready},{BacktestOutput.Number(row.Capacity)},{(row.Violation ? 1 : 0)}");

    private static string Row(Summary summary) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {summary.Trace} | {summary.Policy.ToString().ToLowerInvariant()} | {summary.Lead} | {summary.ViolationPercent:0.00}% | {summary.UnservedPercent:0.00}% | x{summary.CostAgainstOracle:0.000} | {summary.ChangesPerDay:0} | {summary.ReplicaHours:0} | {summary.Dollars:0.00} | {summary.DollarsPerMillionGood:0.0000} |");

    private sealed class Settings
    {
        private readonly Option<int?> _lead = new("--lead") { Description = "Intervals from a request for replicas to their service. Default: 3; 2 for intervals of 5 min, 1 for 30 min and more.", HelpName = "n" };
        private readonly Option<double?> _quantile = new("--quantile") { Description = "Share of intervals in which demand must fit. Default: 0.975.", HelpName = "q" };
        private readonly Option<TimeSpan?> _hold = BacktestWindowOptions.Span("--hold", "Time a need is remembered. Default: 15m.");
        private readonly Option<double?> _capacity = new("--capacity") { Description = "Demand that one replica serves. Default: a twentieth of the 99th percentile of the week before the warm-up.", HelpName = "c" };
        private readonly Option<int?> _min = new("--min") { Description = "Fewest replicas. Default: 1.", HelpName = "n" };
        private readonly Option<int?> _max = new("--max") { Description = "Most replicas. Default: 1000.", HelpName = "n" };
        private readonly Option<double?> _price = new("--price") { Description = "Price of one replica for one hour. Default: 0.012.", HelpName = "usd" };
        private readonly Option<double?> _budget = new("--budget") { Description = "Money for one calendar month. Default: no limit.", HelpName = "usd" };
        private readonly Option<bool> _dropGuard = new("--drop-guard") { Description = "Do not follow a fall of more than half within 15 min for 30 min." };

        public void AddTo(Command command)
        {
            foreach (Option option in (Option[])[_lead, _quantile, _hold, _capacity, _min, _max, _price, _budget, _dropGuard])
            {
                command.Add(option);
            }
        }

        public FloorPolicy ToFloorPolicy(ParseResult parse)
        {
            if (parse.GetValue(_lead) is < 1 or > 288)
            {
                throw new LabException($"--lead must be 1 to 288 intervals, is {parse.GetValue(_lead)}");
            }

            if (parse.GetValue(_capacity) is not (null or (> 0 and < double.PositiveInfinity)))
            {
                throw new LabException(FormattableString.Invariant($"--capacity must be positive, is {parse.GetValue(_capacity)}"));
            }

            var defaults = new FloorPolicy();
            var policy = defaults with
            {
                Quantile = parse.GetValue(_quantile) ?? defaults.Quantile,
                Hold = parse.GetValue(_hold) ?? defaults.Hold,
                MinReplicas = parse.GetValue(_min) ?? defaults.MinReplicas,
                MaxReplicas = parse.GetValue(_max) ?? defaults.MaxReplicas,
                PricePerReplicaHour = parse.GetValue(_price) ?? defaults.PricePerReplicaHour,
                MonthlyBudget = parse.GetValue(_budget),
                DropGuard = parse.GetValue(_dropGuard) ? DropGuard.Default : null,
            };
            try
            {
                policy.Validate();
            }
            catch (ArgumentException problem)
            {
                throw new LabException(problem.Message);
            }

            return policy;
        }

        /// <summary>Of settings that <see cref="ToFloorPolicy"/> found possible.</summary>
        public ReplayOptions ToReplayOptions(ParseResult parse, BacktestWindows windows, FloorPolicy floor, bool trees)
        {
            return new ReplayOptions
            {
                Policy = ReplayPolicy.Floor,
                Windows = windows,
                Floor = floor,
                Lead = parse.GetValue(_lead) ?? windows.Lead,
                Capacity = parse.GetValue(_capacity),
                GradientBoosting = trees,
            };
        }
    }

    /// <summary>summary.json.</summary>
    private sealed record Summary(
        int SchemaVersion, string Trace, ReplayPolicy Policy, int Lead, double Quantile, double HoldSeconds, double CapacityPerReplica, int Intervals,
        double ViolationPercent, double UnservedPercent, double CostAgainstOracle, double ChangesPerDay, double ReplicaHours, double PricePerReplicaHour,
        double Dollars, double DollarsPerMillionGood)
    {
        public static Summary Of(string name, ReplayOptions options, ReplayResult result) => new(
            1, name, result.Policy, options.Lead, options.Floor.Quantile, options.Floor.Hold.TotalSeconds, result.CapacityPerReplica, result.Intervals,
            100 * result.ViolationRatio, 100 * result.UnservedRatio, result.CostAgainstOracle, result.ChangesPerDay, result.ReplicaHours,
            options.Floor.PricePerReplicaHour, result.Dollars, result.DollarsPerMillionGood);
    }
}
