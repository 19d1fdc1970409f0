using System.Text.Json.Nodes;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Node;

/// <summary>Binds every claim at once: there is one node, and a folder is always to be had. What a deleted claim held is deleted.</summary>
internal sealed class VolumeController(ObjectStore store, TimeProvider clock, NodeVolumes volumes, ILogger<VolumeController> logger)
    : ReconcileLoop(store, clock, logger)
{
    public override string Name => "volume-binder";

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.PersistentVolumeClaims];

    protected override void Map(StoreEvent change)
    {
        if (change.Type == StoreEventType.Deleted)
        {
            volumes.Delete(change.Object.Uid);
        }
        else
        {
            Queue.Add(new(change.Object.Namespace, change.Object.Name));
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        if (Store.Get(ResourceTypes.PersistentVolumeClaims, key.Namespace, key.Name) is not { } claim || claim.Status.String("phase") == "Bound")
        {
            return null;
        }

        var precondition = new Precondition(Uid: claim.Uid);
        _ = Store.Update(ResourceTypes.PersistentVolumeClaims, key.Namespace, key.Name,
            body => body.Ensure("spec")["volumeName"] = $"pvc-{claim.Uid}", precondition);
        _ = Store.UpdateStatus(ResourceTypes.PersistentVolumeClaims, key.Namespace, key.Name, body => body["status"] = new JsonObject
        {
            ["phase"] = "Bound",
            ["accessModes"] = claim.Spec.Array("accessModes")?.DeepClone(),
            ["capacity"] = claim.Spec.Object("resources", "requests")?.DeepClone(),
        }, precondition);
        return null;
    }
}
