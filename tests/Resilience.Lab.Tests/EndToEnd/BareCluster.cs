namespace Resilience.Lab.Tests.EndToEnd;

/// <summary>Somebody else's cluster: an embedded one in a folder of its own, of which the lab under test has only the kubeconfig.</summary>
internal sealed class BareCluster : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LabProcess _process;

    private BareCluster() => _process = LabProcess.Start(_folder.Path, "up", "--bare");

    public string Kubeconfig => Path.Combine(_folder.Path, ".lab", "kubeconfig");

    public static async Task<BareCluster> StartAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the embedded cluster needs 127.x addresses");
        var cluster = new BareCluster();
        await cluster._process.WaitForAsync("stop       Ctrl-C");
        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
