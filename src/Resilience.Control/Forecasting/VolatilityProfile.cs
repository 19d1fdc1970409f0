namespace Resilience.Control.Forecasting;

/// <summary>
/// How much wilder than usual residuals are at a time of day. Scheduled jobs and opening hours make errors large at times that
/// are known in advance; bands that know it are wide there and narrow elsewhere, for the same coverage.
/// </summary>
/// <remarks>
/// Kept at two widths: quarters of an hour, and within them five steps, which count only as far as they differ from those around
/// by more than chance would explain, and on two of three days: a job that starts at four minutes past the hour does, noise does not.
/// </remarks>
internal sealed class VolatilityProfile
{
    private const int CoarseBins = 96;
    private const int FineSteps = 5;
    private const double DaysRemembered = 3;

    /// <summary>Variances of five steps on two of three days differ from those around them by up to this factor by chance.</summary>
    private const double Chance = 3.25;

    /// <summary>How far what was seen in a quarter of an hour is believed: a few days of it are noisy.</summary>
    private const double Trust = 0.4;

    private readonly Bins _coarse;
    private readonly DailyBins? _fine;
    private readonly int _stepsPerDay;
    private readonly double _overallRate;
    private double _overall;
    private int _count;

    public VolatilityProfile(int stepsPerDay)
    {
        _stepsPerDay = stepsPerDay;
        _coarse = new Bins(stepsPerDay, Math.Max(1, stepsPerDay / CoarseBins));
        _fine = _coarse.Steps > FineSteps ? new DailyBins(stepsPerDay) : null;
        _overallRate = 1 / (DaysRemembered * stepsPerDay);
    }

    /// <summary>Adds a residual at the step of the day it belongs to; squares, so that a few large ones count.</summary>
    public void Add(int phase, double residual)
    {
        var size = residual * residual;
        _overall += (size - _overall) * Math.Max(_overallRate, 1.0 / ++_count);
        _coarse.Add(phase, size);
        _fine?.Add(phase, size);
    }

    /// <summary>Expected size (root mean square) at a step of the day over the usual one: part what was seen, part 1; from 0.5 to 5.</summary>
    public double At(int phase)
    {
        if (_overall <= 0 || _count < _stepsPerDay)
        {
            return 1;
        }

        var sharp = Math.Sqrt(_fine?.Sharpness(phase) ?? 1);
        return Math.Clamp(((1 - Trust) + (Trust * Math.Sqrt(_coarse.Around(phase) / _overall))) * sharp, 0.5, 5);
    }

    private sealed class Bins(int stepsPerDay, int steps)
    {
        private readonly float[] _means = new float[(stepsPerDay + steps - 1) / steps];
        private readonly double _rate = 1 / (DaysRemembered * steps);

        public int Steps => steps;

        public void Add(int phase, double size)
        {
            ref var mean = ref _means[phase / steps];
            mean = (float)(mean == 0 ? size : mean + ((size - mean) * _rate));
        }

        /// <summary>Half the bin itself, half its neighbours: jobs start a little early or late.</summary>
        public double Around(int phase)
        {
            var bin = phase / steps;
            return (0.5 * _means[bin]) + (0.25 * _means[(bin + 1) % _means.Length]) + (0.25 * _means[(bin + _means.Length - 1) % _means.Length]);
        }
    }

    /// <summary>Five steps of the day each, and of each the last three days: what happened on one of them is not expected of the next.</summary>
    private sealed class DailyBins(int stepsPerDay)
    {
        private const int Days = 3;
        private const int Reach = 4;
        private readonly int _bins = (stepsPerDay + FineSteps - 1) / FineSteps;
        private readonly float[] _means = new float[Days * ((stepsPerDay + FineSteps - 1) / FineSteps)];
        private int _open = -1;
        private int _closed;
        private double _sum;
        private int _count;

        public void Add(int phase, double size)
        {
            var bin = phase / FineSteps;
            if (bin != _open)
            {
                Close();
                (_open, _sum, _count) = (bin, 0, 0);
            }

            _sum += size;
            _count++;
        }

        /// <summary>Variance of five steps and, half as much, those beside them, over that of the three quarters of an hour around; 1 within chance.</summary>
        public double Sharpness(int phase)
        {
            if (_closed < 2 * _bins)
            {
                return 1;
            }

            var bin = phase / FineSteps;
            var around = 0d;
            for (var i = -Reach; i <= Reach; i++)
            {
                around += Median(bin + i) / ((2 * Reach) + 1);
            }

            var ratio = around > 0 ? ((0.5 * Median(bin)) + (0.25 * Median(bin - 1)) + (0.25 * Median(bin + 1))) / around : 1;
            return ratio > Chance ? Math.Min(ratio, ratio * ratio / (Chance * Chance)) : ratio < 1 / Chance ? Math.Max(ratio, ratio * ratio * Chance * Chance) : 1;
        }

        private void Close()
        {
            if (_open >= 0)
            {
                var days = _means.AsSpan(_open * Days, Days);
                days[..^1].CopyTo(days[1..]);
                days[0] = (float)(_sum / _count);
                _closed++;
            }
        }

        private double Median(int bin)
        {
            var days = _means.AsSpan(((bin + _bins) % _bins) * Days, Days);
            return Math.Max(Math.Min(days[0], days[1]), Math.Min(Math.Max(days[0], days[1]), days[2]));
        }
    }
}
