using System.Text.Json.Nodes;
using Resilience.LocalCluster.Machinery.Patching;
using Resilience.LocalCluster.Machinery.Schema;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>
/// The store in the hands of one component of the control plane: its writes go into managedFields under its name, as they would
/// had they come over the wire, so that server-side apply finds the same conflicts as on a real cluster.
/// </summary>
/// <param name="manager">As a real cluster names it: kube-controller-manager, kube-scheduler, kubelet.</param>
internal sealed class ComponentStore(ObjectStore store, TimeProvider clock, string manager)
{
    public const string ControllerManager = "kube-controller-manager";
    public const string Scheduler = "kube-scheduler";
    public const string Kubelet = "kubelet";

    public StoredObject? Get(ResourceType type, string? ns, string name) => store.Get(type, ns, name);

    public IReadOnlyList<StoredObject> List(ResourceType type, string? ns = null) => store.List(type, ns);

    public StoredObject Delete(ResourceType type, string? ns, string name, DeleteOptions? options = null) => store.Delete(type, ns, name, options);

    /// <inheritdoc cref="ObjectStore.Create"/>
    public StoredObject Create(ResourceType type, string? ns, JsonObject body)
    {
        Track(type, null, body, null);
        return store.Create(type, ns, body);
    }

    /// <inheritdoc cref="ObjectStore.Update"/>
    /// <param name="subresource">The one a real component writes through: "scale", or "status" where it sets annotations with it.</param>
    public StoredObject Update(
        ResourceType type, string? ns, string name, Action<JsonObject> mutate, Precondition? precondition = null, string? subresource = null) =>
        store.Update(type, ns, name, body => Tracked(type, body, mutate, subresource), precondition);

    /// <inheritdoc cref="ObjectStore.UpdateStatus"/>
    public StoredObject UpdateStatus(ResourceType type, string? ns, string name, Action<JsonObject> mutate, Precondition? precondition = null) =>
        store.UpdateStatus(type, ns, name, body => Tracked(type, body, mutate, "status"), precondition);

    private void Tracked(ResourceType type, JsonObject body, Action<JsonObject> mutate, string? subresource)
    {
        var before = body.DeepClone().AsObject();
        mutate(body);
        if (!JsonNode.DeepEquals(before, body))
        {
            Track(type, before, body, subresource);
        }
    }

    /// <remarks>The controllers write no custom resource but to release it from an owner, which nobody applies.</remarks>
    private void Track(ResourceType type, JsonObject? before, JsonObject after, string? subresource)
    {
        if (BuiltInSchemas.For(type)?.AsField() is { } schema)
        {
            ManagedFields.Track(before, after, schema, new(manager, type.ApiVersion, subresource, clock.GetUtcNow()));
        }
    }
}
