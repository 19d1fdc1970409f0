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

        long ticks = 0;
        for (var index = 11; index <= 14; index++)   // utime, stime, cutime, cstime
        {
            ticks += long.Parse(fields[index], CultureInfo.InvariantCulture);
        }

        var pages = memory.Split(' ');
        if (pages.Length < 3)
        {
            return null;
        }

        var own = long.Parse(pages[1], CultureInfo.InvariantCulture) - long.Parse(pages[2], CultureInfo.InvariantCulture);
        return new(TimeSpan.FromSeconds(ticks / (double)TicksPerSecond), own * Environment.SystemPageSize);
    }

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
