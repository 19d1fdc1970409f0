using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Resilience.Lab.Hosting;

/// <summary>What a program that was run to its end said.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Error);

/// <summary>Other people's programs: found on PATH, run to their end within a limit.</summary>
internal static class Tool
{
    private const int MaxText = 64 * 1024;

    /// <summary>Full path of a program on PATH; null when there is none.</summary>
    public static string? Which(string name)
    {
        string[] endings = OperatingSystem.IsWindows() ? [".exe", ".cmd"] : [""];
        return (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => endings.Select(ending => Path.Combine(folder, name + ending)))
            .FirstOrDefault(IsExecutable);
    }

    public static bool IsExecutable(string file) => File.Exists(file)
        && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(file) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);

    /// <returns>Null when the program cannot be started or did not end within <paramref name="limit"/>; it is killed then.</returns>
    public static async Task<ToolResult?> RunAsync(
        string program, IEnumerable<string> arguments, TimeSpan limit, TimeProvider time, CancellationToken stop, string? folder = null)
    {
        using var patience = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stop);
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = folder ?? string.Empty,
        };
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            try
            {
                var output = ReadAsync(process.StandardOutput, either.Token);
                var error = ReadAsync(process.StandardError, either.Token);
                await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
                return new(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                stop.ThrowIfCancellationRequested();
                return null;
            }
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static async Task<string> ReadAsync(StreamReader from, CancellationToken stop)
    {
        var text = new StringBuilder();
        var buffer = new char[4096];
        int read;
        while ((read = await from.ReadAsync(buffer, stop).ConfigureAwait(false)) > 0)
        {
            _ = text.Append(buffer, 0, Math.Min(read, MaxText - text.Length));
        }

        return text.ToString();
    }
}
