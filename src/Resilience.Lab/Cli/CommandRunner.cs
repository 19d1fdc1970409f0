using System.CommandLine;
using System.Runtime.InteropServices;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;

namespace Resilience.Lab.Cli;

/// <summary>What every command shares: signals, errors as one line, exit codes.</summary>
internal static class CommandRunner
{
    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON on stdout and nothing else there; progress goes to stderr." };

    public static Option<string?> LabDirectoryOption() =>
        new("--lab-dir") { Description = "Where the lab keeps its state. Default: .lab in this directory.", HelpName = "dir" };

    /// <summary>Attaches the work of a command to it.</summary>
    public static Command Does(this Command command, Func<ParseResult, LabConsole, CancellationToken, Task<int>> work)
    {
        command.SetAction((parse, _) => RunAsync(parse, command, work));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parse, Command command, Func<ParseResult, LabConsole, CancellationToken, Task<int>> work)
    {
        var json = command.Options.OfType<Option<bool>>().Any(option => option.Name == "--json" && parse.GetValue(option));
        var console = LabConsole.Standard(json);
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Stop(context, stop));
        try
        {
            return await work(parse, console, stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            console.Warn("lab: interrupted.");
            return ExitCode.Interrupted;
        }
        catch (LabException problem)
        {
            console.Warn(problem.Line);
            return problem.ExitCode;
        }
        catch (ManifestException problem)
        {
            console.Warn(ClusterFailure.Line(problem));
            return ExitCode.CouldNotRun;
        }
        catch (ClusterException problem)
        {
            console.Warn(ClusterFailure.Line(problem));
            return ExitCode.CouldNotRun;
        }
        catch (Exception problem) when (problem is HttpRequestException or IOException or UnauthorizedAccessException or TimeoutException)
        {
            console.Warn($"lab: {problem.Message.TrimEnd('.')}. \"./lab doctor\" looks for the cause.");
            return ExitCode.CouldNotRun;
        }
        catch (OperationCanceledException)
        {
            console.Warn("lab: a request to the cluster did not end in time; the machine may be too busy. \"./lab doctor\" looks for the cause.");
            return ExitCode.CouldNotRun;
        }
    }

    /// <summary>The first signal asks for an orderly end; a second one ends at once (children go with their lifeline).</summary>
    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = !stop.IsCancellationRequested;
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            context.Cancel = false;
        }
    }
}
