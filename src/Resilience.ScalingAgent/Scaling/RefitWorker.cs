using Microsoft.Extensions.Options;
using Resilience.ClusterAccess.Queues;
using Resilience.Control.Forecasting;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Scaling;

/// <summary>
/// Restores scalers and fits their models, off the cycles' path: one after the other, at most <see cref="AgentOptions.RefitWorkers"/>
/// at a time, so that a thousand scalers that started together are spread out by themselves. A scaler goes on with its old models meanwhile.
/// </summary>
internal sealed partial class RefitWorker(
    ScalerCycle cycle, TargetReader targets, IDemandSource source, IAgentStore store, AgentMetrics metrics, IOptions<AgentOptions> options, PlanningClock planning,
    TimeProvider clock, ILogger<RefitWorker> logger) : IDisposable
{
    private readonly WorkQueue<Scaler> _queue = new(clock, new() { BackoffFirst = TimeSpan.FromSeconds(1), BackoffCap = TimeSpan.FromMinutes(5) });

    /// <summary>Raised when a scaler can decide from now on.</summary>
    public event Action<ScalerKey>? Restored;

    public void Add(Scaler scaler) => _queue.Add(scaler);

    public Task RunAsync(CancellationToken cancellationToken)
    {
        var workers = options.Value.RefitWorkers > 0 ? options.Value.RefitWorkers : Math.Max(1, Environment.ProcessorCount - 1);
        return Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(() => WorkAsync(cancellationToken), CancellationToken.None)));
    }

    public void Dispose() => _queue.Dispose();

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        var workspace = new ForecastWorkspace();
        await foreach (var scaler in _queue.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                await PrepareAsync(scaler, workspace, cancellationToken).ConfigureAwait(false);
                _queue.Forget(scaler);
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                LogFailed(logger, failure, scaler.Key, _queue.AddWithBackoff(scaler).TotalSeconds);
            }
            finally
            {
                _queue.Done(scaler);
            }
        }
    }

    private async Task PrepareAsync(Scaler scaler, ForecastWorkspace workspace, CancellationToken cancellationToken)
    {
        if (!scaler.IsRestored)
        {
            await RestoreAsync(scaler, workspace, cancellationToken).ConfigureAwait(false);
            Restored?.Invoke(scaler.Key);
            return;
        }
        await scaler.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var started = clock.GetTimestamp();
            using var activity = metrics.Source.StartActivity("refit");
            activity?.SetTag("resilience.scaler", scaler.Key.ToString());
            if (scaler.NeedsRebuild)
            {
                LogRebuilt(logger, scaler.Key, scaler.LeadSteps);
                scaler.Rebuild(workspace);
            }
            else if (scaler.Forecaster is { RefitDue: true } forecaster)
            {
                forecaster.Refit(workspace);
            }
            else
            {
                return;   // done by an earlier request
            }
            metrics.Refitted(scaler.Key, clock.GetElapsedTime(started));
        }
        finally
        {
            scaler.Gate.Release();
        }
    }

    /// <summary>What the store holds; while that is too little to forecast from, also what the source and the ConfigMap know.</summary>
    private async Task RestoreAsync(Scaler scaler, ForecastWorkspace workspace, CancellationToken cancellationToken)
    {
        scaler.RestoreLearned();
        var interval = scaler.Settings.Interval;
        var until = DemandGrid.Floor(planning.GetUtcNow(), interval);
        var from = scaler.HistoryFrom(until);
        var samples = store.ReadDemand(scaler.Key, from);
        var target = cycle.DemandOf(scaler, targets.Read(scaler.Key, scaler.Settings.Target).Endpoints);
        if (samples.Count(sample => double.IsFinite(sample.Demand)) < ForecastFrom)
        {
            var history = await source.ReadHistoryAsync(target, from, until, interval, cancellationToken).ConfigureAwait(false);
            if (history.Problem is { } problem)
            {
                LogHistory(logger, scaler.Key, problem);
            }
            store.AppendDemand(scaler.Key, history.Samples);
            samples = [.. history.Samples.Concat(samples).DistinctBy(sample => sample.At).OrderBy(sample => sample.At)];
        }
        // Counters are read twice before they tell a rate: the first time is now, not an interval later.
        _ = await source.ReadAsync(target, cancellationToken).ConfigureAwait(false);
        await scaler.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var started = clock.GetTimestamp();
            scaler.Restore(samples, until, workspace);
            var (points, seconds) = (scaler.Forecaster?.Series.RealPoints ?? 0, clock.GetElapsedTime(started).TotalSeconds);
            LogRestored(logger, scaler.Key, points, seconds);
        }
        finally
        {
            scaler.Gate.Release();
        }
    }

    /// <summary>Below this a forecaster is silent.</summary>
    private const int ForecastFrom = 30;

    [LoggerMessage(EventId = 1411, EventName = "Restored", Level = LogLevel.Information, Message = "{Scaler}: restored from {Points} intervals of demand in {Seconds:0.00} s")]
    private static partial void LogRestored(ILogger logger, ScalerKey scaler, long points, double seconds);

    [LoggerMessage(EventId = 1412, EventName = "Rebuilt", Level = LogLevel.Information, Message = "{Scaler}: new models for a lead of {Steps} intervals")]
    private static partial void LogRebuilt(ILogger logger, ScalerKey scaler, int steps);

    [LoggerMessage(EventId = 1413, EventName = "HistoryProblem", Level = LogLevel.Warning, Message = "{Scaler}: {Problem}")]
    private static partial void LogHistory(ILogger logger, ScalerKey scaler, string problem);

    [LoggerMessage(EventId = 1414, EventName = "RefitFailed", Level = LogLevel.Warning, Message = "{Scaler}: models not fitted, again in {DelaySeconds:0.###} s")]
    private static partial void LogFailed(ILogger logger, Exception failure, ScalerKey scaler, double delaySeconds);
}
