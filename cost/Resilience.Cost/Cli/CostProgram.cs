using System.CommandLine;
using Resilience.Cost.Input;
using Resilience.Cost.Model;
using Resilience.Cost.Output;
using Resilience.Cost.Prices;
using static Resilience.Cost.Output.Figures;

namespace Resilience.Cost.Cli;

/// <summary>The command: parse, price, write. Exit code 0, or 2 with one line on stderr and nothing written.</summary>
internal static class CostProgram
{
    private const int CouldNotRun = 2;
    private const string Description = """
        What blue/green strategies cost in a month, from pod-hours times dated prices.

        Examples:
          dotnet run --project cost/Resilience.Cost
          dotnet run --project cost/Resilience.Cost -- --replicas 6 --standby-percent 25 --baseline always-on-one --explain
          dotnet run --project cost/Resilience.Cost -- --price-set opencost --cpu 250m --memory 256Mi --json
          dotnet run --project cost/Resilience.Cost -- --replay out/decisions.csv --focus focus.csv
          dotnet run --project cost/Resilience.Cost -- measure --replica-seconds 7200 --good-requests 250000
        """;

    public static int Run(IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        var options = new CostOptions();
        var root = Create(options, output, error);
        var parse = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0)
        {
            error.WriteLine($"cost: {Explain(parse)}");
            return CouldNotRun;
        }

        try
        {
            return parse.Invoke(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        }
        catch (CostInputException problem)
        {
            error.WriteLine($"cost: {problem.Message}");
            return CouldNotRun;
        }
        catch (OverflowException)
        {
            error.WriteLine("cost: these inputs give figures of more than 28 digits; check prices, pods and requests");
            return CouldNotRun;
        }
    }

    private static RootCommand Create(CostOptions options, TextWriter output, TextWriter error)
    {
        var root = new RootCommand(Description);
        foreach (var option in options.OfReport)
        {
            root.Add(option);
        }

        root.SetAction(parse => Report(parse, options, output, error));
        var measure = new Command("measure", "Price a measured run: pod-seconds and good requests, as in the reports of the lab.");
        foreach (var option in options.OfMeasure)
        {
            measure.Add(option);
        }

        measure.SetAction(parse => Measure(parse, options, output));
        root.Add(measure);
        return root;
    }

    private static string Explain(ParseResult parse)
    {
        if (parse.UnmatchedTokens.Count == 0)
        {
            return $"{parse.Errors[0].Message.TrimEnd('.')}; see --help";
        }

        var typed = parse.UnmatchedTokens[0];
        var command = parse.CommandResult.Command;
        var known = typed.StartsWith('-') ? command.Options.Select(option => option.Name) : command.Subcommands.Select(sub => sub.Name);
        var hint = Nearest.To(typed, [.. known]) is { } nearest ? $"; did you mean {nearest}?" : "; see --help";
        return $"\"{typed}\" is not an option or command here{hint}";
    }

    private static int Report(ParseResult parse, CostOptions options, TextWriter output, TextWriter error)
    {
        var (json, csv) = (parse.GetValue(options.Json), parse.GetValue(options.Csv));
        if (json && csv)
        {
            throw new CostInputException("--json and --csv exclude each other");
        }

        var focus = parse.GetValue(options.Focus);
        RefuseToOverwriteInputs(parse, options, focus);
        var rate = Rate(parse, options);
        var timeline = Timeline(parse, options);
        var (scenario, use, origins) = ScenarioReader.Read(parse, options, timeline);
        var report = CostReport.Of(Strategies(parse, options, timeline), parse.GetValue(options.Baseline)!, scenario, rate, use);
        if (ScenarioReader.Doubt(scenario, use) is { } doubt)
        {
            error.WriteLine($"cost: note: {doubt}");
        }

        if (focus is not null)
        {
            var asOf = rate.Prices.AsOf;
            var start = parse.GetValue(options.PeriodStart) ?? new DateOnly(asOf.Year, asOf.Month, 1);
            WholeFile.Write(focus.ToString(), FocusExport.Write(report, start));
        }

        if (json)
        {
            output.Write(MachineReports.ToJson(report) + "\n");
        }
        else if (csv)
        {
            output.Write(MachineReports.ToCsv(report));
        }
        else
        {
            TableReport.Write(report, output);
        }

        if (parse.GetValue(options.Explain))
        {
            (json || csv ? error : output).Write(Explanation.Of(report, origins));
        }

        return 0;
    }

    private static int Measure(ParseResult parse, CostOptions options, TextWriter output)
    {
        var rate = Rate(parse, options);
        var (seconds, good) = (parse.GetValue(options.ReplicaSeconds) ?? 0m, (long)(parse.GetValue(options.GoodRequests) ?? 0m));
        if (parse.GetValue(options.Json))
        {
            output.Write(MachineReports.ToJson(rate, seconds, good) + "\n");
            return 0;
        }

        var cost = rate.Measure(seconds, good);
        output.WriteLine($"{Number(seconds)} pod-s / 3,600 x {Exact(rate.UsdPerPodHour)} USD per pod-hour = {Usd(cost.Usd)} USD");
        output.WriteLine(cost.UsdPerMillionGoodRequests is { } perMillion
            ? $"{Usd(cost.Usd)} USD x 1,000,000 / {Number(good)} good requests = {Usd(perMillion)} USD per million good requests"
            : "no good requests, so no cost per million of them");
        return 0;
    }

    private static PodRate Rate(ParseResult parse, CostOptions options)
    {
        var book = parse.GetValue(options.Prices) is { } file
            ? PriceBook.Parse(InputFile.ReadText(file), file.ToString())
            : PriceBook.Default;
        var shape = new PodShape(
            parse.GetValue(options.Cpu) ?? PodShape.Default.CpuCores,
            parse.GetValue(options.Memory) ?? PodShape.Default.MemoryGib);
        return new PodRate(book.Get(parse.GetValue(options.PriceSet)), shape);
    }

    private static ReplicaTimeline? Timeline(ParseResult parse, CostOptions options)
    {
        var file = parse.GetValue(options.Replay);
        if (file is null)
        {
            return parse.GetValue(options.CapacityPerPod) ? throw new CostInputException("--capacity-per-pod goes with --replay") : null;
        }

        using var reader = InputFile.Open(file);
        return ReplicaTimelineCsv.Read(reader, file.ToString(), parse.GetValue(options.CapacityPerPod));
    }

    private static string[] Strategies(ParseResult parse, CostOptions options, ReplicaTimeline? timeline)
    {
        var named = (parse.GetValue(options.Strategies) ?? [])
            .SelectMany(names => names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .ToArray();
        return named.Length > 0 ? named : [.. timeline is null ? StrategyNames.FromScenario : StrategyNames.All];
    }

    private static void RefuseToOverwriteInputs(ParseResult parse, CostOptions options, FileInfo? focus)
    {
        FileInfo?[] inputs = [parse.GetValue(options.Prices), parse.GetValue(options.Replay)];
        if (focus is not null && inputs.Any(input => input?.FullName == focus.FullName))
        {
            throw new CostInputException($"--focus {focus} would overwrite an input");
        }
    }
}
