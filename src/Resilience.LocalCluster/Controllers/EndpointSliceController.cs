using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Controllers;

/// <summary>Writes which pods stand behind each Service: EndpointSlices, and Endpoints for older readers.</summary>
internal sealed class EndpointSliceController(ObjectStore store, TimeProvider clock, ILogger<EndpointSliceController> logger)
    : ReconcileLoop(store, clock, logger)
{
    public const string ServiceNameLabel = "kubernetes.io/service-name";
    private const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";
    private const string Manager = "endpointslice-controller.k8s.io";
    private const int EndpointsPerSlice = 100;

    /// <summary>Pods each Service had when it was last looked at: a pod that stops matching still concerns it.</summary>
    private readonly ConcurrentDictionary<ObjectKey, HashSet<string>> _members = new();

    public override string Name => "endpointslice-controller";

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.Services, ResourceTypes.Pods];

    protected override void Map(StoreEvent change)
    {
        if (change.Object.Type == ResourceTypes.Services)
        {
            Queue.Add(new(change.Object.Namespace, change.Object.Name));
            return;
        }

        if (change is { Type: StoreEventType.Modified, Previous: { } before } && !Concerns(before, change.Object))
        {
            return;
        }

        foreach (var service in Store.List(ResourceTypes.Services, change.Object.Namespace))
        {
            var key = new ObjectKey(service.Namespace, service.Name);
            if ((service.Spec.Object("selector") is { Count: > 0 } selector && Objects.MatchesAll(selector, change.Object.Metadata.Object("labels")))
                || (_members.TryGetValue(key, out var members) && members.Contains(change.Object.Uid)))
            {
                Queue.Add(key);
            }
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        if (Store.Get(ResourceTypes.Services, key.Namespace, key.Name) is not { } service || service.IsDeleting)
        {
            _ = _members.TryRemove(key, out _);
            RemoveAll(key);
            return null;
        }

        if (service.Spec.Object("selector") is not { Count: > 0 } selector || service.Spec.String("type") == "ExternalName")
        {
            return null;   // somebody else writes its endpoints
        }

        var pods = Store.List(ResourceTypes.Pods, key.Namespace)
            .Where(p => !Objects.IsTerminal(p) && p.Status.String("podIP") is { Length: > 0 } && Objects.MatchesAll(selector, p.Metadata.Object("labels")))
            .ToList();
        _members[key] = [.. pods.Select(p => p.Uid)];
        WriteSlices(service, pods);
        WriteEndpoints(service, pods);
        return null;
    }

    /// <summary>Whether anything that endpoints are made of has changed.</summary>
    private static bool Concerns(StoredObject before, StoredObject after) =>
        before.IsDeleting != after.IsDeleting
        || Objects.IsReady(before) != Objects.IsReady(after)
        || Objects.IsTerminal(before) != Objects.IsTerminal(after)
        || before.Status.String("podIP") != after.Status.String("podIP")
        || !JsonNode.DeepEquals(before.Metadata["labels"], after.Metadata["labels"]);

    private void WriteSlices(StoredObject service, List<StoredObject> pods)
    {
        var wanted = new List<(JsonArray Ports, JsonArray Endpoints)>();
        foreach (var group in pods.GroupBy(p => Ports(service, p).ToJsonString()))
        {
            foreach (var chunk in group.Chunk(EndpointsPerSlice))
            {
                wanted.Add((Ports(service, chunk[0]), new JsonArray([.. chunk.Select(p => Endpoint(service, p))])));
            }
        }

        if (wanted.Count == 0)
        {
            wanted.Add(([], []));
        }

        var existing = SlicesOf(service.Namespace, service.Name);
        for (var index = 0; index < wanted.Count; index++)
        {
            var (ports, endpoints) = wanted[index];
            if (index < existing.Count)
            {
                _ = Store.Update(ResourceTypes.EndpointSlices, service.Namespace, existing[index].Name, body =>
                {
                    body["endpoints"] = endpoints.DeepClone();
                    body["ports"] = ports.DeepClone();
                });
            }
            else
            {
                _ = Store.Create(ResourceTypes.EndpointSlices, service.Namespace, NewSlice(service, ports, endpoints));
            }
        }

        foreach (var surplus in existing.Skip(wanted.Count))
        {
            _ = Store.Delete(ResourceTypes.EndpointSlices, surplus.Namespace, surplus.Name);
        }
    }

    private List<StoredObject> SlicesOf(string? ns, string service) =>
        [.. Store.List(ResourceTypes.EndpointSlices, ns).Where(s => s.Label(ServiceNameLabel) == service && s.Label(ManagedByLabel) == Manager)];

    private static JsonObject NewSlice(StoredObject service, JsonArray ports, JsonArray endpoints) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["generateName"] = service.Name + "-",
            ["labels"] = new JsonObject { [ManagedByLabel] = Manager, [ServiceNameLabel] = service.Name },
            ["ownerReferences"] = new JsonArray(Objects.OwnerReference(service)),
        },
        ["addressType"] = "IPv4",
        ["endpoints"] = endpoints,
        ["ports"] = ports,
    };

    private static JsonObject Endpoint(StoredObject service, StoredObject pod)
    {
        var ready = Objects.IsReady(pod) || service.Spec.Bool("publishNotReadyAddresses") == true;
        return new JsonObject
        {
            ["addresses"] = new JsonArray(pod.Status.String("podIP")),
            ["conditions"] = new JsonObject
            {
                ["ready"] = ready && (!pod.IsDeleting || service.Spec.Bool("publishNotReadyAddresses") == true),
                ["serving"] = ready,
                ["terminating"] = pod.IsDeleting,
            },
            ["nodeName"] = pod.Spec.String("nodeName"),
            ["targetRef"] = TargetRef(pod),
        };
    }

    private static JsonObject TargetRef(StoredObject pod) => new()
    {
        ["kind"] = "Pod",
        ["name"] = pod.Name,
        ["namespace"] = pod.Namespace,
        ["uid"] = pod.Uid,
    };

    private static JsonArray Ports(StoredObject service, StoredObject pod)
    {
        var ports = new JsonArray();
        foreach (var port in service.Spec.Array("ports")?.OfType<JsonObject>() ?? [])
        {
            var target = port["targetPort"];
            var number = target is null ? port.Int("port") : target.Int() ?? NamedPort(pod, target.String());
            if (number is { } found)
            {
                ports.Add(new JsonObject
                {
                    ["name"] = port.String("name") ?? "",
                    ["port"] = found,
                    ["protocol"] = port.String("protocol") ?? "TCP",
                });
            }
        }

        return ports;
    }

    private static int? NamedPort(StoredObject pod, string? name) =>
        (pod.Spec.Array("containers") ?? []).SelectMany(c => c.Array("ports")?.OfType<JsonObject>() ?? [])
            .FirstOrDefault(p => p.String("name") == name).Int("containerPort");

    private void WriteEndpoints(StoredObject service, List<StoredObject> pods)
    {
        var subsets = new JsonArray();
        foreach (var group in pods.Where(p => !p.IsDeleting).GroupBy(p => Ports(service, p).ToJsonString()))
        {
            var all = service.Spec.Bool("publishNotReadyAddresses") == true;
            var subset = new JsonObject();
            Add("addresses", group.Where(p => all || Objects.IsReady(p)));
            Add("notReadyAddresses", group.Where(p => !all && !Objects.IsReady(p)));
            subset["ports"] = Ports(service, group.First());
            subsets.Add(subset);

            void Add(string field, IEnumerable<StoredObject> members)
            {
                var addresses = new JsonArray([.. members.Select(p => new JsonObject
                {
                    ["ip"] = p.Status.String("podIP"),
                    ["nodeName"] = p.Spec.String("nodeName"),
                    ["targetRef"] = TargetRef(p),
                })]);
                if (addresses.Count > 0)
                {
                    subset[field] = addresses;
                }
            }
        }

        if (Store.Get(ResourceTypes.Endpoints, service.Namespace, service.Name) is null)
        {
            var body = new JsonObject { ["metadata"] = new JsonObject { ["name"] = service.Name } };
            if (subsets.Count > 0)
            {
                body["subsets"] = subsets;
            }

            _ = Store.Create(ResourceTypes.Endpoints, service.Namespace, body);
            return;
        }

        _ = Store.Update(ResourceTypes.Endpoints, service.Namespace, service.Name, body =>
        {
            if (subsets.Count > 0)
            {
                body["subsets"] = subsets.DeepClone();
            }
            else
            {
                _ = body.Remove("subsets");
            }
        });
    }

    private void RemoveAll(ObjectKey key)
    {
        foreach (var slice in SlicesOf(key.Namespace, key.Name))
        {
            _ = Store.Delete(ResourceTypes.EndpointSlices, slice.Namespace, slice.Name);
        }

        if (Store.Get(ResourceTypes.Endpoints, key.Namespace, key.Name) is not null)
        {
            _ = Store.Delete(ResourceTypes.Endpoints, key.Namespace, key.Name);
        }
    }
}
