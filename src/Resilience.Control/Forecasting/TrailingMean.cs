namespace Resilience.Control.Forecasting;

/// <summary>Means of several streams over one trailing window, kept in buckets: constant memory, constant time.</summary>
internal sealed class TrailingMean
{
    private readonly int _streams;
    private readonly int _buckets;
    private readonly int _bucketSteps;
    private readonly float[] _sums;
    private readonly int[] _counts;
    private readonly double[] _totalSums;
    private readonly int[] _totalCounts;
    private int _bucket;
    private int _stepsInBucket;

    public TrailingMean(int streams, int windowSteps)
    {
        _streams = streams;
        _buckets = Math.Clamp(windowSteps, 1, 96);
        _bucketSteps = (windowSteps + _buckets - 1) / _buckets;
        _sums = new float[streams * _buckets];
        _counts = new int[streams * _buckets];
        _totalSums = new double[streams];
        _totalCounts = new int[streams];
    }

    public int Count(int stream) => _totalCounts[stream];

    /// <summary>Mean over the window; NaN when nothing was added.</summary>
    public double this[int stream] => _totalCounts[stream] == 0 ? double.NaN : _totalSums[stream] / _totalCounts[stream];

    public void Add(int stream, double value)
    {
        _sums[(_bucket * _streams) + stream] += (float)value;
        _counts[(_bucket * _streams) + stream]++;
        _totalSums[stream] += value;
        _totalCounts[stream]++;
    }

    /// <summary>One interval has passed; the oldest bucket leaves when it is older than the window.</summary>
    public void Advance()
    {
        if (++_stepsInBucket < _bucketSteps)
        {
            return;
        }

        _stepsInBucket = 0;
        _bucket = (_bucket + 1) % _buckets;
        Array.Clear(_sums, _bucket * _streams, _streams);
        Array.Clear(_counts, _bucket * _streams, _streams);
        for (var stream = 0; stream < _streams; stream++)
        {
            (_totalSums[stream], _totalCounts[stream]) = (0, 0);
            for (var bucket = 0; bucket < _buckets; bucket++)
            {
                _totalSums[stream] += _sums[(bucket * _streams) + stream];
                _totalCounts[stream] += _counts[(bucket * _streams) + stream];
            }
        }
    }
}
