using System.Globalization;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>
/// One small file per running child, named by process id and holding its start time, so that the next cluster in the same
/// directory ends what a killed one left behind and never a stranger that inherited the number.
/// </summary>
internal sealed class ProcessRecords
{
    private readonly string _folder;

    public ProcessRecords(string folder)
    {
        _folder = folder;
        _ = Directory.CreateDirectory(folder);
    }

    public void Add(int pid)
    {
        if (ProcFiles.StartTicks(pid) is { } ticks)
        {
            File.WriteAllText(PathOf(pid), $"{ticks.ToString(CultureInfo.InvariantCulture)} {BootId()}");
        }
    }

    public void Remove(int pid)
    {
        try
        {
            File.Delete(PathOf(pid));
        }
        catch (IOException)
        {
            // The folder went away with its cluster.
        }
    }

    /// <summary>Kills the recorded processes that still run, with their groups; returns how many.</summary>
    public int KillOrphans()
    {
        var killed = 0;
        foreach (var file in Directory.EnumerateFiles(_folder))
        {
            if (int.TryParse(Path.GetFileName(file), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                && File.ReadAllText(file).Split(' ') is [var recorded, var boot]
                && boot == BootId()
                && ProcFiles.StartTicks(pid)?.ToString(CultureInfo.InvariantCulture) == recorded)
            {
                _ = LinuxNative.Kill(-pid, LinuxNative.SigKill);
                killed++;
            }

            File.Delete(file);
        }

        return killed;
    }

    private static string BootId()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (IOException)
        {
            return "unknown";
        }
    }

    private string PathOf(int pid) => Path.Combine(_folder, pid.ToString(CultureInfo.InvariantCulture));
}
