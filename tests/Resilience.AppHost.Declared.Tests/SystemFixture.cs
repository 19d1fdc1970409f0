extern alias apphost;

using apphost::Resilience.AppHost.EmbeddedCluster;
using Resilience.LocalCluster;

namespace Resilience.AppHost.Declared.Tests;

/// <summary>The system as the AppHost runs it, without Aspire and the controllers: the embedded cluster, web pods, the mirror.</summary>
public sealed class SystemFixture : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("resilience-apphost-");
    private EmbeddedCluster? _cluster;
    private EmbeddedClusterAnnotation? _known;
    private Dashboard? _dashboard;

    internal EmbeddedCluster Cluster => _cluster!;

    internal EmbeddedClusterAnnotation Known => _known!;

    internal Dashboard Dashboard => _dashboard!;

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        _known = new(_folder.FullName, Manifests.Intelligent);
        _cluster = await EmbeddedCluster.StartAsync(
            new() { DataDirectory = _folder.FullName, ImagesPath = EmbeddedClusterExtensions.WriteImages(_folder.FullName) }, TestContext.Current.CancellationToken);
        _dashboard = new(_known);
        await _dashboard.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_dashboard is not null)
        {
            await _dashboard.DisposeAsync();
        }

        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }
}
