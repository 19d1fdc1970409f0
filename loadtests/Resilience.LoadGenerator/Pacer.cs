using System.Runtime.InteropServices;

namespace Resilience.LoadGenerator;

/// <summary>
/// Waits until an instant of a run with the precision of the system's timer and no spinning: the machine is shared with the system under test.
/// </summary>
/// <remarks>.NET's own waits count whole milliseconds; at 200 requests/s, spinning through the rest of each would take a tenth of a core.</remarks>
internal sealed partial class Pacer(TimeProvider clock)
{
    /// <summary>Longest time for which a stop request goes unnoticed.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(20);

    private readonly long _origin = clock.GetTimestamp();
    private readonly bool _realTime = ReferenceEquals(clock, TimeProvider.System);

    public TimeSpan Elapsed => clock.GetElapsedTime(_origin);

    public long ElapsedUs => Elapsed.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Waits for one slice at most.</summary>
    public void WaitTowards(TimeSpan until)
    {
        var left = until - Elapsed;
        if (left <= TimeSpan.Zero)
        {
            return;
        }

        var wait = left < Slice ? left : Slice;
        if (_realTime && !OperatingSystem.IsWindows())
        {
            _ = NanoSleep(new(0, (nint)(wait.Ticks * TimeSpan.NanosecondsPerTick)), 0);
            return;
        }

        using var due = new ManualResetEventSlim();
        using var timer = clock.CreateTimer(static state => ((ManualResetEventSlim)state!).Set(), due, wait, Timeout.InfiniteTimeSpan);
        due.Wait();
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NanoSleep(in TimeSpec request, nint remaining);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpec(nint Seconds, nint Nanoseconds);
}
