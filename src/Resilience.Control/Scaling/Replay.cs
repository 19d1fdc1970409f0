using Resilience.Control.Forecasting;

namespace Resilience.Control.Scaling;

/// <summary>Who decides about replicas in a replay.</summary>
public enum ReplayPolicy
{
    /// <summary>Horizontal pod autoscaler at 60% of the capacity.</summary>
    Hpa60,

    /// <summary>Horizontal pod autoscaler at 85% of the capacity.</summary>
    Hpa85,

    /// <summary>The forecast floor alone.</summary>
    Floor,

    /// <summary>The floor at a quantile of at most 0.95 under an autoscaler at 85%: the larger of the two.</summary>
    Hybrid,

    /// <summary>Exactly what is needed, known in advance: the yardstick of cost.</summary>
    Oracle,

    /// <summary>The floor from repeating the last value, with the same calibrated quantiles: what forecasting has to beat.</summary>
    Naive,
}

/// <summary>What is replayed.</summary>
public sealed record ReplayOptions
{
    public required ReplayPolicy Policy { get; init; }

    /// <summary>Training, warm-up and evaluation, as for a backtest.</summary>
    public required BacktestWindows Windows { get; init; }

    /// <summary>The planner's settings.</summary>
    public required FloorPolicy Floor { get; init; }

    /// <summary>Intervals from a request for replicas to their service.</summary>
    public required int Lead { get; init; }

    /// <summary>Demand that one replica serves; null: a twentieth of the 99th percentile of the week before the warm-up.</summary>
    public double? Capacity { get; init; }

    /// <summary>Boosted trees compete in the forecast.</summary>
    public bool GradientBoosting { get; init; }
}

/// <summary>One interval of a replay.</summary>
/// <param name="Index">Position in the trace.</param>
/// <param name="Demand">What came; NaN when missing.</param>
/// <param name="Requested">Replicas requested at the end of this interval.</param>
/// <param name="Ready">Replicas that served this interval: the fewest requested over the last lead.</param>
/// <param name="Capacity">What those replicas can serve.</param>
/// <param name="Violation">Demand exceeded it.</param>
public readonly record struct ReplayRow(int Index, double Demand, int Requested, int Ready, double Capacity, bool Violation);

/// <summary>Result of a replay.</summary>
/// <param name="Policy">Who decided.</param>
/// <param name="Intervals">Intervals evaluated.</param>
/// <param name="CapacityPerReplica">Demand that one replica serves.</param>
/// <param name="ViolationRatio">Share of intervals in which demand exceeded the capacity.</param>
/// <param name="UnservedRatio">Share of the demand that did not fit.</param>
/// <param name="CostAgainstOracle">Replicas requested over replicas needed.</param>
/// <param name="ChangesPerDay">Changes of the requested replicas.</param>
/// <param name="ReplicaHours">Requested replicas over time.</param>
/// <param name="Dollars">Their price.</param>
/// <param name="DollarsPerMillionGood">Price per million requests that fit.</param>
public sealed record ReplayResult(
    ReplayPolicy Policy,
    int Intervals,
    double CapacityPerReplica,
    double ViolationRatio,
    double UnservedRatio,
    double CostAgainstOracle,
    double ChangesPerDay,
    double ReplicaHours,
    double Dollars,
    double DollarsPerMillionGood);

/// <summary>
/// Runs the planner, or an autoscaler, over a recorded series on a virtual clock. A replica that is requested throughout the
/// lead before an interval serves it; one that is given back stops at once. No queueing: what does not fit is a violation.
/// </summary>
public static class Replay
{
    private const int SettlingSteps = 60;

    public static ReplayResult Run(Trace trace, ReplayOptions options, Action<ReplayRow>? visit = null)
    {
        options.Floor.Validate();
        if (options.Lead is < 1 or > 288 || options.Capacity is <= 0)
        {
            throw new ArgumentException("Lead must be 1 to 288 intervals and capacity positive.", nameof(options));
        }

        var evaluationFrom = trace.Count - trace.Steps(options.Windows.Evaluation);
        var warmUpFrom = evaluationFrom - trace.Steps(options.Windows.WarmUp);
        if (warmUpFrom < 2 || evaluationFrom >= trace.Count)
        {
            throw new ArgumentException($"The trace holds {trace.Count} points; warm-up and evaluation alone need {trace.Count - warmUpFrom + 2}.", nameof(options));
        }

        var capacity = options.Capacity ?? DefaultCapacity(trace, warmUpFrom);
        var requests = new int[trace.Count];
        var decider = Decider.Create(trace, options, capacity, warmUpFrom);
        var decideFrom = Math.Max(warmUpFrom, evaluationFrom - options.Lead - SettlingSteps);
        for (var i = warmUpFrom; i < trace.Count; i++)
        {
            requests[i] = decider.Decide(i, settled: i < decideFrom);
        }

        return Score(trace, options, capacity, requests, evaluationFrom, visit);
    }

    /// <summary>A twentieth of the 99th percentile of the week before the warm-up, so that a peak takes about 20 replicas.</summary>
    public static double DefaultCapacity(Trace trace, int warmUpFrom)
    {
        var high = trace.Quantile(Math.Max(0, warmUpFrom - trace.Steps(TimeSpan.FromDays(7))), warmUpFrom, 0.99);
        return high > 0 ? high / 20 : 1;
    }

    private static ReplayResult Score(Trace trace, ReplayOptions options, double capacity, int[] requests, int from, Action<ReplayRow>? visit)
    {
        var (violations, intervals, changes) = (0, 0, 0);
        double unserved = 0, demanded = 0, requested = 0, needed = 0;
        for (var i = from; i < trace.Count; i++)
        {
            var ready = int.MaxValue;
            for (var k = Math.Max(0, i - options.Lead); k < i; k++)
            {
                ready = Math.Min(ready, requests[k]);
            }

            if (options.Policy == ReplayPolicy.Oracle)
            {
                ready = requests[i];
            }

            var demand = trace.Values[i];
            var violation = demand > capacity * ready * (1 + 1e-9);
            visit?.Invoke(new ReplayRow(i, demand, requests[i], ready, capacity * ready, violation));
            changes += i > from && requests[i] != requests[i - 1] ? 1 : 0;
            requested += requests[i];
            if (double.IsNaN(demand))
            {
                needed += requests[i];   // nothing is known of this interval: it costs what it needs
                continue;
            }

            intervals++;
            violations += violation ? 1 : 0;
            unserved += Math.Max(0, demand - (capacity * ready));
            demanded += demand;
            needed += Needed(demand, capacity);
        }

        var hours = requested * trace.Interval.TotalHours;
        var dollars = hours * options.Floor.PricePerReplicaHour;
        var days = (trace.Count - from) * trace.Interval.TotalDays;
        return new ReplayResult(
            options.Policy, intervals, capacity,
            intervals > 0 ? (double)violations / intervals : 0,
            demanded > 0 ? unserved / demanded : 0,
            needed > 0 ? requested / needed : 1,
            changes / days, hours, dollars,
            demanded > unserved ? dollars / (demanded - unserved) * 1e6 : double.PositiveInfinity);
    }

    internal static int Needed(double demand, double capacity) => double.IsNaN(demand) ? 0 : (int)Math.Ceiling((demand / capacity) - 1e-9);

    private abstract class Decider
    {
        public static Decider Create(Trace trace, ReplayOptions options, double capacity, int warmUpFrom) => options.Policy switch
        {
            ReplayPolicy.Hpa60 => new Reactive(trace, options, 0.6, capacity),
            ReplayPolicy.Hpa85 => new Reactive(trace, options, 0.85, capacity),
            ReplayPolicy.Oracle => new Clairvoyant(trace, capacity),
            ReplayPolicy.Hybrid => new Larger(
                new Predictive(trace, options with { Floor = options.Floor with { Quantile = Math.Min(0.95, options.Floor.Quantile) } }, capacity, warmUpFrom),
                new Reactive(trace, options, 0.85, capacity)),
            _ => new Predictive(trace, options, capacity, warmUpFrom),
        };

        /// <summary>Replicas requested after interval <paramref name="i"/>; a decision that is not <paramref name="settled"/> yet counts.</summary>
        public abstract int Decide(int i, bool settled);
    }

    private sealed class Clairvoyant(Trace trace, double capacity) : Decider
    {
        public override int Decide(int i, bool settled) => Needed(trace.Values[i], capacity);
    }

    private sealed class Larger(Decider one, Decider other) : Decider
    {
        public override int Decide(int i, bool settled) => Math.Max(one.Decide(i, settled), other.Decide(i, settled));
    }

    private sealed class Reactive(Trace trace, ReplayOptions options, double target, double capacity) : Decider
    {
        private readonly ReplayAutoscaler _autoscaler = new(target, options.Floor.MinReplicas, options.Floor.MaxReplicas, trace.Interval);

        public override int Decide(int i, bool settled) => _autoscaler.Decide(trace.TimeOf(i), trace.Values[i] / capacity);
    }

    private sealed class Predictive : Decider
    {
        private readonly Trace _trace;
        private readonly ReplayOptions _options;
        private readonly double _capacity;
        private readonly DemandForecaster _forecaster;
        private readonly ForecastWorkspace _workspace = new();
        private FloorState _state = FloorState.Initial;

        public Predictive(Trace trace, ReplayOptions options, double capacity, int warmUpFrom)
        {
            (_trace, _options, _capacity) = (trace, options, capacity);
            var horizons = HorizonsFor(options.Lead);
            var forecasting = ForecasterOptions.For(trace.Interval, horizons) with
            {
                Train = options.Windows.Train,
                RefitEvery = options.Windows.RefitEvery,
                GradientBoosting = options.GradientBoosting,
                Models = options.Policy == ReplayPolicy.Naive ? ["naive"] : null,
            };
            _forecaster = new DemandForecaster(trace.Take(warmUpFrom, forecasting.RetainPoints(trace.Interval)), forecasting);
        }

        public override int Decide(int i, bool settled)
        {
            if (_forecaster.RefitDue)
            {
                _forecaster.Refit(_workspace);
            }

            _forecaster.Append(_trace.Values[i]);
            if (settled)
            {
                return 0;
            }

            var guard = _options.Floor.DropGuard?.Within ?? TimeSpan.Zero;
            var plan = FloorPlanner.Plan(
                DemandOutlook.From(_forecaster, _options.Lead, guard), _capacity, TimeSpan.FromHours(1) / _trace.Interval, _options.Floor, _state);
            _state = plan.State;

            // Without a forecast the shipped agent leaves its autoscaler alone; here there is only the last known demand to go by.
            return plan.Floor ?? Math.Clamp(Needed(_forecaster.Series.Values[^1] / 0.6, _capacity), _options.Floor.MinReplicas, _options.Floor.MaxReplicas);
        }
    }

    /// <summary>Steps ahead that decide whether capacity suffices until a request made now serves: each one for short leads, a few for long ones.</summary>
    public static IReadOnlyList<int> HorizonsFor(int lead) => lead <= 3
        ? [.. Enumerable.Range(1, lead)]
        : [.. new[] { 1, (lead + 2) / 3, ((2 * lead) + 2) / 3, lead }.Distinct()];
}
