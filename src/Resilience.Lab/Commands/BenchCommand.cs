using System.CommandLine;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

internal static class BenchCommand
{
    public static Command Create() => new Command("bench", "x").Does((_, _, _) => Task.FromResult(ExitCode.Pass));
}
