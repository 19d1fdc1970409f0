using BenchmarkDotNet.Attributes;
using Resilience.Control.Forecasting;

namespace Resilience.Benchmarks;

/// <summary>
/// Time and memory of a refit on seven days of per-minute demand and of one step (score, calibrate, forecast all horizons).
/// Run: <c>dotnet run -c Release --project tests/Resilience.Benchmarks -- --filter "*Forecasting*"</c>.
/// </summary>
[MemoryDiagnoser]
public class ForecastingBenchmarks
{
    private readonly ForecastWorkspace _workspace = new();
    private DemandForecaster _forecaster = null!;
    private double[] _values = [];
    private int _next;

    [Params(false, true)]
    public bool Challenger { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        _values = [.. Enumerable.Range(0, 16 * 1440).Select(i => Math.Max(0, 1200 - (600 * Math.Cos(2 * Math.PI * i / 1440)) + (60 * (random.NextDouble() - 0.5))))];
        var interval = TimeSpan.FromMinutes(1);
        var options = ForecasterOptions.For(interval, [5, 10, 15]) with { GradientBoosting = Challenger };
        _forecaster = new DemandForecaster(new DemandSeries(interval, DateTimeOffset.UnixEpoch, options.RetainPoints(interval)), options);
        _forecaster.Restore(_values.AsSpan(0, 9 * 1440), _workspace);
        _next = 9 * 1440;
    }

    [Benchmark]
    public double Refit()
    {
        _forecaster.Refit(_workspace);
        return _forecaster.Point(0);
    }

    [Benchmark]
    public double Step()
    {
        _forecaster.Append(_values[_next++ % _values.Length]);
        return _forecaster.Quantile(0, 0.99) + _forecaster.Quantile(2, 0.99);
    }
}
