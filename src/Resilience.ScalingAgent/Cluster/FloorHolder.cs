using System.Globalization;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Resilience.ClusterAccess.Resources;

namespace Resilience.ScalingAgent.Cluster;

/// <summary>One Deployment and its autoscaler: the floor lives on the autoscaler, or on the Deployment without one.</summary>
internal sealed record FloorHolder(V1Deployment? Deployment, V2HorizontalPodAutoscaler? Autoscaler)
{
    /// <summary>Null when there is nothing to write to.</summary>
    public IKubernetesObject<V1ObjectMeta>? Item => Autoscaler is null ? Deployment : Autoscaler;

    /// <summary>For people: kind, namespace and name.</summary>
    public string Name => Item is null ? "nothing" : $"{(Autoscaler is null ? "Deployment" : "HorizontalPodAutoscaler")} {Item.Metadata.NamespaceProperty}/{Item.Metadata.Name}";

    public string Field => Autoscaler is null ? "spec.replicas" : "spec.minReplicas";

    public int Floor => Autoscaler is null ? Replicas : Autoscaler.Spec.MinReplicas ?? 1;

    public int Replicas => Deployment is null ? 0 : Deployment.Spec.Replicas ?? 1;

    public int? MaxReplicas => Autoscaler?.Spec.MaxReplicas;

    /// <summary>An autoscaler does nothing at zero replicas; somebody has to wake the Deployment.</summary>
    public bool IsAsleep => Deployment is not null && Replicas == 0;

    /// <summary>PredictiveAutoscaler that set this floor; null when it is not ours.</summary>
    public string? Owner => Note(Item, ResilienceApi.FloorScalerAnnotation);

    /// <summary>Value before the agent first wrote; null when it never did or the note is unreadable.</summary>
    public int? Initial => int.TryParse(Note(Item, ResilienceApi.FloorInitialAnnotation), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>Who borrowed the floor; null when nobody did.</summary>
    public string? Borrower => Note(Item, ResilienceApi.FloorOwnerAnnotation);

    /// <summary>End of the loan; a note without a readable end is void.</summary>
    public DateTimeOffset LoanExpires =>
        DateTimeOffset.TryParse(Note(Item, ResilienceApi.FloorExpiresAnnotation), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? at : DateTimeOffset.MinValue;

    public bool IsOnLoan(DateTimeOffset now) => Borrower is not null && now < LoanExpires;

    /// <summary>The body of the patch that sets a floor: value and note together. A loan that has run out goes with it.</summary>
    public JsonObject SetBody(int value, string scaler)
    {
        var notes = new JsonObject
        {
            [ResilienceApi.FloorScalerAnnotation] = scaler,
            [ResilienceApi.FloorInitialAnnotation] = (Initial ?? InitialNow()).ToString(CultureInfo.InvariantCulture),
        };
        ClearLoan(notes);
        return Body(value, notes);
    }

    /// <summary>The body of the patch that gives the floor back.</summary>
    public JsonObject WithdrawBody(int value)
    {
        var notes = new JsonObject { [ResilienceApi.FloorScalerAnnotation] = null, [ResilienceApi.FloorInitialAnnotation] = null };
        ClearLoan(notes);
        return Body(value, notes);
    }

    /// <summary>A loan that ran out unreturned: what was there before the borrower wrote is what the agent must restore one day.</summary>
    private int InitialNow() =>
        Borrower is not null && int.TryParse(Note(Item, ResilienceApi.FloorBeforeAnnotation), NumberStyles.None, CultureInfo.InvariantCulture, out var before) ? before : Floor;

    private void ClearLoan(JsonObject notes)
    {
        if (Borrower is not null)
        {
            notes[ResilienceApi.FloorOwnerAnnotation] = null;
            notes[ResilienceApi.FloorBeforeAnnotation] = null;
            notes[ResilienceApi.FloorExpiresAnnotation] = null;
        }
    }

    private JsonObject Body(int value, JsonObject notes) => new()
    {
        ["metadata"] = new JsonObject { ["annotations"] = notes },
        ["spec"] = new JsonObject { [Autoscaler is null ? "replicas" : "minReplicas"] = value },
    };

    public static bool HasNewNotes(IKubernetesObject<V1ObjectMeta>? before, IKubernetesObject<V1ObjectMeta> after)
    {
        foreach (var name in (ReadOnlySpan<string>)
            [ResilienceApi.FloorOwnerAnnotation, ResilienceApi.FloorExpiresAnnotation, ResilienceApi.FloorScalerAnnotation, ResilienceApi.FloorInitialAnnotation])
        {
            if (Note(before, name) != Note(after, name))
            {
                return true;
            }
        }
        return false;
    }

    private static string? Note(IKubernetesObject<V1ObjectMeta>? item, string name) =>
        item?.Metadata.Annotations is { } annotations && annotations.TryGetValue(name, out var value) ? value : null;
}
