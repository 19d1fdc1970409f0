using Resilience.Control.Forecasting;

namespace Resilience.Control.Tests.Forecasting;

/// <summary>Seeded demand with known structure.</summary>
internal static class Synthetic
{
    public static readonly DateTimeOffset Start = new(2026, 3, 2, 0, 0, 0, TimeSpan.Zero);   // a Monday

    /// <summary>A smooth day with counting noise: 600/min at night, three times that in the afternoon.</summary>
    public static double[] Days(int days, int seed = 1, int stepsPerDay = 288, double noise = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, days * stepsPerDay).Select(i =>
        {
            var mean = 1200 - (600 * Math.Cos(2 * Math.PI * i / stepsPerDay));
            return Math.Max(0, mean + (noise * Math.Sqrt(mean) * Normal(random)));
        })];
    }

    public static double[] Noise(int points, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, points).Select(_ => 100 * -Math.Log(1 - random.NextDouble()))];
    }

    public static double[] Constant(int points, double value = 100) => [.. Enumerable.Repeat(value, points)];

    public static Trace Trace(double[] values, int minutes = 5) => new(Start, TimeSpan.FromMinutes(minutes), values);

    public static DemandForecaster Forecaster(int minutes = 5, IReadOnlyList<int>? horizons = null, bool trees = false, DateTimeOffset? start = null, TimeZoneInfo? zone = null)
    {
        var interval = TimeSpan.FromMinutes(minutes);
        var options = ForecasterOptions.For(interval, horizons ?? [1, 2, 3]) with { GradientBoosting = trees, Zone = zone };
        return new DemandForecaster(new DemandSeries(interval, start ?? Start, options.RetainPoints(interval)), options);
    }

    /// <summary>Steps through values the way a host does: refit whenever it is due.</summary>
    public static DemandForecaster Feed(this DemandForecaster forecaster, IEnumerable<double> values, ForecastWorkspace? workspace = null)
    {
        workspace ??= new ForecastWorkspace();
        foreach (var value in values)
        {
            forecaster.Append(value);
            if (forecaster.RefitDue)
            {
                forecaster.Refit(workspace);
            }
        }

        return forecaster;
    }

    public static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
