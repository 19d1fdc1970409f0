namespace Resilience.Web;

/// <summary>
/// Makes replicas, and not the laptop's cores, the scarce thing: admits at most <c>CAPACITY_RPS</c> requests per second in order of arrival,
/// lets a bounded number wait, and turns the rest away.
/// </summary>
/// <remarks>
/// One number is the whole state: the instant until which the replica is booked. Every admitted request books 1/capacity more, so the wait of
/// the next one is known on arrival and no queue has to be kept. A client that gives up keeps its booking, as work begun for nobody would.
/// </remarks>
internal sealed class CapacityModel(double capacityRps, int queueLimit, TimeProvider clock)
{
    private readonly long _ticksPerRequest = capacityRps > 0 ? (long)Math.Ceiling(TimeSpan.TicksPerSecond / capacityRps) : 0;
    private readonly long _epoch = clock.GetTimestamp();
    private readonly Lock _gate = new();
    private long _bookedUntilTicks;

    /// <summary>Requests waiting for their turn just now.</summary>
    public int Waiting => _ticksPerRequest == 0 ? 0 : (int)(Math.Max(0, Volatile.Read(ref _bookedUntilTicks) - NowTicks()) / _ticksPerRequest);

    /// <summary>Books one request.</summary>
    /// <param name="wait">Admitted: time until its turn. Turned away: time until there is room again.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryAdmit(out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        if (_ticksPerRequest == 0)
        {
            return true;
        }

        lock (_gate)
        {
            var now = NowTicks();
            var backlog = Math.Max(0, _bookedUntilTicks - now);
            if (backlog > queueLimit * _ticksPerRequest)
            {
                wait = TimeSpan.FromTicks(backlog - (queueLimit * _ticksPerRequest));
                return false;
            }

            wait = TimeSpan.FromTicks(backlog);
            _bookedUntilTicks = now + backlog + _ticksPerRequest;
            return true;
        }
    }

    private long NowTicks() => clock.GetElapsedTime(_epoch).Ticks;
}
