using System.Globalization;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>What Linux tells of a process under /proc. Every read answers null where there is no such process or no /proc.</summary>
internal static class ProcFiles
{
    private const int TicksPerSecond = 100;   // USER_HZ, fixed in the kernel's interface on every architecture we run on

    /// <summary>Start time in ticks since boot: with the process id it names one process for good.</summary>
    public static long? StartTicks(int pid) => Fields(pid) is { } fields ? long.Parse(fields[19], CultureInfo.InvariantCulture) : null;

    /// <summary>Processor time of the process and of children it has waited for; private memory in use.</summary>
    public static ContainerConsumption? Usage(int pid)
    {
        if (Fields(pid) is not { } fields || Read($"/proc/{pid}/statm") is not { } memory)
        {
            return null;
        }

        var own = CpuTime(pid) ?? Ticks(fields, 11);   // utime and stime
        var ended = Ticks(fields, 13);                 // cutime and cstime
        var pages = memory.Split(' ');
        if (pages.Length < 3)
        {
            return null;
        }

        var resident = long.Parse(pages[1], CultureInfo.InvariantCulture) - long.Parse(pages[2], CultureInfo.InvariantCulture);
        return new(own + ended, resident * Environment.SystemPageSize);
    }

    /// <summary>The process's own CPU clock. Its file under /proc counts hundredths of a second, too coarse for samples of a fraction of one.</summary>
    /// <remarks>A clock's number, as clock_getcpuclockid(3) makes it: the complement of the process id, then the kind of clock.</remarks>
    private static TimeSpan? CpuTime(int pid)
    {
        const int Scheduled = 2;
        var time = new nint[2];
        return LinuxNative.ClockGetTime((~pid << 3) | Scheduled, time) == 0 ? TimeSpan.FromSeconds(time[0]) + (TimeSpan.FromMicroseconds(time[1] / 1_000.0)) : null;
    }

    private static TimeSpan Ticks(string[] fields, int first) => TimeSpan.FromSeconds(
        (long.Parse(fields[first], CultureInfo.InvariantCulture) + long.Parse(fields[first + 1], CultureInfo.InvariantCulture)) / (double)TicksPerSecond);

    /// <summary>Fields of /proc/pid/stat from the third on: the second, the name, may hold spaces and brackets.</summary>
    private static string[]? Fields(int pid)
    {
        if (Read($"/proc/{pid}/stat") is not { } text || text.LastIndexOf(')') is var end && end < 0)
        {
            return null;
        }

        var fields = text[(end + 2)..].Split(' ');
        return fields.Length > 20 && fields[0] is not ("Z" or "X") ? fields : null;
    }

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
