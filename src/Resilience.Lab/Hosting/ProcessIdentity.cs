using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Resilience.Lab.Hosting;

/// <summary>A process named so that a recycled pid is not mistaken for it.</summary>
/// <param name="Start">Kernel start ticks on Linux, start time in ticks elsewhere.</param>
internal sealed record ProcessIdentity(int Pid, long Start)
{
    public static ProcessIdentity Current => new(Environment.ProcessId, StartOf(Environment.ProcessId) ?? 0);

    public static ProcessIdentity? Of(int pid) => StartOf(pid) is { } start ? new ProcessIdentity(pid, start) : null;

    public bool IsAlive => StartOf(Pid) == Start;

    /// <summary>Whether the process runs a program of this name: a pid alone may have been given to another one.</summary>
    public bool RunsProgram(string name)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                return File.ReadAllText($"/proc/{Pid}/cmdline").Contains(name, StringComparison.Ordinal);
            }

            using var process = Process.GetProcessById(Pid);
            return process.ProcessName.Contains(name, StringComparison.OrdinalIgnoreCase);
        }
        catch (Exception gone) when (gone is IOException or ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Asks for an orderly end where the system can (SIGTERM), else kills.</summary>
    public void Terminate()
    {
        if (!IsAlive)
        {
            return;
        }

        if (OperatingSystem.IsWindows())
        {
            Kill();
        }
        else
        {
            _ = SendSignal(Pid, SignalTerminate);
        }
    }

    public void Kill()
    {
        try
        {
            if (IsAlive)
            {
                using var process = Process.GetProcessById(Pid);
                process.Kill(entireProcessTree: true);
            }
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // It ended in the meantime.
        }
    }

    /// <summary>Waits until the process is gone.</summary>
    /// <returns>False when it still runs after <paramref name="limit"/>.</returns>
    public async Task<bool> WaitForEndAsync(TimeSpan limit, TimeProvider time, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        while (IsAlive)
        {
            if (time.GetElapsedTime(started) > limit)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), time, stop).ConfigureAwait(false);
        }

        return true;
    }

    /// <remarks>/proc/PID/stat: "123 (name) S 1 …", the start time is field 22; the name may hold spaces and brackets. A zombie counts as gone.</remarks>
    private static long? StartOf(int pid)
    {
        try
        {
            if (!OperatingSystem.IsLinux())
            {
                using var process = Process.GetProcessById(pid);
                return process.HasExited ? null : process.StartTime.ToUniversalTime().Ticks;
            }

            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
        }
        catch (Exception gone) when (gone is IOException or ArgumentException or InvalidOperationException or Win32Exception or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private const int SignalTerminate = 15;

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int pid, int signal);
}
