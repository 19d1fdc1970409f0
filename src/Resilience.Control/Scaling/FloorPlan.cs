namespace Resilience.Control.Scaling;

/// <summary>One way to set the floor, priced.</summary>
/// <param name="Name">For explanations.</param>
/// <param name="Replicas">Floor it would set.</param>
/// <param name="DollarsPerHour">Price of that floor.</param>
/// <param name="Risk">Chance that demand exceeds the floor's capacity before the lead is over.</param>
/// <param name="DollarsPerMillionGood">Price per million requests that fit the capacity; infinite when none are expected.</param>
/// <param name="Verdict">"chosen", or why not.</param>
public sealed record FloorCandidate(string Name, int Replicas, double DollarsPerHour, double Risk, double DollarsPerMillionGood, string Verdict);

/// <summary>A rule that changed the floor on its way from forecast to request.</summary>
public sealed record FloorAdjustment(string Rule, int From, int To, string Because);

/// <summary>What must be remembered from one decision to the next.</summary>
/// <param name="Floor">Floor requested last; null when the reactive autoscaler was alone.</param>
/// <param name="Needs">Needs within the hold time that no later, larger need has overtaken; oldest and largest first.</param>
/// <param name="GuardUntil">End of the drop guard's hold.</param>
/// <param name="LastForecast">When there was a forecast last.</param>
/// <param name="Month">First day of the month that <paramref name="SpentThisMonth"/> belongs to.</param>
/// <param name="SpentThisMonth">Money spent since then, estimated from the floors unless the host, which sees all replicas, overwrites it.</param>
/// <param name="LastDecision">Instant up to which that was spent.</param>
public sealed record FloorState(
    int? Floor, IReadOnlyList<HeldNeed> Needs, DateTimeOffset GuardUntil, DateTimeOffset LastForecast, DateTimeOffset Month, double SpentThisMonth, DateTimeOffset LastDecision)
{
    /// <summary>Nothing decided yet.</summary>
    public static FloorState Initial { get; } = new(null, [], DateTimeOffset.MinValue, DateTimeOffset.MinValue, DateTimeOffset.MinValue, 0, DateTimeOffset.MinValue);
}

/// <summary>Replicas that were needed as of an instant.</summary>
public readonly record struct HeldNeed(DateTimeOffset At, int Replicas);

/// <summary>A decision and all that explains it.</summary>
/// <param name="Floor">Floor to request; null: withdraw the floor, the reactive autoscaler is alone.</param>
/// <param name="WakeFromZero">The Deployment must be scaled to 1 first: an autoscaler does nothing at zero.</param>
/// <param name="Reason">One sentence a person understands.</param>
/// <param name="Risk">Chance that demand exceeds the floor's capacity before the lead is over; NaN without a forecast.</param>
/// <param name="GivenUp">What a budget took away; null when nothing.</param>
/// <param name="Candidates">Plans considered, the chosen one included.</param>
/// <param name="Adjustments">Rules that changed the floor, in order.</param>
/// <param name="State">To be kept for the next decision.</param>
public sealed record FloorPlan(
    int? Floor,
    bool WakeFromZero,
    string Reason,
    double Risk,
    string? GivenUp,
    IReadOnlyList<FloorCandidate> Candidates,
    IReadOnlyList<FloorAdjustment> Adjustments,
    FloorState State)
{
    /// <summary>What the cluster has no room for, and what that risks; null when all replicas fit.</summary>
    public string? NoRoom { get; init; }
}

/// <summary>Replicas that have a place in the cluster, and those that wait for one.</summary>
/// <param name="Placed">Bound to a node, Ready or on their way to it.</param>
/// <param name="Waiting">Pending because no node has room.</param>
public sealed record ClusterRoom(int Placed, int Waiting);
