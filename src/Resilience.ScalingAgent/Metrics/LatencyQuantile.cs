namespace Resilience.ScalingAgent.Metrics;

/// <summary>Quantiles of a histogram of cumulative buckets.</summary>
internal static class LatencyQuantile
{
    /// <summary>Fewer requests than this have no 95th percentile worth learning from.</summary>
    private const double FewestRequests = 20;

    /// <summary>Straight line within the bucket that holds the quantile, as PromQL's <c>histogram_quantile</c> draws it.</summary>
    /// <param name="buckets">Requests at or below each bound in seconds, the last bound +Inf.</param>
    /// <returns>Seconds; the highest finite bound when the quantile lies beyond it; NaN for too few requests or no +Inf bound.</returns>
    public static double Of(double quantile, IEnumerable<KeyValuePair<double, double>> buckets)
    {
        var sorted = buckets.OrderBy(bucket => bucket.Key).ToList();
        if (sorted.Count < 2 || !double.IsPositiveInfinity(sorted[^1].Key) || sorted[^1].Value < FewestRequests)
        {
            return double.NaN;
        }

        var rank = quantile * sorted[^1].Value;
        var (from, below) = (0d, 0d);
        foreach (var (bound, count) in sorted)
        {
            if (count >= rank)
            {
                return double.IsPositiveInfinity(bound) ? from : from + ((bound - from) * (rank - below) / Math.Max(count - below, double.Epsilon));
            }

            (from, below) = (bound, Math.Max(below, count));
        }

        return from;
    }
}
