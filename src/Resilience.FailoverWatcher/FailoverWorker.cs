using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Queues;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Probing;
using Resilience.FailoverWatcher.Publishing;
using Resilience.FailoverWatcher.Reconciling;

namespace Resilience.FailoverWatcher;

/// <summary>Connects what changes to the reconciler, while this process leads.</summary>
internal sealed partial class FailoverWorker : BackgroundService
{
    private readonly WorkQueue<BlueGreenKey> _queue;
    private readonly FailoverReconciler _reconciler;
    private readonly KubernetesFailoverCluster _cluster;
    private readonly WatcherInformers _informers;
    private readonly ActiveProber _prober;
    private readonly StatusPublisher _publisher;
    private readonly LeaseElection _election;
    private readonly FailoverMetrics _metrics;
    private readonly IMeterFactory _meters;
    private readonly WatcherOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;

    public FailoverWorker(
        WorkQueue<BlueGreenKey> queue, FailoverReconciler reconciler, KubernetesFailoverCluster cluster, WatcherInformers informers, ActiveProber prober,
        StatusPublisher publisher, LeaseElection election, FailoverMetrics metrics, IMeterFactory meters, IOptions<WatcherOptions> options, TimeProvider clock, ILogger<FailoverWorker> logger)
    {
        _queue = queue;
        _reconciler = reconciler;
        _cluster = cluster;
        _informers = informers;
        _prober = prober;
        _publisher = publisher;
        _election = election;
        _metrics = metrics;
        _meters = meters;
        _options = options.Value;
        _clock = clock;
        _logger = logger;
        _election.LeadershipChanged += OnLeadershipChanged;
        if (_options.Detection == DetectionMode.Events)
        {
            _informers.Touched += Enqueue;
            _prober.Changed += Enqueue;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Rehearsal.PlayAsync(_meters, _clock, stoppingToken).ConfigureAwait(false);
        await _informers.WaitForSyncAsync(stoppingToken).ConfigureAwait(false);
        LogSynced(_logger, _informers.BlueGreens.Count, _informers.Pods.Count);
        // The timer first: its first tick counts from before any work, however busy the machine is.
        List<Task> loops = [ResyncAsync(stoppingToken), .. Enumerable.Range(0, _options.Workers).Select(_ => WorkAsync(stoppingToken))];
        await Task.WhenAll(loops).ConfigureAwait(false);
    }

    private void Enqueue(BlueGreenKey key)
    {
        _cluster.Touch(key);
        _queue.Add(key);
    }

    private void OnLeadershipChanged(bool leads)
    {
        if (leads)
        {
            _publisher.Reset();
            EnqueueAll();
        }
        else
        {
            _prober.Clear();
            _metrics.ForgetAll();
        }
    }

    private void EnqueueAll()
    {
        foreach (var blueGreen in _informers.BlueGreens.List())
        {
            _queue.Add(new(blueGreen.Metadata.NamespaceProperty, blueGreen.Metadata.Name));
        }
    }

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        await foreach (var key in _queue.ReadAllAsync(stoppingToken).ConfigureAwait(false))
        {
            if (_election.IsLeader)
            {
                await ReconcileAsync(key, stoppingToken).ConfigureAwait(false);
            }
            else
            {
                // Whoever wins the lease looks at every key, so a follower may drop this one. Reading it keeps that code warm.
                _ = await _cluster.ReadAsync(key, ReadFrom.Cache, stoppingToken).ConfigureAwait(false);
            }
            _queue.Done(key);
        }
    }

    private async Task ReconcileAsync(BlueGreenKey key, CancellationToken stoppingToken)
    {
        var started = _clock.GetTimestamp();
        string? errorType = null;
        try
        {
            var recheckIn = await _reconciler.ReconcileAsync(key, stoppingToken).ConfigureAwait(false);
            _queue.Forget(key);
            if (recheckIn is { } delay && _options.Detection == DetectionMode.Events)
            {
                _queue.AddAfter(key, delay);
            }
        }
        catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
        {
            errorType = failure.GetType().FullName;
            LogRetry(_logger, key, _queue.AddWithBackoff(key).TotalSeconds, failure.Message);
        }
        finally
        {
            _metrics.Reconciled(_clock.GetElapsedTime(started), errorType);
        }
    }

    /// <summary>With events this only guards against an event that got lost; with polling it is the whole detection.</summary>
    private async Task ResyncAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_options.Detection == DetectionMode.Polling ? _options.PollInterval : _options.ResyncPeriod, _clock);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            EnqueueAll();
        }
    }

    [LoggerMessage(EventId = 1301, EventName = "Synced", Level = LogLevel.Information, Message = "Caches are filled: {BlueGreens} BlueGreens, {Pods} pods")]
    private static partial void LogSynced(ILogger logger, int blueGreens, int pods);

    [LoggerMessage(EventId = 1302, EventName = "ReconcileFailed", Level = LogLevel.Warning, Message = "{BlueGreen}: not reconciled, again in {DelaySeconds:0.###} s: {Error}")]
    private static partial void LogRetry(ILogger logger, BlueGreenKey blueGreen, double delaySeconds, string error);
}
