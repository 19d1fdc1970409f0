using k8s.Models;
using Microsoft.Extensions.Logging;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Election;

/// <summary>
/// Elects one leader by a Lease. Other machines' clocks are never compared with ours: a holder is presumed dead when
/// its record has not changed for the lease's duration on our own clock. A leader stops calling itself one
/// <see cref="LeaseElectionOptions.RenewDeadline"/> after the start of its last successful renewal, which is before any
/// other can take over, and that holds even for a process that was paused and has just woken.
/// </summary>
/// <remarks>
/// The lease narrows the window, it does not fence: what the leader writes must carry a precondition of its own.
/// <see cref="Term"/> tells the terms apart.
/// </remarks>
public sealed partial class LeaseElection
{
    private readonly ClusterApi _api;
    private readonly LeaseElectionOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Random _random;
    private V1Lease? _record;
    private string? _versionSeen;
    private long _versionSeenAt;
    private long _renewedAt;
    private volatile bool _leading;

    public LeaseElection(ClusterApi api, LeaseElectionOptions options, TimeProvider clock, ILogger<LeaseElection> logger)
    {
        _api = api;
        _options = options.Validated();
        _clock = clock;
        _logger = logger;
        _random = new Random(StableHash.Of(options.Identity));
    }

    /// <summary>Told true after winning and false after losing; handlers run on the election's loop and must be quick.</summary>
    public event Action<bool>? LeadershipChanged;

    /// <summary>True only while no other can lead by the rules; read it right before acting.</summary>
    public bool IsLeader => _leading && _clock.GetElapsedTime(Volatile.Read(ref _renewedAt)) < _options.RenewDeadline;

    /// <summary>Number of times the lease has changed hands, as of the last look; grows with every new leader.</summary>
    public int Term { get; private set; }

    /// <summary>Who holds the lease, as of the last look; empty when nobody does.</summary>
    public string Holder { get; private set; } = "";

    /// <summary>Takes part until cancelled, then stops being leader and hands the lease back if it holds it. Work under way must be conditional.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var pause = await RoundAsync(ct);
            await Task.Delay(pause, _clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (_leading)
        {
            StepDown("stopping");
            await ReleaseAsync();
        }
    }

    /// <summary>One attempt to acquire or renew.</summary>
    /// <returns>How long to wait before the next.</returns>
    internal async Task<TimeSpan> RoundAsync(CancellationToken ct)
    {
        var started = _clock.GetTimestamp();
        try
        {
            using var deadline = new CancellationTokenSource(AttemptLimit(), _clock);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
            if (await TryHoldAsync(linked.Token))
            {
                var before = Interlocked.Exchange(ref _renewedAt, started);   // the start: others may have seen the record from then on
                if (_clock.GetElapsedTime(before) >= _options.RenewDeadline)
                {
                    // Nobody else has led, but IsLeader was false for a while: what was left undone then has to be done now.
                    StepDown("renewed too late");
                }

                Win();
                return _options.RenewInterval;
            }

            StepDown($"{Holder} holds the lease");
            return UntilWorthwhile();
        }
        catch (Exception ex) when (ex is ClusterException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            LogFailed(_logger, _options.Name, ex is ClusterException ? ex.Message : "the API server did not answer in time");
            if (_leading && !IsLeader)
            {
                StepDown($"not renewed for {_options.RenewDeadline.TotalSeconds:0.#} s");
            }

            return ex is ClusterException { IsConflict: true } or ClusterException { IsAlreadyExists: true } ? TimeSpan.FromMilliseconds(20) : Jittered(_options.RetryPeriod);
        }
        catch (OperationCanceledException)
        {
            return TimeSpan.Zero;
        }
    }

    /// <summary>A leader's attempt may last until its deadline and not beyond, so that it steps down on time.</summary>
    private TimeSpan AttemptLimit()
    {
        var left = _leading ? _options.RenewDeadline - _clock.GetElapsedTime(Volatile.Read(ref _renewedAt)) : _options.RenewDeadline;
        return left > TimeSpan.FromMilliseconds(1) ? left : _options.RetryPeriod;
    }

    private async Task<bool> TryHoldAsync(CancellationToken ct)
    {
        // A leader renews what it wrote last: one request. Anybody else, and a leader after an error, looks first.
        if (!_leading || _record?.Spec.HolderIdentity != _options.Identity)
        {
            if (await _api.FindAsync(ResourceTypes.Leases, _options.Namespace, _options.Name, ct) is not { } found)
            {
                Observe(await _api.CreateAsync(ResourceTypes.Leases, _options.Namespace, Claim(null), ct));
                return true;
            }

            Observe(found);
            if (!MayTake(found))
            {
                return false;
            }
        }

        try
        {
            Observe(await _api.ReplaceAsync(ResourceTypes.Leases, Claim(_record), ct));
            return true;
        }
        catch (ClusterException ex)
        {
            _record = ex.IsConflict || ex.IsNotFound || ex.IsUnreachable ? null : _record;   // somebody wrote, or we did and do not know: look again
            throw;
        }
    }

    private bool MayTake(V1Lease lease)
    {
        var holder = lease.Spec.HolderIdentity;
        return string.IsNullOrEmpty(holder) || holder == _options.Identity || TimeLeft() <= TimeSpan.Zero;
    }

    private void Observe(V1Lease lease)
    {
        // Any write counts as a sign of life, whatever the clock that stamped it says.
        if (_versionSeen != lease.Metadata.ResourceVersion)
        {
            _versionSeen = lease.Metadata.ResourceVersion;
            _versionSeenAt = _clock.GetTimestamp();
        }

        _record = lease;
        Term = lease.Spec.LeaseTransitions ?? 0;
        Holder = lease.Spec.HolderIdentity ?? "";
    }

    private TimeSpan TimeLeft() =>
        TimeSpan.FromSeconds(_record?.Spec.LeaseDurationSeconds ?? 0) - _clock.GetElapsedTime(_versionSeenAt);

    /// <summary>A follower looks again at its period, or at the moment the lease runs out if that is sooner.</summary>
    private TimeSpan UntilWorthwhile()
    {
        var period = Jittered(_options.RetryPeriod);
        var left = TimeLeft();
        return left > TimeSpan.Zero && left < period ? left : period;
    }

    private V1Lease Claim(V1Lease? current)
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        var mine = current?.Spec.HolderIdentity == _options.Identity;
        return new V1Lease
        {
            ApiVersion = ResourceTypes.Leases.ApiVersion,
            Kind = ResourceTypes.Leases.Kind,
            Metadata = current?.Metadata ?? new V1ObjectMeta { Name = _options.Name, NamespaceProperty = _options.Namespace },
            Spec = new V1LeaseSpec
            {
                HolderIdentity = _options.Identity,
                LeaseDurationSeconds = (int)_options.Duration.TotalSeconds,
                AcquireTime = mine ? current!.Spec.AcquireTime : now,
                RenewTime = now,
                LeaseTransitions = current is null ? 0 : (current.Spec.LeaseTransitions ?? 0) + (mine ? 0 : 1),
            },
        };
    }

    private async Task ReleaseAsync()
    {
        if (_record is not { } record || record.Spec.HolderIdentity != _options.Identity)
        {
            return;
        }

        using var timeout = new CancellationTokenSource(_options.ReleaseTimeout, _clock);
        try
        {
            var free = Claim(record);
            free.Spec.HolderIdentity = "";
            free.Spec.LeaseDurationSeconds = 1;   // 0 is invalid; followers take a lease without holder at once
            Observe(await _api.ReplaceAsync(ResourceTypes.Leases, free, timeout.Token));
            LogReleased(_logger, _options.Name);
        }
        catch (Exception ex) when (ex is ClusterException or OperationCanceledException)
        {
            LogFailed(_logger, _options.Name, "could not be handed back: " + ex.Message);
        }
    }

    private void Win()
    {
        if (!_leading)
        {
            _leading = true;
            LogWon(_logger, _options.Identity, _options.Name, Term);
            LeadershipChanged?.Invoke(true);
        }
    }

    private void StepDown(string why)
    {
        if (_leading)
        {
            _leading = false;
            LogLost(_logger, _options.Identity, _options.Name, why);
            LeadershipChanged?.Invoke(false);
        }
    }

    private TimeSpan Jittered(TimeSpan period) => period * (0.8 + (0.4 * _random.NextDouble()));

    [LoggerMessage(EventId = 2101, EventName = "LeaseWon", Level = LogLevel.Information, Message = "{Identity} leads: holds lease {Lease}, term {Term}")]
    private static partial void LogWon(ILogger logger, string identity, string lease, int term);

    [LoggerMessage(EventId = 2102, EventName = "LeaseLost", Level = LogLevel.Warning, Message = "{Identity} no longer leads by lease {Lease}: {Why}")]
    private static partial void LogLost(ILogger logger, string identity, string lease, string why);

    [LoggerMessage(EventId = 2103, EventName = "LeaseReleased", Level = LogLevel.Information, Message = "Handed lease {Lease} back")]
    private static partial void LogReleased(ILogger logger, string lease);

    [LoggerMessage(EventId = 2104, EventName = "LeaseAttemptFailed", Level = LogLevel.Warning, Message = "Lease {Lease}: {Error}")]
    private static partial void LogFailed(ILogger logger, string lease, string error);
}
