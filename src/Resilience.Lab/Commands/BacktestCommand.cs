using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Resilience.Control.Forecasting;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

/// <summary><c>lab backtest</c>: how good are the forecasts on a recorded series, with nothing known in advance?</summary>
internal static class BacktestCommand
{
    public static Command Create()
    {
        var windows = new BacktestWindowOptions(challenger: "gbm");
        var horizons = new Option<string?>("--horizons") { Description = "Steps ahead, ascending. Default: 5,10,15; 1,2,3 for intervals of 5 min; 1,3,6 for 30 min and more.", HelpName = "list" };
        var output = new Option<string?>("--out") { Description = "Folder for forecasts.csv and summary.json (one folder per trace when there are several). Default: none are written.", HelpName = "dir" };
        var json = CommandRunner.JsonOption();
        var command = new Command("backtest", "Evaluate the forecasts on recorded demand: rolling origin, no look-ahead.");
        windows.AddTo(command);
        command.Add(horizons);
        command.Add(output);
        command.Add(json);
        return command.Does(async (parse, console, stop) =>
        {
            var steps = Horizons(parse.GetValue(horizons));
            BacktestOutput.Check(parse.GetValue(output));
            var inputs = await windows.ReadAllAsync(parse, console, stop).ConfigureAwait(false);
            List<Summary> summaries = [];
            foreach (var input in inputs)
            {
                var covered = input.Windows with { Horizons = steps ?? input.Windows.Horizons };
                var directory = input.Directory(parse.GetValue(output), inputs.Count);
                summaries.Add(Evaluate(input.Name, input.Trace, covered, parse.GetValue(windows.Challenger) == "gbm", directory, stop));
                console.Say(summaries.Count == 1 ? $"{Header}\n{Row(summaries[^1])}" : Row(summaries[^1]));
            }

            var overall = Math.Exp(summaries.Average(summary => Math.Log(summary.RelNaive)));
            if (summaries.Count > 1)
            {
                console.Say(string.Create(CultureInfo.InvariantCulture, $"| **geometric mean** | | **{overall:0.000}** | | | | | | | |"));
            }

            if (console.Json)
            {
                console.WriteJson(inputs.Count == 1
                    ? JsonSerializer.Serialize(summaries[0], BacktestOutput.Json)
                    : JsonSerializer.Serialize(new { SchemaVersion = 1, GeometricMeanRelNaive = overall, Traces = summaries }, BacktestOutput.Json));
            }

            return ExitCode.Pass;
        });
    }

    private const string Header =
        "| trace | steps | relNaive | per step | MASE | sMAPE % | q.90 covers | q.99 covers | refit s | step ms |\n|---|---|---|---|---|---|---|---|---|---|";

    private static Summary Evaluate(string name, Trace trace, BacktestWindows windows, bool trees, string? directory, CancellationToken stop)
    {
        var options = windows.ToOptions(trace.Interval) with { GradientBoosting = trees };
        using var files = directory is null ? null : new BacktestOutput(directory);
        BacktestResult result;
        using (var csv = files?.Create("forecasts.csv"))
        {
            csv?.WriteLine("origin_utc,h,target_utc,actual,p50,p90,p99,champion");
            try
            {
                result = Backtest.Run(trace, windows, options, TimeProvider.System, row =>
                {
                    stop.ThrowIfCancellationRequested();
                    csv?.WriteLine(Line(trace, windows, row));
                });
            }
            catch (ArgumentException problem)
            {
                throw new LabException($"{name}: {problem.Message.Split(" (Parameter")[0].TrimEnd('.')}");
            }
        }

        var summary = Summary.Of(name, trace, windows, trees, result);
        files?.Write("summary.json", JsonSerializer.Serialize(summary, BacktestOutput.Json));
        files?.Commit();
        return summary;
    }

    private static string Line(Trace trace, BacktestWindows windows, BacktestRow row)
    {
        var h = windows.Horizons[row.HorizonIndex];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{trace.TimeOf(row.Origin):yyyy-MM-ddTHH:mm:ssZ},{h},{trace.TimeOf(row.Origin + h):yyyy-MM-ddTHH:mm:ssZ},{BacktestOutput.Number(row.Actual)},{BacktestOutput.Number(row.P50)},{BacktestOutput.Number(row.P90)},{BacktestOutput.Number(row.P99)},{row.Champion}");
    }

    private static string Row(Summary summary)
    {
        string Each(Func<BacktestScore, double> value, string format) =>
            string.Join(' ', summary.Horizons.Select(score => value(score).ToString(format, CultureInfo.InvariantCulture)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {summary.Trace} | {string.Join(' ', summary.Horizons.Select(score => score.Horizon))} | {summary.RelNaive:0.000} | {Each(s => s.RelNaive, "0.000")} | {Each(s => s.Mase, "0.000")} | {Each(s => s.Smape, "0.0")} | {Each(s => s.Coverage90, "0.000")} | {Each(s => s.Coverage99, "0.0000")} | {summary.RefitSeconds:0.00} | {summary.ForecastMilliseconds:0.000} |");
    }

    private static int[]? Horizons(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var steps = text.Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0).ToArray();
        return steps.Length <= 64 && steps[0] >= 1 && steps[^1] <= 288 && steps.Zip(steps.Skip(1)).All(pair => pair.First < pair.Second)
            ? steps
            : throw new LabException($"--horizons: \"{text}\" must be ascending steps between 1 and 288, like 5,10,15");
    }

    /// <summary>summary.json.</summary>
    private sealed record Summary(
        int SchemaVersion, string Trace, int Points, double IntervalSeconds, DateTimeOffset EvaluatedFrom, DateTimeOffset EvaluatedTo, double TrainDays, string Challenger,
        double RelNaive, IReadOnlyList<BacktestScore> Horizons, bool Forecastable, int Refits, double RefitSeconds, double ForecastMilliseconds)
    {
        public static Summary Of(string name, Trace trace, BacktestWindows windows, bool trees, BacktestResult result) => new(
            1, name, trace.Count, trace.Interval.TotalSeconds, trace.TimeOf(trace.Count) - windows.Evaluation, trace.TimeOf(trace.Count), windows.Train.TotalDays,
            trees ? "gbm" : "none", result.RelNaive, result.Scores, result.Forecastable, result.Refits, result.RefitSeconds, result.ForecastMilliseconds);
    }
}
