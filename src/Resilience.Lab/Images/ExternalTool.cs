using System.ComponentModel;
using System.Diagnostics;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Images;

/// <summary>Programs of other people that the lab calls.</summary>
internal static class ExternalTool
{
    /// <summary>Whether a program of this name is on PATH.</summary>
    public static bool Exists(string program) => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Any(folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? program + ".exe" : program)));

    /// <summary>Runs to the end; a failure becomes one line with the last thing the program said.</summary>
    /// <param name="heard">Told each line of both outputs; null: nobody listens.</param>
    /// <returns>What it wrote to stdout.</returns>
    public static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, string folder, Action<string>? heard, CancellationToken stop)
    {
        var (code, output, last) = await TryAsync(program, arguments, folder, heard, stop).ConfigureAwait(false);
        return code == 0
            ? output
            : throw new LabException($"\"{program} {string.Join(' ', arguments)}\" ended with exit code {code}: {last.Trim().TrimEnd('.')}");
    }

    /// <returns>Exit code, stdout, and the last line that was no blank one.</returns>
    public static async Task<(int Code, string Output, string Last)> TryAsync(string program, IReadOnlyList<string> arguments, string folder, Action<string>? heard, CancellationToken stop)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = new Process { StartInfo = start };
        var output = new System.Text.StringBuilder();
        var last = "it said nothing";
        void Hear(string? line, bool isOutput)
        {
            lock (output)
            {
                if (line is null)
                {
                    return;
                }

                last = string.IsNullOrWhiteSpace(line) ? last : line;
                _ = isOutput ? output.AppendLine(line) : output;
            }

            heard?.Invoke(line);
        }

        process.OutputDataReceived += (_, line) => Hear(line.Data, isOutput: true);
        process.ErrorDataReceived += (_, line) => Hear(line.Data, isOutput: false);
        try
        {
            _ = process.Start();
        }
        catch (Win32Exception missing)
        {
            throw new LabException($"the program \"{program}\" cannot be started: {missing.Message.TrimEnd('.')}", "Is it installed and on PATH?");
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, output.ToString(), last);
    }
}
