using System.Text.Json.Nodes;
using Resilience.LocalCluster.Controllers;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Machinery;

/// <summary>Furnishes new namespaces (ServiceAccount <c>default</c>, the CA) and empties those that terminate.</summary>
internal sealed class NamespaceLifecycle : IController, IDisposable
{
    private static readonly string[] Initial = ["default", "kube-node-lease", "kube-public", "kube-system"];

    private const string AuthorityDescription =
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or "
        + "kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

    private readonly ObjectStore _store;
    private readonly ComponentStore _writes;
    private readonly ResourceRegistry _registry;
    private readonly ClusterPki _pki;
    private readonly DistinctQueue<string, string> _work = new();

    public NamespaceLifecycle(ObjectStore store, ResourceRegistry registry, ClusterPki pki, TimeProvider clock)
    {
        _store = store;
        _writes = new(store, clock, ComponentStore.ControllerManager);
        _registry = registry;
        _pki = pki;
        store.Committing += Observe;
    }

    public string Name => "namespaces";

    /// <summary>The namespaces every cluster has; before anything else starts.</summary>
    public void Bootstrap()
    {
        foreach (var name in Initial)
        {
            _ = _store.Create(ResourceTypes.Namespaces, null, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
            Furnish(name);
        }
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var name in _work.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_store.Get(ResourceTypes.Namespaces, null, name) is not { } ns)
            {
                continue;
            }

            try
            {
                if (ns.IsDeleting)
                {
                    Empty(ns);
                }
                else
                {
                    Furnish(name);
                }
            }
            catch (StatusException ex) when (ex.IsNotFound || ex.Code == 403)
            {
                // Deleted meanwhile; the next event says how to go on.
            }
        }
    }

    public void Dispose() => _store.Committing -= Observe;

    private void Observe(StoreEvent change)
    {
        if (change.Object.Type == ResourceTypes.Namespaces && change.Type != StoreEventType.Deleted)
        {
            _work.Add(change.Object.Name, change.Object.Name);
        }
        else if (change.Type == StoreEventType.Deleted && change.Object.Namespace is { } ns
            && _store.Get(ResourceTypes.Namespaces, null, ns) is { IsDeleting: true })
        {
            _work.Add(ns, ns);
        }
    }

    private void Furnish(string ns)
    {
        Ensure(ResourceTypes.ServiceAccounts, ns, "default", []);
        Ensure(ResourceTypes.ConfigMaps, ns, "kube-root-ca.crt", new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["kubernetes.io/description"] = AuthorityDescription } },
            ["data"] = new JsonObject { ["ca.crt"] = _pki.AuthorityPem },
        });
    }

    private void Ensure(ResourceType type, string ns, string name, JsonObject body)
    {
        if (_store.Get(type, ns, name) is not null)
        {
            return;
        }

        body.Ensure("metadata")["name"] = name;
        try
        {
            _ = _writes.Create(type, ns, body);
        }
        catch (StatusException ex) when (ex.IsAlreadyExists)
        {
            // As wanted.
        }
    }

    private void Empty(StoredObject ns)
    {
        var left = 0;
        foreach (var item in _registry.Types.Where(static t => t.Namespaced && !t.Virtual && t.StoredAs is null).SelectMany(t => _store.List(t, ns.Name)).ToList())
        {
            if (!item.IsDeleting)
            {
                try
                {
                    _ = _store.Delete(item.Type, item.Namespace, item.Name, new(Propagation: Propagation.Background));
                }
                catch (StatusException ex) when (ex.IsNotFound)
                {
                    continue;
                }
            }

            left += _store.Get(item.Type, item.Namespace, item.Name) is null ? 0 : 1;
        }

        if (left == 0)
        {
            _ = _store.Update(ResourceTypes.Namespaces, null, ns.Name, static body => body["spec"]!["finalizers"] = new JsonArray(), new(ns.Uid));
        }
    }
}
