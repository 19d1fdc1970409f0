namespace Resilience.Web.Faults;

/// <summary>Holds more memory every second, like a leak; gives all of it back when stopped.</summary>
internal sealed class MemoryHog(TimeProvider clock) : IDisposable
{
    private const int LimitMegabytes = 1_024;
    private readonly Lock _gate = new();
    private readonly List<byte[]> _held = [];
    private ITimer? _timer;

    public int HeldMegabytes
    {
        get
        {
            lock (_gate)
            {
                return _held.Count;
            }
        }
    }

    public void Set(int megabytesPerSecond)
    {
        lock (_gate)
        {
            _timer?.Dispose();
            _timer = null;
            if (megabytesPerSecond > 0)
            {
                _timer = clock.CreateTimer(_ => Grow(megabytesPerSecond), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
            }
            else if (_held.Count > 0)
            {
                _held.Clear();
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
            }
        }
    }

    public void Dispose() => Set(0);

    private void Grow(int megabytes)
    {
        lock (_gate)
        {
            for (var i = 0; i < megabytes && _held.Count < LimitMegabytes && _timer is not null; i++)
            {
                // Written to, because the system counts a page only once it is touched.
                var block = GC.AllocateUninitializedArray<byte>(1024 * 1024);
                Array.Fill(block, (byte)1);
                _held.Add(block);
            }
        }
    }
}
