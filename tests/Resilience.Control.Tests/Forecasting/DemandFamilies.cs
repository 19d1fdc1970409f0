using Resilience.Control.Forecasting;

namespace Resilience.Control.Tests.Forecasting;

/// <summary>
/// Demand of known kinds from a seed: 16 days of minutes, unless the name says otherwise. No setting of the forecaster was chosen on
/// them; they are there to catch what the recorded traces do not contain.
/// </summary>
internal static class DemandFamilies
{
    private const int Days = 16;
    private const int Minutes = 1_440;

    private static readonly Dictionary<string, Func<Random, Trace>> Families = new()
    {
        ["quiet-web"] = random => ByMinute(i => Poisson(random, 30 * Day(i) * Week(i))),
        ["busy-web"] = random => ByMinute(WithNoise(random, 0.03, 0.9, i => 6_000 * Day(i) * Week(i))),
        ["sharp-morning"] = random => ByMinute(i => Poisson(random, 400 * (0.2 + (0.8 * Window(i % Minutes, 8 * 60, 18 * 60, 12))))),
        ["batch-peaks"] = BatchPeaks,
        ["level-shifts"] = LevelShifts,
        ["trend"] = random => ByMinute(WithNoise(random, 0.03, 0.5, i => 500 * Day(i) * Math.Exp(Math.Log(3) * i / (Days * Minutes)))),
        ["intermittent"] = random => ByMinute(i => random.NextDouble() < 0.85 ? 0 : Poisson(random, 8 * Day(i))),
        ["bursts"] = Bursts,
        ["daylight-shift"] = random => ByMinute(WithNoise(random, 0.05, 0.6, i => 300 * Day(i >= 12 * Minutes ? i + 60 : i))),
        ["random-walk"] = RandomWalk,
        ["steps"] = Steps,
        ["memoryless"] = random => ByMinute(_ => 100 * -Math.Log(1 - random.NextDouble())),
        ["autoregressive"] = random => ByMinute(WithNoise(random, 0.1, 0.97, _ => 500)),
        ["utilisation"] = random => ByMinute(WithNoise(random, 0.08, 0.8, i => 85 * Day(i), value => Math.Min(100, value))),
        ["holes"] = Holes,
        ["shop-5min"] = random => OnGrid(5, Days, i => Poisson(random, 900 * Day(i * 5) * Week(i * 5))),
        ["shop-hourly"] = random => OnGrid(60, 170, WithNoise(random, 0.06, 0.5, i => 50_000 * Day(i * 60) * Week(i * 60))),
    };

    public static IReadOnlyCollection<string> Names => Families.Keys;

    public static Trace Create(string name, int seed) => Families[name](new Random((seed * 7_919) + name.Length));

    private static Trace ByMinute(Func<int, double> value) => OnGrid(1, Days, value);

    private static Trace OnGrid(int minutes, int days, Func<int, double> value) =>
        Synthetic.Trace([.. Enumerable.Range(0, days * Minutes / minutes).Select(value)], minutes);

    /// <summary>Around 1: low at four in the morning, high in the evening.</summary>
    private static double Day(int minute)
    {
        var turn = 2 * Math.PI * ((minute % Minutes) - (4 * 60)) / Minutes;
        return 1 - (0.55 * Math.Cos(turn)) - (0.15 * Math.Sin(2 * turn));
    }

    private static double Week(int minute) => minute / Minutes % 7 is 5 or 6 ? 0.7 : 1.05;

    /// <summary>1 between two minutes of the day, with slopes of some minutes.</summary>
    private static double Window(int minute, int from, int to, double slope) =>
        1 / (1 + Math.Exp(-(minute - from) / slope)) / (1 + Math.Exp((minute - to) / slope));

    private static double Poisson(Random random, double mean)
    {
        if (mean > 60)
        {
            return Math.Max(0, Math.Round(mean + (Math.Sqrt(mean) * Synthetic.Normal(random))));
        }

        var (count, left) = (0, Math.Exp(-mean));
        for (var product = random.NextDouble(); product > left; product *= random.NextDouble())
        {
            count++;
        }

        return count;
    }

    /// <summary>Multiplies by noise that remembers: standard deviation and correlation from step to step.</summary>
    private static Func<int, double> WithNoise(Random random, double deviation, double memory, Func<int, double> mean, Func<double, double>? then = null)
    {
        var state = 0d;
        var fresh = Math.Sqrt(1 - (memory * memory));
        return i =>
        {
            state = (memory * state) + (fresh * Synthetic.Normal(random));
            var value = Math.Max(0, mean(i) * (1 + (deviation * state)));
            return then is null ? value : then(value);
        };
    }

    /// <summary>A job each hour and a long one each night, each a little early or late, on a noisy base.</summary>
    private static Trace BatchPeaks(Random random)
    {
        var values = new double[Days * Minutes];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Poisson(random, 300 * Day(i));
        }

        for (var hour = 0; hour < Days * 24; hour++)
        {
            Add(values, (hour * 60) + random.Next(0, 3), random.Next(6, 11), 700);
            if (hour % 24 == 2)
            {
                Add(values, (hour * 60) + 20 + random.Next(0, 6), random.Next(35, 46), 2_500);
            }
        }

        return Synthetic.Trace(values, 1);

        void Add(double[] to, int from, int length, double height)
        {
            for (var i = from; i < Math.Min(to.Length, from + length); i++)
            {
                to[i] += Poisson(random, height);
            }
        }
    }

    private static Trace LevelShifts(Random random)
    {
        var (level, next) = (1d, 0);
        return ByMinute(WithNoise(random, 0.04, 0.6, i =>
        {
            if (i >= next)
            {
                level = 0.5 + (1.5 * random.NextDouble());
                next = i + (int)(-2 * Minutes * Math.Log(1 - random.NextDouble()));
            }

            return 800 * level * Day(i);
        }));
    }

    private static Trace Bursts(Random random)
    {
        var burst = 0d;
        return ByMinute(i =>
        {
            burst = (burst * Math.Exp(-1.0 / 20)) + (random.NextDouble() < 6.0 / Minutes ? 1 + (5 * random.NextDouble()) : 0);
            return Poisson(random, 200 * Day(i) * (1 + burst));
        });
    }

    private static Trace RandomWalk(Random random)
    {
        var level = 0d;
        return ByMinute(_ => 1_000 * Math.Exp(level = (0.9999 * level) + (0.01 * Synthetic.Normal(random))));
    }

    /// <summary>A queue's consumers: whole numbers that stay for hours.</summary>
    private static Trace Steps(Random random)
    {
        var level = 40;
        return ByMinute(_ => level = random.NextDouble() < 1.0 / 480 ? random.Next(10, 100) : level);
    }

    private static Trace Holes(Random random)
    {
        var mean = WithNoise(random, 0.04, 0.7, i => 2_000 * Day(i));
        return ByMinute(i =>
        {
            var value = mean(i);
            var minute = i % Minutes;
            return (i / Minutes) switch
            {
                12 when minute is >= 600 and < 720 => double.NaN,   // two hours without metrics
                13 when minute is >= 900 and < 930 => 0,            // half an hour of outage
                _ => random.NextDouble() < 0.03 ? double.NaN : value,
            };
        });
    }
}
