using System.Globalization;
using System.Text.Json.Nodes;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ScalingAgent.Cluster;

/// <summary>Why a floor is not in force as decided.</summary>
internal enum FloorObstacle
{
    None,

    /// <summary>The decision exceeds the autoscaler's maxReplicas; what fits was written.</summary>
    Clamped,

    /// <summary>Somebody borrowed the floor for a failover; it is theirs until it is returned or the loan runs out.</summary>
    OnLoan,

    /// <summary>A drill holds the Deployment.</summary>
    InDrill,

    /// <summary>The object does not exist (any more).</summary>
    Missing,

    /// <summary>The API server did not take it; it is tried again.</summary>
    Failed,

    /// <summary>Another instance leads.</summary>
    NotLeading,
}

/// <summary>What is to be written to one slot. Pure: what is there comes in, patches go out.</summary>
/// <param name="Floor">Value of the floor's field; null when it stays as it is.</param>
/// <param name="Body">Patch of the floor's holder; null when nothing is to be written there.</param>
/// <param name="Replicas">Replicas of an autoscaled Deployment, to wake it or to put it to sleep; null when it is left to its autoscaler.</param>
/// <param name="Note">One sentence about the obstacle; null without one.</param>
internal sealed record FloorChange(int? Floor, JsonObject? Body, int? Replicas, FloorObstacle Obstacle, string? Note)
{
    public static FloorChange None { get; } = new(null, null, null, FloorObstacle.None, null);

    public bool IsNothing => Body is null && Replicas is null;

    /// <param name="holder">As read last.</param>
    /// <param name="wanted">Floor; null withdraws it.</param>
    /// <param name="scaler">Name of the PredictiveAutoscaler.</param>
    /// <param name="now">On the wall clock, which loans are timed by.</param>
    public static FloorChange Plan(FloorHolder holder, int? wanted, string scaler, DateTimeOffset now)
    {
        if (holder.Item is null)
        {
            return None with { Obstacle = FloorObstacle.Missing, Note = "there is nothing to write the floor to" };
        }
        if (holder.IsOnLoan(now))
        {
            return None with
            {
                Obstacle = FloorObstacle.OnLoan,
                Note = string.Create(CultureInfo.InvariantCulture, $"the floor of {holder.Name} is lent to {holder.Borrower} until {holder.LoanExpires:u}"),
            };
        }
        var drill = holder.Deployment?.Metadata.Annotations?.ContainsKey(ResilienceApi.DrillAnnotation) == true;
        if (drill && holder.Autoscaler is null)
        {
            return None with { Obstacle = FloorObstacle.InDrill, Note = $"a drill holds {holder.Name}" };
        }
        return wanted is { } floor ? Set(holder, floor, scaler, drill) : Withdraw(holder, drill);
    }

    private static FloorChange Set(FloorHolder holder, int wanted, string scaler, bool drill)
    {
        var value = holder.Autoscaler is null ? wanted : Math.Clamp(wanted, 1, Math.Max(1, holder.MaxReplicas ?? int.MaxValue));
        var body = holder.Floor != value || holder.Owner != scaler || holder.Initial is null ? holder.SetBody(value, scaler) : null;
        int? replicas = holder.Autoscaler is null ? null
            : wanted == 0 && !holder.IsAsleep ? 0
            : wanted > 0 && holder.IsAsleep ? value : null;
        var change = new FloorChange(value, body, drill ? null : replicas, FloorObstacle.None, null);
        return replicas is not null && drill ? change with { Obstacle = FloorObstacle.InDrill, Note = $"a drill holds Deployment {holder.Deployment!.Metadata.Name}" }
            : value < wanted ? change with
            {
                Obstacle = FloorObstacle.Clamped,
                Note = string.Create(CultureInfo.InvariantCulture, $"{holder.Name} allows at most {holder.MaxReplicas} replicas, {wanted} are needed"),
            }
            : change;
    }

    /// <summary>
    /// Restores what was there before the agent first wrote, and wakes what the agent put to sleep. A Deployment without an autoscaler
    /// has nobody else to keep it up: it is never made smaller.
    /// </summary>
    private static FloorChange Withdraw(FloorHolder holder, bool drill)
    {
        if (holder.Owner is null)
        {
            return None;
        }
        var initial = holder.Initial ?? holder.Floor;
        if (holder.Autoscaler is null)
        {
            var kept = Math.Max(1, Math.Max(initial, holder.Replicas));
            return new(kept, holder.WithdrawBody(kept), null, FloorObstacle.None, null);
        }
        var restored = Math.Clamp(initial, 1, Math.Max(1, holder.MaxReplicas ?? int.MaxValue));
        return new(restored, holder.WithdrawBody(restored), holder.IsAsleep && !drill ? restored : null, FloorObstacle.None, null);
    }
}
