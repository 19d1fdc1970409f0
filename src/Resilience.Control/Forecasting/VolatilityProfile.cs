namespace Resilience.Control.Forecasting;

/// <summary>
/// How much wilder than usual residuals are at a time of day. Scheduled jobs and opening hours make errors large at times that
/// are known in advance; bands that know it are wide there and narrow elsewhere, for the same coverage.
/// </summary>
internal sealed class VolatilityProfile
{
    private const int MaxBins = 96;
    private const double DaysRemembered = 3;

    /// <summary>How far what was seen at a time of day is believed: a few days of it are noisy.</summary>
    private const double Trust = 0.4;

    private readonly float[] _bins;
    private readonly int _stepsPerBin;
    private readonly double _binRate;
    private readonly double _overallRate;
    private double _overall;
    private int _count;

    public VolatilityProfile(int stepsPerDay)
    {
        _stepsPerBin = Math.Max(1, stepsPerDay / MaxBins);
        _bins = new float[(stepsPerDay + _stepsPerBin - 1) / _stepsPerBin];
        _binRate = 1 / (DaysRemembered * _stepsPerBin);
        _overallRate = 1 / (DaysRemembered * stepsPerDay);
    }

    /// <summary>Adds a residual at the step of the day it belongs to; squares, so that a few large ones count.</summary>
    public void Add(int phase, double residual)
    {
        var size = residual * residual;
        _overall = Blend(_overall, size, _overallRate, ++_count);
        ref var bin = ref _bins[phase / _stepsPerBin];
        bin = (float)(bin == 0 ? size : bin + ((size - bin) * _binRate));
    }

    /// <summary>Expected size (root mean square) at a step of the day over the usual one: part what was seen, part 1; from 0.5 to 3.</summary>
    public double At(int phase)
    {
        if (_overall <= 0 || _count < _stepsPerBin * _bins.Length)
        {
            return 1;
        }

        var bin = phase / _stepsPerBin;
        var seen = (0.5 * _bins[bin]) + (0.25 * _bins[(bin + 1) % _bins.Length]) + (0.25 * _bins[(bin + _bins.Length - 1) % _bins.Length]);
        return Math.Clamp((1 - Trust) + (Trust * Math.Sqrt(seen / _overall)), 0.5, 3);
    }

    private static double Blend(double mean, double value, double rate, int count) => mean + ((value - mean) * Math.Max(rate, 1.0 / count));
}
