using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Resilience.Control.Forecasting;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

/// <summary>Options that <c>backtest</c> and <c>replay</c> share: what is read, learned from and evaluated.</summary>
internal sealed class BacktestWindowOptions
{
    private const int MinimumPoints = 200;

    private Option<string[]> Trace { get; } = new("--trace")
    {
        Description = "CSV file with the columns timestamp_utc,value, or a folder of them. May be repeated.",
        HelpName = "file",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private Option<string[]> End { get; } = new("--end")
    {
        Description = "Forget what comes after this instant: 1998-07-04T00:00:00Z, or wc98_1min=1998-07-04T00:00:00Z for one of several traces.",
        HelpName = "instant",
    };

    public Option<string> Challenger { get; }

    /// <summary>One trace and what of it is evaluated.</summary>
    public sealed record Input(string Name, Trace Trace, BacktestWindows Windows)
    {
        /// <summary>Where a trace's files go: with several traces each has a folder of its own.</summary>
        public string? Directory(string? root, int traces) => root is not null && traces > 1 ? Path.Combine(root, Name) : root;
    }

    private Option<TimeSpan?> Evaluation { get; } = Span("--eval", "Time at the end of the trace that is evaluated. Default: 5d, or 60d for intervals of 30 min and more.");

    private Option<TimeSpan?> Train { get; } = Span("--train", "History that each refit learns from. Default: 7d; 6d, 56d or 84d for intervals of 5, 30 or 60 min.");

    private Option<TimeSpan?> WarmUp { get; } = Span("--warm-up", "Time before the evaluation in which weights and quantiles are earned. Default: 2d; 7d or 14d for intervals of 30 or 60 min.");

    public BacktestWindowOptions(string challenger)
    {
        Challenger = new Option<string>("--challenger")
        {
            Description = $"Who competes with the pool: gbm or none. Default: {challenger}.",
            HelpName = "gbm|none",
            DefaultValueFactory = _ => challenger,
        };
        Challenger.AcceptOnlyFromAmong("gbm", "none");
    }

    public void AddTo(Command command)
    {
        command.Add(Trace);
        command.Add(Evaluation);
        command.Add(Train);
        command.Add(WarmUp);
        command.Add(End);
        command.Add(Challenger);
    }

    public static Option<TimeSpan?> Span(string name, string description) =>
        new(name) { Description = description, HelpName = "time", CustomParser = ParseSpan };

    /// <summary>Reads and checks every trace before the first is evaluated: a bad last file must not cost minutes of work.</summary>
    public async Task<IReadOnlyList<Input>> ReadAllAsync(ParseResult parse, LabConsole console, CancellationToken stop)
    {
        List<Input> inputs = [];
        List<string> notes = [];   // said once all is well: a refusal is one line
        foreach (var file in Files(parse))
        {
            var trace = await ReadAsync(parse, file, notes, stop).ConfigureAwait(false);
            inputs.Add(new Input(Path.GetFileNameWithoutExtension(file), trace, Windows(parse, file, trace, notes)));
        }

        notes.ForEach(console.Warn);
        return inputs;
    }

    /// <summary>The files behind <c>--trace</c>, folders opened, in order of name.</summary>
    private List<string> Files(ParseResult parse)
    {
        List<string> files = [];
        foreach (var path in parse.GetValue(Trace)!)
        {
            if (!Directory.Exists(path))
            {
                files.Add(path);
                continue;
            }

            var inside = Directory.GetFiles(path, "*.csv").Order(StringComparer.Ordinal).ToArray();
            files.AddRange(inside.Length > 0 ? inside : throw new LabException($"{path}: holds no .csv file"));
        }

        return files;
    }

    /// <summary>Reads a trace and cuts it at <c>--end</c>.</summary>
    private async Task<Trace> ReadAsync(ParseResult parse, string file, List<string> notes, CancellationToken stop)
    {
        var (trace, missing) = await BacktestTrace.ReadAsync(file, stop).ConfigureAwait(false);
        foreach (var text in parse.GetValue(End) ?? [])
        {
            var (name, instant) = text.Split('=', 2) is [var before, var after] ? (before, after) : (null, text);
            if (!DateTimeOffset.TryParse(instant, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var end))
            {
                throw new LabException($"--end: \"{instant}\" is not a time; write it like 1998-07-04T00:00:00Z");
            }

            trace = name is null || name == Path.GetFileNameWithoutExtension(file) ? trace.Until(end) : trace;
        }

        if (trace.Count < MinimumPoints)
        {
            throw new LabException($"{file}: {trace.Count} points are too few to evaluate a forecast; at least {MinimumPoints} are needed");
        }

        if (missing > 0)
        {
            notes.Add($"{file}: {missing} missing points are filled in and not scored.");
        }

        return trace;
    }

    /// <summary>Windows from the options, else from the interval; a trace too short for the defaults is divided 45:15:40.</summary>
    private BacktestWindows Windows(ParseResult parse, string file, Trace trace, List<string> notes)
    {
        var defaults = BacktestWindows.For(trace.Interval);
        var windows = defaults with
        {
            Train = parse.GetValue(Train) ?? defaults.Train,
            WarmUp = parse.GetValue(WarmUp) ?? defaults.WarmUp,
            Evaluation = parse.GetValue(Evaluation) ?? defaults.Evaluation,
        };
        var span = trace.Interval * trace.Count;
        if (windows.Train + windows.WarmUp + windows.Evaluation <= span)
        {
            return windows;
        }

        if (parse.GetResult(Train) is not null || parse.GetResult(WarmUp) is not null || parse.GetResult(Evaluation) is not null)
        {
            throw new LabException($"{file}: spans {Text(span)}, less than --train, --warm-up and --eval together ({Text(windows.Train + windows.WarmUp + windows.Evaluation)})");
        }

        TimeSpan Share(double share) => trace.Interval * (int)(trace.Count * share);
        windows = windows with { Train = Max(Share(0.45), TimeSpan.FromDays(2)), WarmUp = Share(0.15), Evaluation = Share(0.4) };
        notes.Add($"{file}: spans only {Text(span)}, so {Text(windows.Evaluation)} are evaluated after a warm-up of {Text(windows.WarmUp)}.");
        return windows;
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static string Text(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{span.TotalDays:0.##} d");

    private static TimeSpan? ParseSpan(ArgumentResult result)
    {
        var text = result.Tokens.Count == 0 ? string.Empty : result.Tokens[0].Value.Trim();
        if (text.EndsWith('d') && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var days) && days is > 0 and <= 3_660)
        {
            return TimeSpan.FromDays(days);
        }

        if (Durations.TryParse(text, out var value))
        {
            return value;
        }

        result.AddError($"\"{text}\" is not a time; write it like 90s, 15m, 12h or 5d");
        return null;
    }
}
