using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Node;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Proxy;

/// <summary>
/// kube-proxy: listens on the node's address for each NodePort and spreads new connections over the ready endpoints, or over
/// those that still serve while terminating when none is ready. Existing connections stay where they are.
/// </summary>
internal sealed class ServiceProxy(ObjectStore store, TimeProvider clock, NodeNetwork network, ILogger<ServiceProxy> logger)
    : ReconcileLoop(store, clock, logger), INetworkFaults, IDisposable
{
    private readonly ConcurrentDictionary<(ObjectKey Service, string Port), PortForward> _forwards = new();
    private readonly ConcurrentDictionary<ObjectKey, NetworkFault> _faults = new();

    public override string Name => "kube-proxy";

    protected override IReadOnlyList<ResourceType> Watched { get; } = [ResourceTypes.Services, ResourceTypes.EndpointSlices];

    public void Set(string ns, string service, NetworkFault fault)
    {
        _faults[new(ns, service)] = fault;
        ApplyFaults(new(ns, service));
    }

    public void Clear(string ns, string service)
    {
        _ = _faults.TryRemove(new(ns, service), out _);
        ApplyFaults(new(ns, service));
    }

    public void Dispose()
    {
        foreach (var forward in _forwards.Values)
        {
            forward.Dispose();
        }

        _forwards.Clear();
    }

    protected override void Map(StoreEvent change)
    {
        if (change.Object.Type == ResourceTypes.Services)
        {
            Queue.Add(new(change.Object.Namespace, change.Object.Name));
        }
        else if (change.Object.Label(EndpointSliceController.ServiceNameLabel) is { } service)
        {
            Queue.Add(new(change.Object.Namespace, service));
        }
    }

    protected override TimeSpan? Reconcile(ObjectKey key)
    {
        var wanted = new Dictionary<string, (JsonObject Port, int Number)>(StringComparer.Ordinal);
        if (Store.Get(ResourceTypes.Services, key.Namespace, key.Name) is { } service && !service.IsDeleting)
        {
            foreach (var port in service.Spec.Array("ports")?.OfType<JsonObject>() ?? [])
            {
                if (port.Int("nodePort") is { } number && port.String("protocol") is null or "TCP")
                {
                    wanted[port.String("name") ?? ""] = (port, number);
                }
            }
        }

        foreach (var (known, forward) in _forwards)
        {
            if (known.Service == key && (!wanted.TryGetValue(known.Port, out var still) || still.Number != forward.Port))
            {
                _ = _forwards.TryRemove(known, out _);
                forward.Dispose();
            }
        }

        foreach (var (name, (_, number)) in wanted)
        {
            var forward = _forwards.GetOrAdd((key, name), _ => new PortForward(number, network.NodeAddress, Clock));
            forward.Fault = _faults.GetValueOrDefault(key);
            forward.Backends = Backends(key, name);
            forward.Listen();
        }

        return wanted.Count > 0 && _forwards.Any(f => f.Key.Service == key && !f.Value.IsListening) ? TimeSpan.FromSeconds(1) : null;
    }

    private List<Backend> Backends(ObjectKey key, string portName)
    {
        var ready = new List<Backend>();
        var draining = new List<Backend>();
        foreach (var slice in Store.List(ResourceTypes.EndpointSlices, key.Namespace))
        {
            if (slice.Label(EndpointSliceController.ServiceNameLabel) != key.Name)
            {
                continue;
            }

            var port = slice.Body.Array("ports")?.OfType<JsonObject>().FirstOrDefault(p => (p.String("name") ?? "") == portName).Int("port");
            foreach (var endpoint in port is null ? [] : slice.Body.Array("endpoints")?.OfType<JsonObject>() ?? [])
            {
                if (!IPAddress.TryParse(endpoint.Array("addresses") is { Count: > 0 } addresses ? addresses[0].String() : null, out var address))
                {
                    continue;
                }

                var backend = new Backend(endpoint.String("targetRef", "name") ?? "", new IPEndPoint(address, port!.Value));
                if (endpoint.Bool("conditions", "ready") != false)
                {
                    ready.Add(backend);
                }
                else if (endpoint.Bool("conditions", "serving") == true && endpoint.Bool("conditions", "terminating") == true)
                {
                    draining.Add(backend);
                }
            }
        }

        return ready.Count > 0 ? ready : draining;
    }

    private void ApplyFaults(ObjectKey key)
    {
        foreach (var (known, forward) in _forwards)
        {
            if (known.Service == key)
            {
                forward.Fault = _faults.GetValueOrDefault(key);
            }
        }
    }
}
