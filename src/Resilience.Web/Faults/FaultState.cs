using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Resilience.Web.Faults;

/// <summary>The faults in force, and the healing of those that end by themselves. Setting replaces the whole set.</summary>
internal sealed partial class FaultState : IHealthCheck, IDisposable
{
    private readonly TimeProvider _clock;
    private readonly ILogger<FaultState> _logger;
    private readonly Action _crash;
    private readonly Random _random;
    private readonly Lock _gate = new();
    private readonly CpuBurner _cpu = new();
    private readonly MemoryHog _memory;
    private volatile FaultSet _current = FaultSet.None;
    private volatile TaskCompletionSource? _hang;
    private ITimer? _heal;
    private long _healFrom;

    /// <param name="crash">Ends the process; given by the caller so that a test survives it.</param>
    public FaultState(WebSettings settings, TimeProvider clock, ILogger<FaultState> logger, Action crash)
    {
        (_clock, _logger, _crash) = (clock, logger, crash);
        _random = new Random(settings.Seed);
        _memory = new MemoryHog(clock);
    }

    public FaultSet Current => _current;

    /// <summary>Null unless the pod hangs; else completes when it is healed.</summary>
    public Task? Hang => _hang?.Task;

    /// <summary>Time until the set heals by itself; null when it does not.</summary>
    public TimeSpan? HealsIn
    {
        get
        {
            lock (_gate)
            {
                return _current.ForSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) - _clock.GetElapsedTime(_healFrom) : null;
            }
        }
    }

    /// <param name="faults">A set without <see cref="FaultSet.Problems"/>.</param>
    public void Set(FaultSet faults)
    {
        lock (_gate)
        {
            _heal?.Dispose();
            _heal = null;
            _healFrom = _clock.GetTimestamp();
            if (faults.ForSeconds is { } seconds)
            {
                _heal = _clock.CreateTimer(HealIfStill, faults, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan);
            }

            Apply(faults);
        }
    }

    public void Heal() => Set(FaultSet.None);

    /// <summary>Draws the delay of one user request.</summary>
    public TimeSpan DrawLatency()
    {
        var faults = _current;
        return faults.LatencyMs == 0 && faults.JitterMs == 0
            ? TimeSpan.Zero
            : TimeSpan.FromMilliseconds(Math.Max(0, faults.LatencyMs + (faults.JitterMs * ((2 * Draw()) - 1))));
    }

    /// <summary>Draws whether one user request fails.</summary>
    public bool DrawError() => _current.ErrorRatio is var ratio and > 0 && Draw() < ratio;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_current.NotReady ? HealthCheckResult.Unhealthy("injected fault: not ready") : HealthCheckResult.Healthy());

    public void Dispose()
    {
        _heal?.Dispose();
        _cpu.Dispose();
        _memory.Dispose();
        _hang?.TrySetResult();
    }

    // Two timers can cross a Set; only the one whose set is still in force may heal.
    private void HealIfStill(object? faults)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_current, faults))
            {
                Set(FaultSet.None);
            }
        }
    }

    private void Apply(FaultSet faults)
    {
        var before = _current;
        _current = faults;
        if (before != faults)
        {
            LogFaults(_logger, before.Describe(), faults.Describe());
        }

        if (faults.Hang)
        {
            _hang ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        else
        {
            var hang = _hang;
            _hang = null;
            hang?.TrySetResult();
        }

        _cpu.Set(faults.CpuBurn);
        _memory.Set(faults.MemoryMbPerSecond);
        if (faults.Crash)
        {
            _crash();
        }
    }

    private double Draw()
    {
        lock (_random)
        {
            return _random.NextDouble();
        }
    }

    [LoggerMessage(EventId = 201, EventName = "FaultsChanged", Level = LogLevel.Warning, Message = "Injected faults: {Before} → {Now}")]
    private static partial void LogFaults(ILogger logger, string before, string now);
}
