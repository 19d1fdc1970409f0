using System.Diagnostics;

namespace Resilience.Web.Faults;

/// <summary>Burns a share of one core on a thread of its own, which exists only while there is something to burn.</summary>
internal sealed class CpuBurner : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(20);
    private readonly Lock _gate = new();
    private ManualResetEventSlim? _stop;

    public void Set(double share)
    {
        lock (_gate)
        {
            _stop?.Set();
            _stop = null;
            if (share > 0)
            {
                var stop = _stop = new ManualResetEventSlim();
                new Thread(() => Burn(share, stop)) { IsBackground = true, Name = "cpu fault", Priority = ThreadPriority.BelowNormal }.Start();
            }
        }
    }

    public void Dispose() => Set(0);

    private static void Burn(double share, ManualResetEventSlim stop)
    {
        var rest = Period * (1 - share);
        do
        {
            var started = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(started) < Period * share)
            {
                Thread.SpinWait(50);
            }
        }
        while (!stop.Wait(rest));

        stop.Dispose();
    }
}
