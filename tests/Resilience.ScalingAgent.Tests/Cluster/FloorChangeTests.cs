using System.Globalization;
using k8s.Models;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Cluster;

namespace Resilience.ScalingAgent.Tests.Cluster;

public sealed class FloorChangeTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    //          there: floor replicas max  wanted   floor  body   replicas obstacle
    [InlineData(2, 2, 5, 4, 4, true, null, nameof(FloorObstacle.None))]
    [InlineData(4, 4, 5, 4, 4, true, null, nameof(FloorObstacle.None))]      // the value is there already, the note is not
    [InlineData(2, 2, 5, 9, 5, true, null, nameof(FloorObstacle.Clamped))]   // the API would refuse minReplicas above maxReplicas
    [InlineData(2, 0, 5, 3, 3, true, 3, nameof(FloorObstacle.None))]         // an autoscaler does nothing at zero: wake
    [InlineData(2, 2, 5, 0, 1, true, 0, nameof(FloorObstacle.None))]         // to sleep: minReplicas cannot be 0, the Deployment can
    [InlineData(1, 0, 5, 0, 1, true, null, nameof(FloorObstacle.None))]      // sleeps already
    public void Plan_WithAutoscaler(int floor, int replicas, int max, int wanted, int expected, bool body, int? scaleTo, string obstacle)
    {
        var change = FloorChange.Plan(Holder(floor, replicas, max), wanted, "web", Now);
        Assert.Equal(expected, change.Floor);
        Assert.Equal(body, change.Body is not null);
        Assert.Equal(scaleTo, change.Replicas);
        Assert.Equal(obstacle, change.Obstacle.ToString());
    }

    [Fact]
    public void Plan_FirstWrite_NotesWhatWasThere_AndLaterOnesKeepIt()
    {
        var first = FloorChange.Plan(Holder(2, 2, 9), 4, "web", Now).Body!;
        Assert.Equal("2", (string?)first["metadata"]!["annotations"]![ResilienceApi.FloorInitialAnnotation]);
        Assert.Equal("web", (string?)first["metadata"]!["annotations"]![ResilienceApi.FloorScalerAnnotation]);
        Assert.Equal(4, (int?)first["spec"]!["minReplicas"]);

        var second = FloorChange.Plan(Holder(4, 4, 9, ours: 2), 6, "web", Now).Body!;
        Assert.Equal("2", (string?)second["metadata"]!["annotations"]![ResilienceApi.FloorInitialAnnotation]);
        Assert.True(FloorChange.Plan(Holder(6, 6, 9, ours: 2), 6, "web", Now).IsNothing);
    }

    [Theory]
    [InlineData(4, 4, 5, 2, 2, null)]
    [InlineData(4, 4, 3, 8, 3, null)]    // maxReplicas has shrunk meanwhile
    [InlineData(1, 0, 5, 2, 2, 2)]       // what the agent put to sleep it must wake: nobody else will
    public void Plan_Withdraw_RestoresWhatWasThere(int floor, int replicas, int max, int initial, int expected, int? scaleTo)
    {
        var change = FloorChange.Plan(Holder(floor, replicas, max, ours: initial), null, "web", Now);
        Assert.Equal(expected, change.Floor);
        Assert.Equal(expected, (int?)change.Body!["spec"]!["minReplicas"]);
        Assert.True(change.Body["metadata"]!["annotations"]!.AsObject().ContainsKey(ResilienceApi.FloorInitialAnnotation));
        Assert.Null(change.Body["metadata"]!["annotations"]![ResilienceApi.FloorInitialAnnotation]);
        Assert.Equal(scaleTo, change.Replicas);
    }

    [Fact]
    public void Plan_WithdrawWhatIsNotOurs_WritesNothing() => Assert.True(FloorChange.Plan(Holder(4, 4, 5), null, "web", Now).IsNothing);

    [Theory]
    [InlineData(6, 2, 6)]    // with nobody else to keep it up, a Deployment is never made smaller
    [InlineData(2, 4, 4)]
    [InlineData(0, 0, 1)]
    public void Plan_WithdrawFromADeployment_NeverShrinksIt(int replicas, int initial, int expected) =>
        Assert.Equal(expected, FloorChange.Plan(new(Deployment(replicas, ours: initial), null), null, "web", Now).Floor);

    [Fact]
    public void Plan_OnLoan_StandsBackUntilItExpires_AndThenClearsTheNote()
    {
        var holder = Holder(5, 5, 9, ours: 2);
        holder.Autoscaler!.Metadata.Annotations[ResilienceApi.FloorOwnerAnnotation] = FieldManagers.FailoverWatcher;
        holder.Autoscaler.Metadata.Annotations[ResilienceApi.FloorBeforeAnnotation] = "3";
        holder.Autoscaler.Metadata.Annotations[ResilienceApi.FloorExpiresAnnotation] = "2026-01-01T12:02:00Z";
        var lent = FloorChange.Plan(holder, 3, "web", Now);
        Assert.True(lent.IsNothing);
        Assert.Equal(FloorObstacle.OnLoan, lent.Obstacle);
        Assert.Contains("lent to failover-watcher until 2026-01-01 12:02:00Z", lent.Note, StringComparison.Ordinal);
        Assert.True(FloorChange.Plan(holder, null, "web", Now).IsNothing);

        var over = FloorChange.Plan(holder, 3, "web", Now.AddMinutes(2));
        Assert.Equal(3, over.Floor);
        Assert.Null(over.Body!["metadata"]!["annotations"]![ResilienceApi.FloorOwnerAnnotation]);
        Assert.Equal("2", (string?)over.Body["metadata"]!["annotations"]![ResilienceApi.FloorInitialAnnotation]);
    }

    [Fact]
    public void Plan_InADrill_LeavesTheDeploymentAlone()
    {
        var holder = Holder(2, 0, 9);
        holder.Deployment!.Metadata.Annotations = new Dictionary<string, string> { [ResilienceApi.DrillAnnotation] = "{}" };
        var change = FloorChange.Plan(holder, 3, "web", Now);
        Assert.Equal(FloorObstacle.InDrill, change.Obstacle);
        Assert.Null(change.Replicas);
        Assert.Equal(3, change.Floor);
        Assert.True(FloorChange.Plan(holder with { Autoscaler = null }, 3, "web", Now).IsNothing);
    }

    private static FloorHolder Holder(int floor, int replicas, int max, int? ours = null) => new(
        Deployment(replicas, null),
        new() { Metadata = Meta("web", ours), Spec = new() { MinReplicas = floor, MaxReplicas = max, ScaleTargetRef = new() { Kind = "Deployment", Name = "web" } } });

    private static V1Deployment Deployment(int replicas, int? ours) => new() { Metadata = Meta("web", ours), Spec = new() { Replicas = replicas } };

    private static V1ObjectMeta Meta(string name, int? ours) => new()
    {
        Name = name,
        NamespaceProperty = "shop",
        ResourceVersion = "1",
        Annotations = ours is { } initial
            ? new Dictionary<string, string>
            {
                [ResilienceApi.FloorScalerAnnotation] = "web", [ResilienceApi.FloorInitialAnnotation] = initial.ToString(CultureInfo.InvariantCulture),
            }
            : null,
    };
}
