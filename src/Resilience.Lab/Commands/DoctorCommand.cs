using System.CommandLine;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Commands;

internal static class DoctorCommand
{
    public static Command Create() => new Command("doctor", "x").Does((_, _, _) => Task.FromResult(ExitCode.Pass));
}
