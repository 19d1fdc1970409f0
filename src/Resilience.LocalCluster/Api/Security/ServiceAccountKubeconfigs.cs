using System.Collections.Concurrent;
using Resilience.LocalCluster.Machinery;
using Resilience.LocalCluster.Storage;

namespace Resilience.LocalCluster.Api.Security;

/// <summary>Writes one kubeconfig per ServiceAccount incarnation under <c>service-accounts/</c> in the data directory.</summary>
internal sealed class ServiceAccountKubeconfigs(
    EmbeddedClusterOptions options, ClusterPki pki, ClusterEndpoint endpoint, ObjectStore store, TokenAuthority tokens) : IServiceAccountKubeconfigs
{
    private readonly ConcurrentDictionary<string, Lazy<string>> _paths = new(StringComparer.Ordinal);

    public string PathFor(string ns, string serviceAccount)
    {
        var account = store.Get(ResourceTypes.ServiceAccounts, ns, serviceAccount)
            ?? throw StatusException.NotFound(ResourceTypes.ServiceAccounts, serviceAccount);
        return _paths.GetOrAdd(account.Uid, _ => new(() => Write(account))).Value;
    }

    private string Write(StoredObject account)
    {
        var directory = Path.Combine(options.DataDirectory, "service-accounts");
        _ = Directory.CreateDirectory(directory);
        var path = Path.GetFullPath(Path.Combine(directory, $"{account.Namespace}_{account.Name}_{account.Uid}.kubeconfig"));
        var token = tokens.Issue(account, TokenAuthority.PodTokenLifetime);
        PrivateFile.Write(path, Kubeconfig.Render(endpoint.Address, pki.AuthorityPem, account.Name, token, account.Namespace));
        return path;
    }
}

/// <summary>Where the API server listens; known once it does.</summary>
internal sealed class ClusterEndpoint
{
    private Uri? _address;

    public Uri Address
    {
        get => _address ?? throw new InvalidOperationException("The API server does not listen yet.");
        set => _address = value;
    }
}
