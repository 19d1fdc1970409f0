using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Queues;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;
using Resilience.ScalingAgent.Publishing;
using Resilience.ScalingAgent.Scaling;

namespace Resilience.ScalingAgent;

/// <summary>Runs each scaler once per interval of its grid, and at once when the cluster changes, while this process leads.</summary>
internal sealed partial class ScalerWorker : BackgroundService
{
    private static readonly TimeSpan RetryFirst = TimeSpan.FromMilliseconds(200);

    /// <summary>Scalers of one interval are not all read at its first instant, but within this share of it.</summary>
    private const double SpreadShare = 0.05;

    private readonly ConcurrentDictionary<ScalerKey, Scaler> _scalers = new();
    private readonly WorkQueue<ScalerKey> _queue;
    private readonly ScalerCycle _cycle;
    private readonly RefitWorker _refits;
    private readonly TargetReader _targets;
    private readonly AgentInformers _informers;
    private readonly IDemandSource _source;
    private readonly IAgentStore _store;
    private readonly StatusPublisher _publisher;
    private readonly LeaseElection _election;
    private readonly AgentMetrics _metrics;
    private readonly AgentOptions _options;
    private readonly ChallengerSource _challengers;
    private readonly PlanningClock _planning;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;

    public ScalerWorker(
        WorkQueueMetrics queueMetrics, ScalerCycle cycle, RefitWorker refits, TargetReader targets, AgentInformers informers, IDemandSource source, IAgentStore store,
        StatusPublisher publisher, LeaseElection election, AgentMetrics metrics, IOptions<AgentOptions> options, ChallengerSource challengers, PlanningClock planning, TimeProvider clock, ILogger<ScalerWorker> logger)
    {
        _queue = new(clock, new() { BackoffFirst = RetryFirst }, queueMetrics);
        (_cycle, _refits, _targets, _informers, _source, _store, _publisher) = (cycle, refits, targets, informers, source, store, publisher);
        (_election, _metrics, _options, _challengers, _planning, _clock, _logger) = (election, metrics, options.Value, challengers, planning, clock, logger);
        _election.LeadershipChanged += OnLeadershipChanged;
        _informers.Touched += _queue.Add;
        _refits.Restored += _queue.Add;
        _store.WasReset += reset =>
        {
            // What is held in memory would be written back over the reset.
            Drop(reset.Scaler);
            _queue.Add(reset.Scaler);
        };
    }

    /// <summary>What is held in memory of a scaler; null before its first cycle and after its last.</summary>
    public Scaler? Find(ScalerKey key) => _scalers.GetValueOrDefault(key);

    public override void Dispose()
    {
        _queue.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _informers.WaitForSyncAsync(stoppingToken).ConfigureAwait(false);
        LogSynced(_logger, _informers.Scalers.Count, _informers.Pods.Count, _planning.Scale);
        List<Task> loops = [.. Enumerable.Range(0, _options.Workers).Select(_ => WorkAsync(stoppingToken)), _refits.RunAsync(stoppingToken), ResyncAsync(stoppingToken)];
        await Task.WhenAll(loops).ConfigureAwait(false);
    }

    /// <summary>Everything held is forgotten at the end of a term, not at the beginning of one: the first cycle may run before this is told of it.</summary>
    private void OnLeadershipChanged(bool leads)
    {
        if (leads)
        {
            EnqueueAll();
            return;
        }
        foreach (var key in _scalers.Keys)
        {
            Drop(key);
        }
        _metrics.ForgetAll();
        _publisher.Reset();
    }

    /// <summary>Looks at every scaler now.</summary>
    public void EnqueueAll()
    {
        foreach (var scaler in _informers.Scalers.List())
        {
            _queue.Add(new(scaler.Metadata.NamespaceProperty, scaler.Metadata.Name));
        }
        foreach (var key in _targets.ScalersWithOrphans())
        {
            _queue.Add(key);
        }
    }

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        await foreach (var key in _queue.ReadAllAsync(stoppingToken).ConfigureAwait(false))
        {
            if (_election.IsLeader)
            {
                await LookAfterAsync(key, stoppingToken).ConfigureAwait(false);
            }
            _queue.Done(key);
        }
    }

    private async Task LookAfterAsync(ScalerKey key, CancellationToken stoppingToken)
    {
        var started = _clock.GetTimestamp();
        try
        {
            var (next, retry) = await RunAsync(key, stoppingToken).ConfigureAwait(false);
            if (retry)
            {
                _ = _queue.AddWithBackoff(key);
            }
            else
            {
                _queue.Forget(key);
            }
            if (next is { } delay)
            {
                _queue.AddAfter(key, delay);
            }
        }
        catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
        {
            LogRetry(_logger, failure, key, _queue.AddWithBackoff(key).TotalSeconds);
        }
        finally
        {
            _metrics.Cycled(key, _clock.GetElapsedTime(started));
        }
    }

    /// <returns>Wall time until the next interval, null when only a change can matter; and whether something failed that a retry may mend.</returns>
    private async Task<(TimeSpan? Next, bool Retry)> RunAsync(ScalerKey key, CancellationToken stoppingToken)
    {
        var returned = await _cycle.WithdrawAsync(key, _targets.OrphansOf(key), stoppingToken).ConfigureAwait(false);
        var mustRetry = returned.Any(result => result.Obstacle == FloorObstacle.Failed);
        if (_informers.Scalers.Get(key.Namespace, key.Name) is not { } resource)
        {
            Drop(key);
            _metrics.Forgot(key);
            _publisher.Forget(key);
            return (null, mustRetry);
        }
        var rules = PredictiveAutoscalerRules.Read(resource.Spec);
        if (rules.Objection is { } objection)
        {
            // The floors stay as they are until the spec is mended or deleted: a typing error must not move replicas.
            _publisher.Publish(key, new() { Conditions = [ScalerConditions.Spec(objection)] });
            if (Find(key) is { } frozen)
            {
                frozen.Generation = null;   // whatever comes next is news
            }
            return (null, mustRetry);
        }
        var scaler = Current(key, rules.Settings);
        var result = await _cycle.RunAsync(scaler, scaler.Generation != resource.Metadata.Generation, stoppingToken).ConfigureAwait(false);
        scaler.Generation = resource.Metadata.Generation;
        if (result.Refit)
        {
            _refits.Add(scaler);
        }
        return (scaler.IsRestored ? UntilNextInterval(key, rules.Settings.Interval) : null, result.Retry || mustRetry);
    }

    private Scaler Current(ScalerKey key, ScalerSettings settings)
    {
        var term = _election.Term;
        if (_scalers.TryGetValue(key, out var known))
        {
            // Another leader may have decided since an earlier term: what it recorded is read anew.
            if (known.Term == term && known.TryChange(settings))
            {
                return known;
            }
            Drop(key);
        }
        var scaler = new Scaler(key, settings, _store, _options, _challengers, _planning.Scale) { Term = term };
        _scalers[key] = scaler;
        _refits.Add(scaler);
        return scaler;
    }

    private void Drop(ScalerKey key)
    {
        if (_scalers.TryRemove(key, out var scaler))
        {
            scaler.IsDropped = true;
            _source.Forget(key);
        }
    }

    private TimeSpan UntilNextInterval(ScalerKey key, TimeSpan interval)
    {
        var now = _planning.GetUtcNow();
        var spread = interval * (SpreadShare * (uint)StableHash.Of(key.ToString()) / uint.MaxValue);
        return _planning.ToWall(DemandGrid.Floor(now, interval) + interval + spread - now);
    }

    private async Task ResyncAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_options.ResyncPeriod, _clock);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            EnqueueAll();
        }
    }

    [LoggerMessage(EventId = 1421, EventName = "Synced", Level = LogLevel.Information,
        Message = "Caches are filled: {Scalers} PredictiveAutoscalers, {Pods} pods; the planning clock runs {TimeScale} times as fast as the wall clock")]
    private static partial void LogSynced(ILogger logger, int scalers, int pods, double timeScale);

    [LoggerMessage(EventId = 1422, EventName = "CycleFailed", Level = LogLevel.Warning, Message = "{Scaler}: cycle failed, again in {DelaySeconds:0.###} s")]
    private static partial void LogRetry(ILogger logger, Exception failure, ScalerKey scaler, double delaySeconds);
}
