using System.Text.Json.Nodes;
using k8s.Models;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Resources;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.ScalingAgent.Cluster;

/// <summary>What came of carrying out one floor.</summary>
/// <param name="Writes">Fields written, or tried; empty when all was as decided already.</param>
internal sealed record FloorResult(int? Floor, IReadOnlyList<WriteRecord> Writes, FloorObstacle Obstacle, string? Note)
{
    public bool IsWritten => Writes.Any(write => write.Result == FloorWriter.Written);
}

/// <summary>
/// The only writer of floors. Every patch carries the resourceVersion that was decided upon: neither a failover in between nor a
/// former leader can be overwritten. After a conflict the object is read again and the change worked out anew.
/// </summary>
internal sealed class FloorWriter(ClusterApi api, LeaseElection election, TimeProvider clock)
{
    public const string Written = "written";

    private const int MaxAttempts = 4;

    /// <param name="wanted">Floor; null withdraws it.</param>
    /// <exception cref="OperationCanceledException">Stopped; a patch may still be carried out.</exception>
    public async Task<FloorResult> WriteAsync(FloorHolder holder, int? wanted, string scaler, CancellationToken cancellationToken)
    {
        var writes = new List<WriteRecord>();
        for (var attempt = 1; ; attempt++)
        {
            var change = FloorChange.Plan(holder, wanted, scaler, clock.GetUtcNow());
            if (change.IsNothing)
            {
                return new(change.Floor, writes, change.Obstacle, change.Note);
            }
            if (!election.IsLeader)
            {
                return new(change.Floor, writes, FloorObstacle.NotLeading, "another instance leads");
            }
            try
            {
                await PatchAsync(holder, change, writes, cancellationToken).ConfigureAwait(false);
                return new(change.Floor, writes, change.Obstacle, change.Note);
            }
            catch (ClusterException refused) when ((refused.IsConflict || refused.IsNotFound) && attempt < MaxAttempts)
            {
                if (await ReadAgainAsync(holder, cancellationToken).ConfigureAwait(false) is not { } fresh)
                {
                    return new(null, writes, FloorObstacle.Missing, $"{holder.Name} does not exist any more");
                }
                if (fresh.Owner is { } owner && owner != holder.Owner && owner != scaler)
                {
                    // Whether it may be taken over is for the caches to say once they know; tried again, it would be taken unseen.
                    return new(null, writes, FloorObstacle.Failed, $"PredictiveAutoscaler {owner} has just taken {holder.Name}");
                }
                holder = fresh;
            }
            catch (ClusterException failed)
            {
                writes.Add(new(holder.Name, holder.Field, holder.Floor, change.Floor ?? holder.Floor, failed.Message));
                return new(change.Floor, writes, FloorObstacle.Failed, $"the floor of {holder.Name} could not be written: {failed.Message}");
            }
        }
    }

    private async Task PatchAsync(FloorHolder holder, FloorChange change, List<WriteRecord> writes, CancellationToken cancellationToken)
    {
        if (change.Body is { } body)
        {
            var patch = ResourcePatch.MergeIf(holder.Item!.Metadata.ResourceVersion, body);
            if (holder.Autoscaler is { } autoscaler)
            {
                await api.PatchAsync(ResourceTypes.HorizontalPodAutoscalers, autoscaler.Metadata.NamespaceProperty, autoscaler.Metadata.Name, patch,
                    cancellationToken, FieldManagers.ScalingAgent).ConfigureAwait(false);
            }
            else
            {
                await PatchDeploymentAsync(holder.Deployment!, patch, cancellationToken).ConfigureAwait(false);
            }
            writes.Add(new(holder.Name, holder.Field, holder.Floor, change.Floor!.Value, Written));
        }
        if (change.Replicas is { } replicas && holder.Deployment is { } deployment)
        {
            var patch = ResourcePatch.MergeIf(deployment.Metadata.ResourceVersion, new() { ["spec"] = new JsonObject { ["replicas"] = replicas } });
            await PatchDeploymentAsync(deployment, patch, cancellationToken).ConfigureAwait(false);
            writes.Add(new($"Deployment {deployment.Metadata.NamespaceProperty}/{deployment.Metadata.Name}", "spec.replicas", holder.Replicas, replicas, Written));
        }
    }

    private Task<V1Deployment> PatchDeploymentAsync(V1Deployment deployment, ResourcePatch patch, CancellationToken cancellationToken) =>
        api.PatchAsync(ResourceTypes.Deployments, deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, patch, cancellationToken, FieldManagers.ScalingAgent);

    /// <returns>Null when the object that holds the floor is gone.</returns>
    private async Task<FloorHolder?> ReadAgainAsync(FloorHolder holder, CancellationToken cancellationToken)
    {
        try
        {
            var deployment = holder.Deployment is { } known
                ? await api.FindAsync(ResourceTypes.Deployments, known.Metadata.NamespaceProperty, known.Metadata.Name, cancellationToken).ConfigureAwait(false) : null;
            var autoscaler = holder.Autoscaler is { } scaler
                ? await api.FindAsync(ResourceTypes.HorizontalPodAutoscalers, scaler.Metadata.NamespaceProperty, scaler.Metadata.Name, cancellationToken).ConfigureAwait(false) : null;
            var fresh = new FloorHolder(deployment, autoscaler);
            // Without its autoscaler the floor would be another field: the caches learn of that and decide afresh.
            return fresh.Item is null || (holder.Autoscaler is not null && autoscaler is null) ? null : fresh;
        }
        catch (ClusterException)
        {
            return holder;   // as it was: the next attempt fails in the same way and says why
        }
    }
}
