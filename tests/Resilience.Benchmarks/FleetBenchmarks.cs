using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Engines;
using Resilience.Control.Forecasting;
using Resilience.Control.Scaling;

namespace Resilience.Benchmarks;

/// <summary>
/// One minute in the life of an agent that serves 1,000 predictive autoscalers on one core: each takes in a sample, forecasts and plans
/// its floor, and the next in turn is fitted anew (once a day each, so 0.7 of them a minute). The setup prints the memory they hold.
/// Run: <c>dotnet run -c Release --project tests/Resilience.Benchmarks -- --filter "*Fleet*"</c>.
/// </summary>
[MemoryDiagnoser]
[SimpleJob(RunStrategy.Monitoring, launchCount: 1, warmupCount: 3, iterationCount: 20, invocationCount: 1)]
public class FleetBenchmarks
{
    private const int Scalers = 1_000;
    private const int LeadSteps = 3;
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly FloorPolicy Policy = new();
    private readonly ForecastWorkspace _workspace = new();
    private readonly DemandForecaster[] _forecasters = new DemandForecaster[Scalers];
    private readonly FloorState[] _states = new FloorState[Scalers];
    private int _minute;

    [Params(false, true)]
    public bool Challenger { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var k = 0; k < Scalers; k++)
        {
            var options = ForecasterOptions.For(Interval, Replay.HorizonsFor(LeadSteps)) with { GradientBoosting = Challenger };
            var series = new DemandSeries(Interval, DateTimeOffset.UnixEpoch, options.RetainPoints(Interval));
            var random = new Random(k);
            for (var i = 0; i < (7 + (k % 9)) * 1440; i++)
            {
                series.Append(Demand(k, i, random));
            }

            var forecaster = new DemandForecaster(series, options);
            forecaster.Refit(_workspace);
            for (var i = 0; i < 60; i++)
            {
                forecaster.Append(Demand(k, series.Count, random));
            }

            (_forecasters[k], _states[k]) = (forecaster, FloorState.Initial);
        }

        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        Console.WriteLine($"// {Scalers} forecasters of 7 to 15 days, challenger {Challenger}: {held / 1e6:0} MB; working set {Environment.WorkingSet / 1e6:0} MB");
    }

    [Benchmark]
    public int DecisionCycle()
    {
        var replicas = 0;
        for (var k = 0; k < Scalers; k++)
        {
            var forecaster = _forecasters[k];
            forecaster.Append(forecaster.Series.Values[^1440]);
            var plan = FloorPlanner.Plan(DemandOutlook.From(forecaster, LeadSteps, TimeSpan.Zero), 90, 60, Policy, _states[k]);
            _states[k] = plan.State;
            replicas += plan.Floor ?? 0;
        }

        _forecasters[_minute++ % Scalers].Refit(_workspace);
        return replicas;
    }

    private static double Demand(int scaler, int minute, Random random) =>
        (1 + (scaler % 10)) * Math.Max(0, 120 - (60 * Math.Cos(2 * Math.PI * (minute - (scaler * 13)) / 1440)) + (12 * (random.NextDouble() - 0.5)));
}
