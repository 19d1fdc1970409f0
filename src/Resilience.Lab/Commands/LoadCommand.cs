using System.CommandLine;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

internal static class LoadCommand
{
    public static Command Create() => new Command("load", "x").Does((_, _, _) => Task.FromResult(ExitCode.Pass));
}
