using System.Globalization;
using Resilience.Control.Forecasting;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Publishing;

namespace Resilience.ScalingAgent.Scaling;

/// <summary>What the ledger and the status say about a decision. Pure.</summary>
internal static class Records
{
    private const double WatchedQuantile = 0.99;

    public static DecisionRecord Of(Scaler scaler, Decision decision, TargetView target, Enforcement enforcement, double timeScale)
    {
        var (settings, plan, outlook) = (scaler.Settings, decision.Plan, decision.Outlook);
        var lead = scaler.Lead;
        return new()
        {
            At = decision.At,
            Mode = settings.Mode.ToString(),
            Target = settings.Target.ToString(),
            ActiveSlot = target.Active?.Slot,
            IntervalSeconds = settings.Interval.TotalSeconds,
            Demand = KnownNumber.OrNull(decision.Reading.Demand),
            DemandProblem = decision.Reading.Problem,
            Forecast = Forecast(scaler, decision),
            Lead = new(lead.Time.TotalSeconds, lead.Basis),
            Capacity = new(KnownNumber.OrNull(scaler.Capacity.PerReplica), scaler.Capacity.Basis),
            SloQuantile = settings.Policy.Quantile,
            Candidates = plan.Candidates,
            Adjustments = plan.Adjustments,
            FloorBefore = decision.FloorBefore,
            Floor = plan.Floor,
            Wake = plan.WakeFromZero,
            Reason = plan.Reason,
            Risk = KnownNumber.OrNull(plan.Risk),
            GivenUp = plan.GivenUp,
            Cost = Cost(scaler, decision.At, target),
            PlannedEvents = [.. settings.Policy.Calendar.Where(planned => planned.From <= decision.At + outlook.Lead && planned.To > decision.At)
                .Select(planned => new PlannedEventRecord(planned.Name, planned.From, planned.To, planned.Replicas, planned.IsBlackout))],
            PodsWithoutRoom = target.Slots.Sum(slot => slot.Room.Waiting),
            Writes = [.. enforcement.Results.SelectMany(result => result.Writes)],
            WhyNotWritten = enforcement.WhyNotWritten ?? enforcement.Worst?.Note,
            TimeScale = timeScale,
        };
    }

    /// <summary>What came of a decision whose lead is over.</summary>
    public static OutcomeRecord Of(Scaler scaler, long number, DecisionOutcome outcome, DateTimeOffset now)
    {
        var (decision, capacity) = (outcome.Decision, KnownNumber.OrNull(scaler.Capacity.PerReplica));
        var served = capacity * decision.ReadyAtPeak;
        var violated = decision.PeakDemand > served;
        return new()
        {
            Decision = number,
            ScoredAt = now,
            PeakDemand = decision.PeakDemand,
            EndDemand = outcome.EndDemand,
            ReadyReplicas = decision.ReadyAtPeak,
            ReadyCapacity = served,
            Violated = served is null || decision.PeakDemand is null ? null : violated,
            ForecastError = outcome.Error,
            RelativeError = outcome is { Error: { } error, EndDemand: > 0 and { } came } ? Math.Abs(error) / came : null,
            FellAtQuantile = outcome.FellAt,
            FloorCost = decision.Floor * scaler.Settings.Policy.PricePerReplicaHour * (decision.Ends - decision.At).TotalHours,
            Summary = Summary(outcome, served, violated),
        };
    }

    public static ScalerFigures Figures(Scaler scaler, Decision decision, TargetView target, Enforcement enforcement)
    {
        var (outlook, forecaster) = (decision.Outlook, scaler.Forecaster);
        var horizon = forecaster is null ? 0 : LastHorizon(forecaster, decision.LeadSteps);
        var champion = outlook.HasForecast && forecaster is not null ? forecaster.Champion(horizon) : (Model: null, Share: double.NaN);
        var rate = target.Running * scaler.Settings.PricePerReplicaHour;
        return new()
        {
            Target = scaler.Settings.Target.ToString(),
            DecidedAt = decision.At,
            Decision = decision.Number,
            Floor = decision.Plan.Floor,
            Reason = decision.Plan.Reason,
            Demand = decision.Reading.Demand,
            Stage = (forecaster?.Stage ?? ForecastStage.Silent).ToString(),
            P50 = outlook.HasForecast ? outlook.Peak(0.5) : double.NaN,
            P90 = outlook.HasForecast ? outlook.Peak(0.9) : double.NaN,
            P99 = outlook.HasForecast ? outlook.Peak(0.99) : double.NaN,
            Champion = champion.Model,
            ChampionShare = champion.Share,
            Skill = forecaster?.SkillAgainstNaive ?? double.NaN,
            Coverage99 = scaler.Scorer.Coverage99,
            Capacity = scaler.Capacity.PerReplica,
            CapacityBasis = scaler.Capacity.Basis,
            Risk = decision.Plan.Risk,
            AtMax = decision.Plan.Adjustments.Any(adjustment => adjustment.Rule == "max replicas") || enforcement.Results.Any(result => result.Obstacle == FloorObstacle.Clamped),
            BudgetBinds = decision.Plan.GivenUp is not null,
            NoRoom = decision.Plan.NoRoom is not null,
            Lead = scaler.Lead.Time,
            Ready = target.Ready,
            CostPerHour = rate,
            MonthToDate = scaler.Cost.Spent,
            MonthProjected = scaler.Cost.Projected(decision.At),
            PerMillionGood = scaler.Cost.PerMillionGood,
        };
    }

    private static ForecastRecord Forecast(Scaler scaler, Decision decision)
    {
        var (outlook, forecaster) = (decision.Outlook, scaler.Forecaster);
        var stage = (forecaster?.Stage ?? ForecastStage.Silent).ToString();
        if (forecaster is null || !outlook.HasForecast)
        {
            return new() { Stage = stage, WhyNone = outlook.WhyNoForecast, SkillAgainstNaive = KnownNumber.OrNull(forecaster?.SkillAgainstNaive ?? double.NaN) };
        }
        var horizon = LastHorizon(forecaster, decision.LeadSteps);
        var (model, share) = forecaster.Champion(horizon);
        var coverage = scaler.Scorer;
        return new()
        {
            Stage = stage,
            P50 = KnownNumber.OrNull(forecaster.Quantile(horizon, 0.5)),
            P90 = KnownNumber.OrNull(forecaster.Quantile(horizon, 0.9)),
            P95 = KnownNumber.OrNull(forecaster.Quantile(horizon, 0.95)),
            P99 = KnownNumber.OrNull(forecaster.Quantile(horizon, WatchedQuantile)),
            Peaks = [.. DemandOutlook.Levels.Zip(outlook.Peaks, (level, demand) => new PeakRecord(level, demand))],
            Models = [.. forecaster.Shares(horizon).Select(model => new ModelRecord(model.Model, model.Weight, KnownNumber.OrNull(model.MeanAbsoluteError), model.InPool))],
            Champion = model,
            ChampionShare = KnownNumber.OrNull(share),
            SkillAgainstNaive = KnownNumber.OrNull(forecaster.SkillAgainstNaive),
            SkillAgainstMedian = KnownNumber.OrNull(forecaster.SkillAgainstMedian),
            Coverage = [new(WatchedQuantile, KnownNumber.OrNull(coverage.Coverage99), coverage.Outcomes)],
        };
    }

    private static CostRecord Cost(Scaler scaler, DateTimeOffset now, TargetView target) => new()
    {
        PricePerReplicaHour = scaler.Settings.PricePerReplicaHour,
        PerHour = target.Running * scaler.Settings.PricePerReplicaHour,
        MonthToDate = scaler.Cost.Spent,
        MonthProjected = scaler.Cost.Projected(now),
        MonthlyBudget = scaler.Settings.Policy.MonthlyBudget,
        PerMillionGood = scaler.Cost.PerMillionGood,
    };

    /// <summary>The horizon that the end of the lead is read at: the first one not before it.</summary>
    private static int LastHorizon(DemandForecaster forecaster, int leadSteps)
    {
        var horizon = 0;
        while (horizon < forecaster.Horizons.Count - 1 && forecaster.Horizons[horizon] < leadSteps)
        {
            horizon++;
        }
        return horizon;
    }

    private static string Summary(DecisionOutcome outcome, double? served, bool violated)
    {
        if (outcome.Decision.PeakDemand is not { } peak)
        {
            return "No demand was measured until the lead was over.";
        }
        var capacity = served is not { } could ? string.Create(CultureInfo.InvariantCulture, $"Demand peaked at {peak:0.#}/s")
            : violated ? string.Create(CultureInfo.InvariantCulture, $"Demand peaked at {peak:0.#}/s, more than the {could:0.#}/s that {outcome.Decision.ReadyAtPeak} Ready replicas serve")
            : string.Create(CultureInfo.InvariantCulture, $"Demand peaked at {peak:0.#}/s, within the {could:0.#}/s that {outcome.Decision.ReadyAtPeak} Ready replicas serve");
        return outcome.FellAt switch
        {
            null => capacity + "; there had been no forecast.",
            1 => capacity + "; no level of the forecast covered it.",
            var level => string.Create(CultureInfo.InvariantCulture, $"{capacity}; the forecast's {level.Value:P1} level covered it."),
        };
    }
}
