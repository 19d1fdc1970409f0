using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;
using Resilience.ScalingAgent.Publishing;

namespace Resilience.ScalingAgent.Scaling;

/// <summary>What should follow a cycle.</summary>
/// <param name="Refit">The models are due to be fitted, or to be made anew for another lead.</param>
/// <param name="Retry">A write failed and should be tried before the next interval.</param>
internal readonly record struct CycleResult(bool Refit, bool Retry);

/// <summary>
/// One interval of one scaler: read demand, learn, forecast, plan, write the floor, record, publish. Between two intervals it only
/// puts the newest decision into force again, for a failover may have moved the traffic.
/// </summary>
internal sealed partial class ScalerCycle(
    TargetReader targets, IDemandSource source, IAgentStore store, FloorWriter writer, StartUpTimes startUps, StatusPublisher publisher, AgentMetrics metrics,
    PlanningClock clock, ILogger<ScalerCycle> logger)
{
    private const double SecondsPerHour = 3600;

    /// <summary>Runs what is due. The caller makes sure that no two run for one scaler at once.</summary>
    /// <param name="hasNewSpec">The status must be written even if nothing else has changed.</param>
    public async Task<CycleResult> RunAsync(Scaler scaler, bool hasNewSpec, CancellationToken cancellationToken)
    {
        var interval = scaler.Settings.Interval;
        var at = DemandGrid.Floor(clock.GetUtcNow(), interval) - interval;
        var target = targets.Read(scaler.Key, scaler.Settings.Target);
        if (!scaler.IsRestored)
        {
            return default;
        }
        if (scaler.LastInterval >= at)
        {
            return await EnforceAgainAsync(scaler, target, hasNewSpec, cancellationToken).ConfigureAwait(false);
        }

        using var activity = metrics.Source.StartActivity("scale");
        activity?.SetTag("resilience.scaler", scaler.Key.ToString());
        var reading = await source.ReadAsync(DemandOf(scaler, target.Endpoints), cancellationToken).ConfigureAwait(false);
        metrics.Read(scaler.Key, double.IsNaN(reading.Demand) ? "missing" : reading.Problem is null ? "ok" : "partial");
        await scaler.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Learn(scaler, target, at, reading);
            var decision = Decide(scaler, target, at + interval, reading);
            var enforcement = await EnforceAsync(scaler, decision, target, cancellationToken).ConfigureAwait(false);
            decision = Record(scaler, decision, target, enforcement);
            activity?.SetTag("resilience.floor", decision.Plan.Floor).SetTag("resilience.reason", decision.Plan.Reason);
            Publish(scaler, decision, target, enforcement);
            return new(scaler.NeedsRebuild || scaler.Forecaster is { RefitDue: true }, enforcement.MustRetry);
        }
        finally
        {
            scaler.Gate.Release();
        }
    }

    public DemandTarget DemandOf(Scaler scaler, IReadOnlyList<PodEndpoint> pods) =>
        new(scaler.Key, scaler.Settings.Demand, pods) { WallInterval = clock.ToWall(scaler.Settings.Interval) };

    private void Learn(Scaler scaler, TargetView target, DateTimeOffset at, DemandReading reading)
    {
        store.AppendDemand(scaler.Key, [new(at, reading.Demand)]);
        scaler.Append(at, reading.Demand);
        scaler.Learn(reading.Observation, target.Pods.Select(pod => (pod.Metadata.Uid, startUps.Of(pod.Metadata.Uid))).Where(pod => pod.Item2 is not null)
            .Select(pod => (pod.Uid, pod.Item2!.Value)));
        var ready = target.Ready;
        var served = ready * scaler.Capacity.PerReplica;
        if (reading.Demand > served)
        {
            metrics.Violated(scaler.Key);
        }
        scaler.Cost = scaler.Cost.Charge(
            at + scaler.Settings.Interval, target.Running, scaler.Settings.PricePerReplicaHour, double.IsNaN(served) ? reading.Demand : Math.Min(reading.Demand, served));
        foreach (var outcome in scaler.Scorer.Observe(at, reading.Demand, ready))
        {
            if (outcome.Decision.Number is { } number)
            {
                _ = store.Append(scaler.Key, clock.GetUtcNow(), EntryKind.Outcome, number, Records.Of(scaler, number, outcome, at + scaler.Settings.Interval).ToBody());
            }
        }
    }

    private static Decision Decide(Scaler scaler, TargetView target, DateTimeOffset now, DemandReading reading)
    {
        var (settings, before) = (scaler.Settings, scaler.State.Floor);
        var leadSteps = Math.Min(scaler.LeadSteps, scaler.Forecaster!.Horizons[^1]);
        var (outlook, trust) = DemandOutlook.Trusted(scaler.Forecaster, leadSteps, settings.DropGuardWithin);
        var capacity = scaler.PlannableCapacity;
        if (capacity is null && outlook.HasForecast)
        {
            outlook = outlook with { Peaks = [], WhyNoForecast = "what one replica can serve is not known yet" };
        }
        // The meter sees every replica, the planner only its floor: what was really spent is what the budget goes by.
        var state = scaler.State with { Month = scaler.Cost.Month, SpentThisMonth = scaler.Cost.Spent, LastDecision = outlook.At };
        var plan = FloorPlanner.Plan(outlook, capacity ?? 1, SecondsPerHour, settings.Policy, state, target.Active?.Room);
        scaler.State = plan.State;
        return new(now, outlook, trust, plan, before, reading) { LeadSteps = leadSteps, HasCapacity = capacity is not null };
    }

    /// <summary>Puts a decision into force. Observe writes nothing; what was Auto before gives its floors back once.</summary>
    private async Task<Enforcement> EnforceAsync(Scaler scaler, Decision decision, TargetView target, CancellationToken cancellationToken)
    {
        if (scaler.Settings.Mode == ScalerMode.Observe)
        {
            var returned = await WithdrawAsync(scaler.Key, targets.FloorsOf(scaler.Key), cancellationToken).ConfigureAwait(false);
            return new(returned, "mode is Observe");
        }
        if (target.Problem is { } problem)
        {
            return new([], problem);
        }
        var results = new List<FloorResult>();
        foreach (var slot in target.Slots)
        {
            results.Add(await writer.WriteAsync(slot.Holder, decision.FloorOf(slot, scaler.Settings), scaler.Key.Name, cancellationToken).ConfigureAwait(false));
        }
        return new(results, null);
    }

    /// <summary>Gives floors back: what was there before the agent first wrote is there again.</summary>
    public async Task<IReadOnlyList<FloorResult>> WithdrawAsync(ScalerKey key, IEnumerable<FloorHolder> floors, CancellationToken cancellationToken)
    {
        var results = new List<FloorResult>();
        foreach (var holder in floors.ToList())
        {
            var result = await writer.WriteAsync(holder, null, key.Name, cancellationToken).ConfigureAwait(false);
            results.Add(result);
            if (result.IsWritten)
            {
                LogWithdrawn(logger, key, holder.Name, result.Floor);
            }
        }
        return results;
    }

    private async Task<CycleResult> EnforceAgainAsync(Scaler scaler, TargetView target, bool hasNewSpec, CancellationToken cancellationToken)
    {
        if (scaler.Last is not { } decision)
        {
            return default;
        }
        var enforcement = await EnforceAsync(scaler, decision, target, cancellationToken).ConfigureAwait(false);
        if (hasNewSpec || enforcement.Results.Any(result => result.IsWritten) || enforcement.Worst is not null || target.Problem is not null)
        {
            await scaler.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                Publish(scaler, decision, target, enforcement);
            }
            finally
            {
                scaler.Gate.Release();
            }
        }
        return new(false, enforcement.MustRetry);
    }

    private Decision Record(Scaler scaler, Decision decision, TargetView target, Enforcement enforcement)
    {
        var (plan, before) = (decision.Plan, decision.FloorBefore);
        metrics.Decided(scaler.Key, plan.Floor is null ? "withdraw" : plan.Floor > before || before is null ? "raise" : plan.Floor < before ? "lower" : "keep");
        if (before is null != plan.Floor is null && scaler.Last is not null)
        {
            var notice = plan.Floor is null ? new NoticeRecord("reactive", plan.Reason) : new NoticeRecord("predictive", plan.Reason);
            _ = store.Append(scaler.Key, decision.At, EntryKind.Notice, null, notice.ToBody());
        }
        var entry = store.Append(scaler.Key, decision.At, EntryKind.Decision, null, Records.Of(scaler, decision, target, enforcement, clock.Scale).ToBody());
        decision = decision with { Number = entry?.Number };
        var outlook = decision.Outlook;
        scaler.Scorer.Add(new(decision.Number, outlook.At, outlook.At + outlook.Lead, plan.Floor, outlook.HasForecast ? outlook.Expected : null, outlook.Peaks));
        scaler.Last = decision;
        scaler.Keep(decision.At);
        return decision;
    }

    private void Publish(Scaler scaler, Decision decision, TargetView target, Enforcement enforcement)
    {
        var figures = Records.Figures(scaler, decision, target, enforcement);
        metrics.Observed(scaler.Key, figures);
        var written = enforcement.Results.Any(result => result.IsWritten);
        if (written)
        {
            LogFloor(logger, scaler.Key, decision.Plan.Floor, decision.Number, decision.Plan.Reason);
        }
        publisher.Publish(
            scaler.Key,
            new() { Conditions = ScalerConditions.Of(scaler, decision, target, enforcement, store.Problem), Figures = figures },
            written ? decision.Plan.Reason : null);
    }

    [LoggerMessage(EventId = 1401, EventName = "FloorWritten", Level = LogLevel.Information, Message = "{Scaler}: floor {Floor} (decision {Decision}). {Reason}")]
    private static partial void LogFloor(ILogger logger, ScalerKey scaler, int? floor, long? decision, string reason);

    [LoggerMessage(EventId = 1402, EventName = "FloorWithdrawn", Level = LogLevel.Information, Message = "{Scaler}: gave the floor of {Object} back: {Value}")]
    private static partial void LogWithdrawn(ILogger logger, ScalerKey scaler, string @object, int? value);
}
