using Resilience.ClusterAccess.Manifests;

namespace Resilience.AppHost.EmbeddedCluster;

/// <summary>What the AppHost knows of its cluster: how to talk to it, what belongs in it, and where users reach it once it serves.</summary>
internal sealed class EmbeddedClusterAnnotation(string dataDirectory, ManifestSet manifests) : IResourceAnnotation
{
    private readonly TaskCompletionSource<Uri> _firstPage = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Uri? _page;

    /// <summary>The cluster's own folder, which goes with it.</summary>
    public string DataDirectory => dataDirectory;

    public ManifestSet Manifests => manifests;

    public KubernetesApi Api { get; } = new(Path.Combine(dataDirectory, "kubeconfig"));

    /// <summary>True while the manifests are in the cluster and the cluster answers.</summary>
    public bool IsServing { get; set; }

    /// <summary>
    /// Address of the Service <c>web</c>; completes when the cluster has taken its manifests for the first time. A restarted cluster has
    /// another one if somebody took the old one meanwhile.
    /// </summary>
    public Task<Uri> Page => _page is { } page ? Task.FromResult(page) : _firstPage.Task;

    public void Serves(Uri page)
    {
        _page = page;
        _ = _firstPage.TrySetResult(page);
        IsServing = true;
    }
}
