using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Hosting;

/// <summary>What a program that was run to its end said.</summary>
/// <param name="ExitCode">0 means that it did what it was asked for.</param>
/// <param name="Output">Its stdout, up to 4 Mi characters.</param>
/// <param name="Error">Its stderr, up to as much.</param>
/// <param name="Last">The last line of either that was no blank one.</param>
internal sealed record ToolResult(int ExitCode, string Output, string Error, string Last);

/// <summary>Other people's programs: found on PATH, run to their end.</summary>
internal static class Tool
{
    private const int MaxText = 4 * 1024 * 1024;

    /// <summary>Full path of a program on PATH; null when there is none.</summary>
    public static string? Which(string name)
    {
        string[] endings = OperatingSystem.IsWindows() ? [".exe", ".cmd"] : [""];
        return (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => endings.Select(ending => Path.Combine(folder, name + ending)))
            .FirstOrDefault(IsExecutable);
    }

    /// <summary>Whether a program of this name is on PATH.</summary>
    public static bool Exists(string name) => Which(name) is not null;

    public static bool IsExecutable(string file) => File.Exists(file)
        && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(file) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);

    /// <summary>Runs to the end, however long that takes; a failure becomes one line with the last thing the program said.</summary>
    /// <returns>What it wrote to stdout.</returns>
    /// <exception cref="LabException">It cannot be started, or it failed.</exception>
    public static async Task<string> RequireAsync(string program, IReadOnlyList<string> arguments, string folder, CancellationToken stop)
    {
        var result = await RunToEndAsync(program, arguments, folder, null, stop).ConfigureAwait(false);
        return result.ExitCode == 0
            ? result.Output
            : throw new LabException($"\"{program} {string.Join(' ', arguments)}\" ended with exit code {result.ExitCode}: {result.Last.Trim().TrimEnd('.')}");
    }

    /// <summary>Runs to the end, however long that takes.</summary>
    /// <param name="heard">Told each line of both outputs; null: nobody listens.</param>
    /// <exception cref="LabException">It cannot be started.</exception>
    public static async Task<ToolResult> RunToEndAsync(string program, IReadOnlyList<string> arguments, string folder, Action<string>? heard, CancellationToken stop) =>
        await RunAsync(program, arguments, Timeout.InfiniteTimeSpan, TimeProvider.System, stop, folder, heard).ConfigureAwait(false)
        ?? throw new LabException($"the program \"{program}\" cannot be started", "Is it installed and on PATH?");

    /// <param name="heard">Told each line of both outputs, one at a time; null: nobody listens.</param>
    /// <returns>Null when the program cannot be started or did not end within <paramref name="limit"/>; it is killed then.</returns>
    public static async Task<ToolResult?> RunAsync(
        string program, IEnumerable<string> arguments, TimeSpan limit, TimeProvider time, CancellationToken stop, string? folder = null, Action<string>? heard = null)
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
                var said = new Ears(heard);
                var output = said.ListenAsync(process.StandardOutput, either.Token);
                var error = said.ListenAsync(process.StandardError, either.Token);
                await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
                return new(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false), said.Last);
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

    /// <summary>Both outputs of one program.</summary>
    private sealed class Ears(Action<string>? heard)
    {
        private readonly Lock _gate = new();

        public string Last { get; private set; } = "it said nothing";

        public async Task<string> ListenAsync(StreamReader from, CancellationToken stop)
        {
            var text = new StringBuilder();
            while (await from.ReadLineAsync(stop).ConfigureAwait(false) is { } line)
            {
                lock (_gate)
                {
                    Last = string.IsNullOrWhiteSpace(line) ? Last : line;
                    heard?.Invoke(line);
                }

                _ = text.Append(line.AsSpan(0, Math.Min(line.Length, MaxText - text.Length)));
                _ = text.Length < MaxText ? text.Append('\n') : text;
            }

            return text.ToString();
        }
    }
}
