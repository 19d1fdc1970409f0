using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Resilience.Lab.Commands;

namespace Resilience.Lab.Cli;

/// <summary>The command tree.</summary>
internal static class LabCommandLine
{
    /// <remarks>Not a RootCommand: that is named after the program's file, and help should say what a person types.</remarks>
    public static Command Create()
    {
        var root = new Command("./lab", "Build, break and measure blue/green systems: an embedded cluster, drills, load and reports.") { new HelpOption(), new VersionOption() };
        root.Add(UpCommand.Create());
        root.Add(StatusCommand.Create());
        root.Add(OpenCommand.Create());
        root.Add(LoadCommand.Create());
        root.Add(ChaosCommand.Create());
        root.Add(ExperimentsCommand.Create());
        root.Add(RunCommand.Create());
        root.Add(SwitchoverCommand.Create());
        root.Add(ExplainCommand.Create());
        root.Add(LedgerCommand.Create());
        root.Add(LearnedCommand.Create());
        root.Add(BacktestCommand.Create());
        root.Add(ReplayCommand.Create());
        root.Add(BenchCommand.Create());
        root.Add(DeployCommand.Create());
        root.Add(AdoptCommand.Create());
        root.Add(ImagesCommand.Create());
        root.Add(OfflineCommand.Create());
        root.Add(PrometheusCommand.Create());
        root.Add(CleanupCommand.Create());
        root.Add(DoctorCommand.Create());
        return root;
    }

    /// <summary>Parses and runs; a line that cannot be parsed gives one clear error and exit code 2.</summary>
    public static async Task<int> InvokeAsync(IReadOnlyList<string> args)
    {
        var root = Create();
        if (args.Count == 0)
        {
            args = ["--help"];
        }

        var parse = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync(Explain(parse, root)).ConfigureAwait(false);
            return ExitCode.CouldNotRun;
        }

        // Signals and exceptions are handled per command (CommandRunner).
        var configuration = new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };
        return await parse.InvokeAsync(configuration).ConfigureAwait(false);
    }

    private static string Explain(ParseResult parse, Command root)
    {
        var command = parse.CommandResult.Command;
        var at = Path(parse.CommandResult);
        if (parse.UnmatchedTokens.Count > 0)
        {
            var typed = parse.UnmatchedTokens[0];
            var known = typed.StartsWith('-') ? command.Options.Select(option => option.Name) : command.Subcommands.Select(sub => sub.Name);
            var what = typed.StartsWith('-') ? "option" : ReferenceEquals(command, root) ? "command" : "argument";
            var hint = Suggest.Nearest(typed, known) is { } nearest ? $" Did you mean \"{nearest}\"?" : string.Empty;
            return $"lab: \"{typed}\" is not a known {what} of {at}.{hint} See {at} --help.";
        }

        // The parser lists choices on lines of their own.
        var message = string.Join(' ', parse.Errors[0].Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return $"lab: {message.TrimEnd('.')}. See {at} --help.";
    }

    /// <summary>With every command above it: "./lab images build".</summary>
    private static string Path(CommandResult result) => result.Parent is CommandResult above ? $"{Path(above)} {result.Command.Name}" : result.Command.Name;
}
