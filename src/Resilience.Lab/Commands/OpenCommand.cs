using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Commands;

/// <summary><c>open</c>: the page in a browser.</summary>
internal static class OpenCommand
{
    public static Command Create()
    {
        var directory = CommandRunner.LabDirectoryOption();
        var command = new Command("open", "Open the running lab's page in a browser; prints its address in any case.") { directory };
        return command.Does((parse, console, stop) =>
        {
            var lab = LabDirectory.At(parse.GetValue(directory));
            _ = lab.RunningKubeconfig();
            var url = lab.Read()?.Url ?? throw new LabException("the running lab serves no page (it was started with --bare)", "Apply k8s/traditional first.");
            console.Say(url);
            TryOpen(url);
            return Task.FromResult(ExitCode.Pass);
        });
    }

    /// <summary>A machine without a browser is no error: the address was printed.</summary>
    private static void TryOpen(string url)
    {
        var opener = OperatingSystem.IsWindows() ? "explorer" : OperatingSystem.IsMacOS() ? "open" : "xdg-open";
        try
        {
            using var started = Process.Start(new ProcessStartInfo(opener, url) { RedirectStandardError = true, RedirectStandardOutput = true });
        }
        catch (Win32Exception)
        {
            // No such program here.
        }
    }
}
