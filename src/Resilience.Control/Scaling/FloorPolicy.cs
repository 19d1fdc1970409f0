namespace Resilience.Control.Scaling;

/// <summary>What a floor may cost and risk. Validated once by <see cref="Validate"/>; the planner trusts it.</summary>
public sealed record FloorPolicy
{
    /// <summary>Share of intervals in which demand must fit the capacity: 0.5 to 0.9999. Default 0.975.</summary>
    public double Quantile { get; init; } = 0.975;

    /// <summary>Time a need is remembered: the floor is the largest need within it. Default 15 min.</summary>
    public TimeSpan Hold { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Fewest replicas; 0 allows scaling to zero. Default 1.</summary>
    public int MinReplicas { get; init; } = 1;

    /// <summary>Most replicas. Default 1000.</summary>
    public int MaxReplicas { get; init; } = 1_000;

    /// <summary>Replicas the floor may rise by in one decision; null: no limit.</summary>
    public int? MaxRise { get; init; }

    /// <summary>Replicas the floor may fall by in one decision; null: no limit.</summary>
    public int? MaxFall { get; init; }

    /// <summary>Do not follow a sudden fall: clients that were refused come back. Null: off.</summary>
    public DropGuard? DropGuard { get; init; }

    /// <summary>Price of one replica for one hour. Default 0.012 USD: 100m of a vCPU at 0.12 USD.</summary>
    public double PricePerReplicaHour { get; init; } = 0.012;

    /// <summary>Money for one calendar month (UTC); null: no limit.</summary>
    public double? MonthlyBudget { get; init; }

    /// <summary>Declared peaks and blackout windows.</summary>
    public IReadOnlyList<PlannedEvent> Calendar { get; init; } = [];

    /// <summary>Without a forecast the last floor is kept for this long, then the reactive autoscaler is alone. Default 10 min.</summary>
    public TimeSpan KeepWithoutForecast { get; init; } = TimeSpan.FromMinutes(10);

    /// <exception cref="ArgumentException">Names the first setting that is impossible.</exception>
    public void Validate()
    {
        Require(Quantile is >= 0.5 and <= 0.9999, $"quantile must be between 0.5 and 0.9999, is {Quantile}");
        Require(Hold >= TimeSpan.Zero && Hold <= TimeSpan.FromDays(1), $"hold must be between 0 and 1 day, is {Hold}");
        Require(MinReplicas >= 0, $"min replicas must not be negative, is {MinReplicas}");
        Require(MaxReplicas >= 1, $"max replicas must be at least 1, is {MaxReplicas}");
        Require(MinReplicas <= MaxReplicas, $"min replicas {MinReplicas} exceeds max replicas {MaxReplicas}");
        Require(MaxRise is null or >= 1, $"max rise must be at least 1 replica, is {MaxRise}");
        Require(MaxFall is null or >= 1, $"max fall must be at least 1 replica, is {MaxFall}");
        Require(PricePerReplicaHour > 0 && double.IsFinite(PricePerReplicaHour), $"price per replica-hour must be positive, is {PricePerReplicaHour}");
        var least = MinReplicas * PricePerReplicaHour * TimeSpan.FromDays(31).TotalHours;
        Require(MonthlyBudget is null || MonthlyBudget >= least, FormattableString.Invariant($"monthly budget {MonthlyBudget} is below {least:0.00}, what {MinReplicas} replicas cost in 31 days"));
        Require(DropGuard is null || DropGuard is { Fall: > 0 and < 1 } && DropGuard.Within > TimeSpan.Zero && DropGuard.Hold > TimeSpan.Zero, "drop guard needs a fall between 0 and 1 and positive times");
        foreach (var planned in Calendar)
        {
            planned.Validate();
        }
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}

/// <summary>Holds the floor after demand fell by a share within a time, for a time.</summary>
public sealed record DropGuard(double Fall, TimeSpan Within, TimeSpan Hold)
{
    /// <summary>More than half within 15 minutes is not followed for 30 minutes.</summary>
    public static DropGuard Default { get; } = new(0.5, TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30));
}

/// <summary>What people know and no forecast can: a sale, a match, a change freeze.</summary>
/// <param name="Name">For explanations.</param>
/// <param name="From">Start; a peak's replicas are asked for one lead time earlier.</param>
/// <param name="To">End.</param>
/// <param name="Replicas">Fewest replicas during a peak; null for a blackout.</param>
/// <param name="IsBlackout">The floor does not change, whatever the forecast says.</param>
public sealed record PlannedEvent(string Name, DateTimeOffset From, DateTimeOffset To, int? Replicas, bool IsBlackout = false)
{
    internal void Validate()
    {
        if (To <= From)
        {
            throw new ArgumentException($"planned event '{Name}' ends before it starts");
        }

        if (IsBlackout == Replicas.HasValue || Replicas < 1)
        {
            throw new ArgumentException($"planned event '{Name}' must be either a blackout or name at least 1 replica");
        }
    }
}
