using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Resilience.ClusterAccess.Api;

namespace Resilience.ClusterAccess.Informers;

/// <summary>The caches of one controller, run and waited for together.</summary>
public abstract class InformerSet(ClusterApi api, ResourceScope scope, TimeProvider clock, ILoggerFactory loggers)
{
    private readonly List<IInformer> _all = [];

    public bool HaveSynced => _all.TrueForAll(informer => informer.HasSynced);

    /// <summary>Kinds that are not listed yet, for the readiness answer.</summary>
    public IEnumerable<string> Missing => _all.Where(informer => !informer.HasSynced).Select(informer => informer.Name);

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(_all.Select(informer => informer.RunAsync(ct)));

    public Task WaitForSyncAsync(CancellationToken ct) => Task.WhenAll(_all.Select(informer => informer.WaitForSyncAsync(ct)));

    /// <summary>A cache of one kind; before <see cref="RunAsync"/>.</summary>
    protected Informer<T> Create<T>(ResourceType<T> type)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var informer = new Informer<T>(api, type, scope, new(), clock, loggers.CreateLogger<Informer<T>>());
        _all.Add(informer);
        return informer;
    }
}
