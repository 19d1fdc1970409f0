namespace Resilience.LoadGenerator;

/// <summary>Requests per second asked for at one instant of a run.</summary>
public readonly record struct RatePoint(TimeSpan At, double Rps);

/// <summary>
/// How many requests per second are asked for, over time: straight lines between points, a jump where two points share an instant,
/// and the last rate for ever after.
/// </summary>
/// <remarks>
/// Everything follows from one function, the number of requests due up to an instant (the integral of the rate), and its inverse: request k
/// is due when the integral reaches k, and a Poisson process of any rate is one of rate 1 seen through the same inverse.
/// </remarks>
public sealed class LoadProfile
{
    private const double MaxRps = 100_000;
    private const double NeverSeconds = 1e9;
    private const int SineSegments = 240;

    private readonly double[] _seconds;
    private readonly double[] _rps;
    private readonly double[] _requests;

    private LoadProfile(string name, IEnumerable<RatePoint> points)
    {
        Name = name;
        var list = points.ToList();
        if (list.Count == 0 || list[0].At != TimeSpan.Zero)
        {
            throw new ArgumentException("A load profile starts at time zero.", nameof(points));
        }

        if (list.Any(static point => !(point.Rps >= 0 && point.Rps <= MaxRps)))
        {
            throw new ArgumentOutOfRangeException(nameof(points), $"A rate must be from 0 to {MaxRps} requests/s.");
        }

        _seconds = [.. list.Select(static point => point.At.TotalSeconds)];
        _rps = [.. list.Select(static point => point.Rps)];
        _requests = new double[list.Count];
        for (var i = 1; i < list.Count; i++)
        {
            var width = _seconds[i] - _seconds[i - 1];
            if (width < 0)
            {
                throw new ArgumentException("The points of a load profile must be in order of time.", nameof(points));
            }

            _requests[i] = _requests[i - 1] + (width * (_rps[i] + _rps[i - 1]) / 2);
        }

        Points = list;
    }

    /// <summary>Short name for reports: constant, ramp, step, spike, diurnal or trace.</summary>
    public string Name { get; }

    public IReadOnlyList<RatePoint> Points { get; }

    public static LoadProfile Constant(double rps) => new("constant", [new(TimeSpan.Zero, rps)]);

    public static LoadProfile Ramp(double from, double to, TimeSpan over) => new("ramp", [new(TimeSpan.Zero, from), new(over, to)]);

    /// <summary>Jumps from rate to rate; the first step must be at zero.</summary>
    public static LoadProfile Steps(params IReadOnlyList<RatePoint> steps) => new("step", steps.SelectMany(
        (step, i) => i == 0 ? [step] : new[] { new RatePoint(step.At, steps[i - 1].Rps), step }));

    /// <summary>A base rate with one rectangular peak.</summary>
    public static LoadProfile Spike(double baseRps, double peakRps, TimeSpan at, TimeSpan length) => new("spike",
    [
        new(TimeSpan.Zero, baseRps), new(at, baseRps), new(at, peakRps), new(at + length, peakRps), new(at + length, baseRps),
    ]);

    /// <summary>A day's swing from low to high and back, as a cosine that starts at the low point and repeats for the given time.</summary>
    public static LoadProfile Diurnal(double lowRps, double highRps, TimeSpan period, TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(period, TimeSpan.Zero);
        var step = period / SineSegments;
        var count = (int)Math.Ceiling(duration / step);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 1_000_000, nameof(duration));
        return new("diurnal", Enumerable.Range(0, count + 1).Select(i =>
            new RatePoint(step * i, lowRps + ((highRps - lowRps) * (1 - Math.Cos(2 * Math.PI * i / SineSegments)) / 2))));
    }

    /// <summary>Any course of straight lines; see <see cref="TraceCsv"/> for recorded ones.</summary>
    public static LoadProfile FromPoints(string name, IEnumerable<RatePoint> points) => new(name, points);

    /// <summary>Rate asked for at <paramref name="at"/>; at a jump, the rate after it.</summary>
    public double RateAt(TimeSpan at)
    {
        var t = at.TotalSeconds;
        var i = LastAtOrBefore(_seconds, t);
        return i == _seconds.Length - 1 ? _rps[i] : _rps[i] + (Slope(i) * (t - _seconds[i]));
    }

    /// <summary>Requests due before <paramref name="at"/>: the integral of the rate.</summary>
    public double RequestsBefore(TimeSpan at)
    {
        var t = at.TotalSeconds;
        var i = LastAtOrBefore(_seconds, t);
        var within = t - _seconds[i];
        return _requests[i] + (within * (_rps[i] + (Slope(i) * within / 2)));
    }

    /// <summary>When the integral of the rate reaches <paramref name="requests"/>; null when it never does.</summary>
    public TimeSpan? TimeOf(double requests)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(requests);
        // The last segment that begins at or before that number, so that a stretch without load is stepped over and not divided by.
        var i = LastAtOrBefore(_requests, requests);
        var missing = requests - _requests[i];
        var (rate, slope) = (_rps[i], Slope(i));
        if (missing == 0)
        {
            return TimeSpan.FromSeconds(_seconds[i]);
        }

        // missing = rate·x + slope·x²/2, in the form that neither divides by a slope near zero nor cancels.
        var root = (rate * rate) + (2 * slope * missing);
        var divisor = rate + Math.Sqrt(Math.Max(0, root));
        var seconds = _seconds[i] + (2 * missing / divisor);
        // Not a number or beyond TimeSpan: at a rate of (nearly) nothing it is never due.
        return seconds < NeverSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    private double Slope(int i) => i == _seconds.Length - 1 || _seconds[i + 1] <= _seconds[i] ? 0
        : (_rps[i + 1] - _rps[i]) / (_seconds[i + 1] - _seconds[i]);

    private static int LastAtOrBefore(double[] ascending, double value)
    {
        var (low, high) = (0, ascending.Length - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = ascending[middle] <= value ? (middle, high) : (low, middle - 1);
        }

        return low;
    }
}
