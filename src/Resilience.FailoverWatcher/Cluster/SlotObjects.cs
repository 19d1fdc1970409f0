using System.Globalization;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Resilience.ClusterAccess.Resources;
using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Cluster;

/// <summary>The objects of one slot as they were read: the floor lives on the autoscaler, or on the Deployment without one.</summary>
internal sealed record SlotObjects(V1Deployment? Deployment, V2HorizontalPodAutoscaler? Autoscaler)
{
    public int Desired => Deployment is null ? 0 : Deployment.Spec.Replicas ?? 1;

    public int? MaxReplicas => Autoscaler?.Spec.MaxReplicas;

    public int Floor => Autoscaler is null ? Desired : Autoscaler.Spec.MinReplicas ?? 1;

    private IKubernetesObject<V1ObjectMeta>? FloorHolder => Autoscaler is null ? Deployment : Autoscaler;

    /// <summary>The loan noted on the object; null when there is none, or its note is unreadable.</summary>
    public FloorLoan? Loan
    {
        get
        {
            if (FloorHolder?.Metadata.Annotations is not { } notes
                || !notes.TryGetValue(ResilienceApi.FloorOwnerAnnotation, out var owner)
                || !notes.TryGetValue(ResilienceApi.FloorBeforeAnnotation, out var beforeText)
                || !int.TryParse(beforeText, NumberStyles.None, CultureInfo.InvariantCulture, out var before))
            {
                return null;
            }
            var expires = notes.TryGetValue(ResilienceApi.FloorExpiresAnnotation, out var text)
                && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : DateTimeOffset.MinValue;
            return new(owner, Floor, before, expires);
        }
    }

    /// <summary>The body of the patch that takes the loan: value and note together.</summary>
    public JsonObject BorrowBody(FloorRequest request) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["annotations"] = new JsonObject
            {
                [ResilienceApi.FloorOwnerAnnotation] = FailoverPolicy.Owner,
                // A loan that is renewed keeps the value from before the first one.
                [ResilienceApi.FloorBeforeAnnotation] = (Loan?.Owner == FailoverPolicy.Owner ? Loan.Before : Floor).ToString(CultureInfo.InvariantCulture),
                [ResilienceApi.FloorExpiresAnnotation] = request.Expires.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            },
        },
        ["spec"] = new JsonObject { [Autoscaler is null ? "replicas" : "minReplicas"] = request.Replicas },
    };

    /// <summary>The body of the patch that gives it back.</summary>
    public static JsonObject ReturnBody(FloorLoan loan, bool onAutoscaler) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["annotations"] = new JsonObject
            {
                [ResilienceApi.FloorOwnerAnnotation] = null, [ResilienceApi.FloorBeforeAnnotation] = null, [ResilienceApi.FloorExpiresAnnotation] = null,
            },
        },
        ["spec"] = new JsonObject { [onAutoscaler ? "minReplicas" : "replicas"] = loan.Before },
    };
}
