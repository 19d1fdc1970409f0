namespace Resilience.Control.Scaling;

/// <summary>Money spent on replicas in the current calendar month (UTC), from the replicas that were seen.</summary>
/// <param name="Month">First day of the month; a new one starts at zero.</param>
/// <param name="Spent">USD since then.</param>
/// <param name="SeenAt">Instant up to which that was spent.</param>
/// <param name="Hours">Time that was charged since then.</param>
/// <param name="GoodRequests">Requests that fit the capacity since then.</param>
public sealed record CostMeter(DateTimeOffset Month, double Spent, DateTimeOffset SeenAt, double Hours = 0, double GoodRequests = 0)
{
    /// <summary>A gap longer than this is not charged: nobody saw what ran.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromHours(1);

    public static CostMeter Zero { get; } = new(DateTimeOffset.MinValue, 0, DateTimeOffset.MinValue);

    /// <summary>USD for a million requests that fit; null before the first.</summary>
    public double? PerMillionGood => GoodRequests > 0 ? Spent / GoodRequests * 1e6 : null;

    /// <summary>Charges the time since the last look at what runs now.</summary>
    /// <param name="now">Not before <see cref="SeenAt"/>; an earlier instant charges nothing.</param>
    /// <param name="replicas">Replicas that run, Ready or not.</param>
    /// <param name="pricePerReplicaHour">USD.</param>
    /// <param name="goodPerSecond">Requests per second that were served; NaN when not known.</param>
    public CostMeter Charge(DateTimeOffset now, int replicas, double pricePerReplicaHour, double goodPerSecond)
    {
        var month = new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero);
        var meter = month == Month ? this : new CostMeter(month, 0, SeenAt < month ? month : SeenAt);
        var since = meter.SeenAt == DateTimeOffset.MinValue || SeenAt == DateTimeOffset.MinValue ? TimeSpan.Zero : now - meter.SeenAt;
        if (since <= TimeSpan.Zero || now - SeenAt > LongestGap)
        {
            return meter with { SeenAt = now > meter.SeenAt ? now : meter.SeenAt };
        }

        return meter with
        {
            Hours = meter.Hours + since.TotalHours,
            Spent = meter.Spent + (since.TotalHours * replicas * pricePerReplicaHour),
            GoodRequests = meter.GoodRequests + (double.IsFinite(goodPerSecond) ? since.TotalSeconds * Math.Max(0, goodPerSecond) : 0),
            SeenAt = now,
        };
    }

    /// <summary>What the month will have cost at its end if it goes on as it did while it was seen; null before an hour was seen.</summary>
    public double? Projected(DateTimeOffset now) =>
        Hours < 1 ? null : Spent + (Spent / Hours * Math.Max(0, (Month.AddMonths(1) - now).TotalHours));
}
