using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Resilience.ScalingAgent.Publishing;

namespace Resilience.ScalingAgent;

/// <summary>Instruments of the agent; docs/metrics.md lists them. All are tagged with namespace and scaler.</summary>
internal sealed class AgentMetrics : IDisposable
{
    public const string MeterName = "Resilience.ScalingAgent";

    private static readonly InstrumentAdvice<double> CycleSeconds = new() { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15] };
    private static readonly InstrumentAdvice<double> RefitSeconds = new() { HistogramBucketBoundaries = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] };

    private readonly ConcurrentDictionary<ScalerKey, ScalerFigures> _latest = new();
    private readonly Counter<long> _decisions;
    private readonly Counter<long> _violations;
    private readonly Counter<long> _readings;
    private readonly Histogram<double> _cycle;
    private readonly Histogram<double> _refit;

    public AgentMetrics(IMeterFactory factory)
    {
        var meter = factory.Create(MeterName);
        Gauge("demand", "{request}/s", "Requests per second in the newest interval.", figures => figures.Demand);
        meter.CreateObservableGauge("resilience.scaling.forecast", ObserveForecast, "{request}/s", "Highest demand expected until the lead is over, by quantile.");
        Gauge("floor", "{replica}", "Floor of the active slot; absent while the reactive autoscaler is alone.", figures => figures.Floor ?? double.NaN);
        Gauge("replicas.ready", "{replica}", "Ready replicas of the active slot.", figures => figures.Ready);
        Gauge("capacity", "{request}/s", "What one replica can serve.", figures => figures.Capacity);
        Gauge("risk", "1", "Chance that demand exceeds the floor's capacity before the lead is over.", figures => figures.Risk);
        Gauge("skill", "1", "1 - error / error of repeating the last value.", figures => figures.Skill);
        Gauge("coverage", "1", "Share of recent outcomes at or below their 99% quantile.", figures => figures.Coverage99);
        Gauge("reactive", "1", "1 while the reactive autoscaler is alone.", figures => figures.Floor is null ? 1 : 0);
        meter.CreateObservableGauge("resilience.scaling.limited", ObserveLimits, "1", "1 while a limit holds the floor below what the forecast asks for.");
        Gauge("cost.rate", "{USD}/h", "Price of the replicas that run.", figures => figures.CostPerHour);
        Gauge("cost.month", "{USD}", "Spent since the first of the month.", figures => figures.MonthToDate);
        Gauge("lead", "s", "From a request for replicas to their service.", figures => figures.Lead.TotalSeconds);
        _decisions = meter.CreateCounter<long>("resilience.scaling.decisions", "{decision}", "Decisions, by what they changed.");
        _violations = meter.CreateCounter<long>("resilience.scaling.violations", "{interval}", "Intervals whose demand exceeded the capacity of the Ready replicas.");
        _readings = meter.CreateCounter<long>("resilience.scaling.readings", "{reading}", "Readings of demand, by outcome.");
        _cycle = meter.CreateHistogram("resilience.scaling.cycle.duration", "s", "Wall time of one cycle: read, plan, write, record.", advice: CycleSeconds);
        _refit = meter.CreateHistogram("resilience.scaling.refit.duration", "s", "Wall time of one fit of all models.", advice: RefitSeconds);

        void Gauge(string name, string unit, string description, Func<ScalerFigures, double> read) =>
            meter.CreateObservableGauge("resilience.scaling." + name, () => Observe(read), unit, description);
    }

    /// <summary>One span per cycle and per refit.</summary>
    public ActivitySource Source { get; } = new(MeterName);

    public void Dispose() => Source.Dispose();

    public void Observed(ScalerKey key, ScalerFigures figures) => _latest[key] = figures;

    public void Forgot(ScalerKey key) => _latest.TryRemove(key, out _);

    public void ForgetAll() => _latest.Clear();

    /// <param name="change">raise, lower, keep or withdraw.</param>
    public void Decided(ScalerKey key, string change) => _decisions.Add(1, [.. Tags(key), new("change", change)]);

    public void Violated(ScalerKey key) => _violations.Add(1, Tags(key));

    /// <param name="outcome">ok, partial or missing.</param>
    public void Read(ScalerKey key, string outcome) => _readings.Add(1, [.. Tags(key), new("outcome", outcome)]);

    public void Cycled(ScalerKey key, TimeSpan duration) => _cycle.Record(duration.TotalSeconds, Tags(key));

    public void Refitted(ScalerKey key, TimeSpan duration) => _refit.Record(duration.TotalSeconds, Tags(key));

    private IEnumerable<Measurement<double>> Observe(Func<ScalerFigures, double> read)
    {
        foreach (var (key, figures) in _latest)
        {
            if (read(figures) is var value && double.IsFinite(value))
            {
                yield return new(value, Tags(key));
            }
        }
    }

    private IEnumerable<Measurement<double>> ObserveForecast()
    {
        foreach (var (key, figures) in _latest)
        {
            foreach (var (quantile, value) in (IReadOnlyList<(string, double)>)[("0.5", figures.P50), ("0.9", figures.P90), ("0.99", figures.P99)])
            {
                if (double.IsFinite(value))
                {
                    yield return new(value, [.. Tags(key), new("quantile", quantile)]);
                }
            }
        }
    }

    private IEnumerable<Measurement<int>> ObserveLimits()
    {
        foreach (var (key, figures) in _latest)
        {
            foreach (var (limit, holds) in (IReadOnlyList<(string, bool)>)[("max", figures.AtMax), ("budget", figures.BudgetBinds), ("cluster", figures.NoRoom)])
            {
                yield return new(holds ? 1 : 0, [.. Tags(key), new("limit", limit)]);
            }
        }
    }

    private static KeyValuePair<string, object?>[] Tags(ScalerKey key) => [new("namespace", key.Namespace), new("scaler", key.Name)];
}
