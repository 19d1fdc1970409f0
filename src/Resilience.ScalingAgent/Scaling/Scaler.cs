using Resilience.Control.Forecasting;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Cluster;
using Resilience.ScalingAgent.Ledger;
using Resilience.ScalingAgent.Metrics;

namespace Resilience.ScalingAgent.Scaling;

/// <summary>
/// Everything one PredictiveAutoscaler needs between two decisions. Only the holder of <see cref="Gate"/> may touch it: the
/// cycle, or a refit in the background.
/// </summary>
internal sealed class Scaler(ScalerKey key, ScalerSettings settings, IAgentStore store, AgentOptions options, ChallengerSource challengers, double timeScale)
{
    private const int MaxLearnedPods = 4096;

    private readonly LearnedValues _learned = new(store, key);
    private readonly CapacityEstimator _capacity = new();
    private readonly LeadTimeEstimator _lead = new();
    private readonly HashSet<string> _learnedPods = new(StringComparer.Ordinal);
    private int _startUps;

    public ScalerKey Key { get; } = key;

    /// <summary>Term of the lease under which it was made.</summary>
    public int Term { get; init; }

    /// <summary>Never disposed: nobody waits on its handle, and a late refit may still come through it.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    public ScalerSettings Settings { get; private set; } = settings;

    /// <summary>Of the spec that the status last spoke of; null when it spoke of a refused one.</summary>
    public long? Generation { get; set; }

    /// <summary>Null until history was restored, and after that until the first sample.</summary>
    public DemandForecaster? Forecaster { get; private set; }

    /// <summary>False until the store and the recorded history were read.</summary>
    public bool IsRestored { get; private set; }

    /// <summary>Another instance of it decides from now on, or what it learned was reset: nothing may be kept any more.</summary>
    public bool IsDropped { get; set; }

    public FloorState State { get; set; } = FloorState.Initial;

    public CostMeter Cost { get; set; } = CostMeter.Zero;

    public OutcomeScorer Scorer { get; } = new();

    /// <summary>Start of the newest interval that was read; null before the first.</summary>
    public DateTimeOffset? LastInterval { get; set; }

    /// <summary>Newest decision, to be put into force again when the cluster changes; null before the first.</summary>
    public Decision? Last { get; set; }

    /// <summary>A change of the lead or of a setting that the models depend on asks for new models.</summary>
    public bool NeedsRebuild => Forecaster is { } forecaster
        && (LeadSteps > forecaster.Horizons[^1] || forecaster.Horizons[^1] > 2 * LeadSteps + 2);

    public CapacityEstimate Capacity => Settings.Capacity is { } given ? new(given, "given") : _capacity.Estimate;

    /// <summary>What a plan may divide by. The most that was ever served is only a lower bound: a floor made from it would keep every replica idle enough never to show more.</summary>
    public double? PlannableCapacity => Capacity is { Basis: "highest seen" or "unknown" } or { PerReplica: not > 0 } ? null : Capacity.PerReplica;

    /// <summary>From a request for replicas to their service, with the interval that a metric is late and the autoscaler's delay. Planning clock.</summary>
    public (TimeSpan Time, string Basis) Lead
    {
        get
        {
            var (start, basis) = Settings.Lead is { } given ? (given, "given")
                : _lead.Estimate is { } learned ? ((learned * timeScale) + options.AutoscalerSyncPeriod, "learned")
                : (options.AssumedLead, "assumed");
            return (start + Settings.Interval, basis);
        }
    }

    public int LeadSteps => Math.Clamp((int)Math.Ceiling(Lead.Time / Settings.Interval), 1, PredictiveAutoscalerRules.MaxLeadSteps);

    /// <summary>Takes over a changed spec. What the models are made of must be the same, else a new scaler is needed.</summary>
    public bool TryChange(ScalerSettings settings)
    {
        if (settings.Interval != Settings.Interval || settings.Zone?.Id != Settings.Zone?.Id || settings.Demand.Source != Settings.Demand.Source)
        {
            return false;
        }
        Settings = settings;
        return true;
    }

    /// <summary>History that is worth reading, from this instant on.</summary>
    public DateTimeOffset HistoryFrom(DateTimeOffset now) =>
        now - (Settings.Interval * ForecasterOptions.For(Settings.Interval, Replay.HorizonsFor(LeadSteps)).RetainPoints(Settings.Interval));

    /// <summary>Reads what was learned; before that <see cref="LeadSteps"/> is only assumed.</summary>
    public void RestoreLearned()
    {
        _capacity.Restore(_learned.Capacity());
        var startUps = _learned.StartUps();
        _lead.Restore(startUps);
        _startUps = startUps.Count;
        var memory = _learned.Floor();
        (State, Cost) = (memory.State, memory.Cost);
        Scorer.Restore(memory.Open, memory.Coverage99, memory.Outcomes);
    }

    /// <summary>Brings the forecaster to where it would be had it run all along. Takes about as long as three refits.</summary>
    /// <param name="samples">On the grid or not, oldest first.</param>
    /// <param name="until">Start of the first interval that belongs to the next cycle.</param>
    public void Restore(IReadOnlyList<DemandSample> samples, DateTimeOffset until, ForecastWorkspace workspace)
    {
        var (start, values) = RecordedSeries.Resample(samples, Settings.Interval, until);
        if (values.Length > 0)
        {
            Forecaster = CreateForecaster(start);
            Forecaster.Restore(values, workspace);
            LastInterval = start + (Settings.Interval * (values.Length - 1));
        }
        IsRestored = true;
    }

    /// <summary>New models for a changed lead, from the demand that is held.</summary>
    public void Rebuild(ForecastWorkspace workspace)
    {
        var series = Forecaster!.Series;
        var values = series.Values.ToArray();
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = series.IsReal(i) ? values[i] : double.NaN;
        }
        var forecaster = CreateForecaster(series.TimeOf(0));
        forecaster.Restore(values, workspace);
        Forecaster = forecaster;
    }

    public void Append(DateTimeOffset at, double demand)
    {
        Forecaster ??= CreateForecaster(at);
        Forecaster.Append(at, demand);
        LastInterval = at;
    }

    public void Learn(CapacityObservation? observation, IEnumerable<(string Uid, TimeSpan StartUp)> startUps)
    {
        if (observation is { } seen)
        {
            _capacity.Add(seen);
        }
        foreach (var (uid, startUp) in startUps)
        {
            if (_learnedPods.Count >= MaxLearnedPods)
            {
                _learnedPods.Clear();
            }
            if (_learnedPods.Add(uid))
            {
                _lead.Add(startUp);
                _startUps++;
            }
        }
    }

    public void Keep(DateTimeOffset at)
    {
        if (IsDropped)
        {
            return;
        }
        double? coverage = double.IsNaN(Scorer.Coverage99) ? null : Scorer.Coverage99;
        _learned.Keep(at, _capacity.Export(), _lead, _startUps, new(State, Cost, Scorer.Open, coverage, Scorer.Outcomes));
    }

    private DemandForecaster CreateForecaster(DateTimeOffset start)
    {
        var forecasting = ForecasterOptions.For(Settings.Interval, Replay.HorizonsFor(LeadSteps)) with
        {
            GradientBoosting = options.GradientBoosting,
            Zone = Settings.Zone,
        };
        return new(new DemandSeries(Settings.Interval, start, forecasting.RetainPoints(Settings.Interval)), forecasting, challengers(forecasting.Horizons));
    }
}

/// <summary>Recorded demand on the grid of a scaler.</summary>
internal static class RecordedSeries
{
    /// <summary>
    /// Puts samples on a grid: their mean where an interval holds several (the grid was finer when they were recorded), NaN where it
    /// holds none. Samples from <paramref name="until"/> on are left out: the clock stood later when they were recorded.
    /// </summary>
    public static (DateTimeOffset Start, double[] Values) Resample(IReadOnlyList<DemandSample> samples, TimeSpan interval, DateTimeOffset until)
    {
        var known = samples.Where(sample => double.IsFinite(sample.Demand) && sample.Demand >= 0 && sample.At < until).ToList();
        if (known.Count == 0)
        {
            return (until, []);
        }
        var start = DemandGrid.Floor(known.Min(sample => sample.At), interval);
        var end = DemandGrid.Floor(samples.Where(sample => sample.At < until).Max(sample => sample.At), interval);
        var sums = new double[(int)((end - start) / interval) + 1];
        var counts = new int[sums.Length];
        foreach (var sample in known)
        {
            var slot = (int)((sample.At - start) / interval);
            sums[slot] += sample.Demand;
            counts[slot]++;
        }
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] = counts[i] == 0 ? double.NaN : sums[i] / counts[i];
        }
        return (start, sums);
    }
}
