using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Resilience.ClusterAccess;
using Resilience.ClusterAccess.Api;
using Resilience.ClusterAccess.Manifests;
using Resilience.LocalCluster;
using Resilience.LocalCluster.Api.Security;

namespace Resilience.Manifests.Tests.Cluster;

/// <summary>An embedded cluster in this process, with a client for the admin.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    public const string Namespace = "distributed-resilience";

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);

    private readonly string _directory;

    private TestCluster(string directory, EmbeddedCluster cluster, ClusterConnection connection)
    {
        _directory = directory;
        Embedded = cluster;
        Connection = connection;
    }

    public EmbeddedCluster Embedded { get; }

    public ClusterConnection Connection { get; }

    public ClusterApi Api => Connection.Api;

    public string AdminToken => Embedded.Services.GetRequiredService<TokenAuthority>().AdminToken;

    /// <summary>What ServiceAccounts have asked for.</summary>
    public IReadOnlyCollection<AccessRecord> Accesses => Embedded.Services.GetRequiredService<AccessLog>().Seen;

    /// <param name="processes">Pods are processes of what was built beside these tests; otherwise nothing runs behind them.</param>
    public static async Task<TestCluster> StartAsync(bool processes = false)
    {
        var directory = Directory.CreateTempSubdirectory("resilience-manifests-").FullName;
        string? images = null;
        if (processes)
        {
            images = Path.Combine(directory, "images.json");
            await File.WriteAllTextAsync(images, new JsonObject
            {
                ["resilience-web"] = Program("Resilience.Web"),
                ["resilience-failover-watcher"] = Program("Resilience.FailoverWatcher"),
            }.ToJsonString());
        }

        var cluster = await EmbeddedCluster.StartAsync(new()
        {
            DataDirectory = directory,
            ImagesPath = images,
            PodRuntime = processes ? PodRuntime.Process : PodRuntime.Null,
            HpaSyncPeriod = TimeSpan.FromSeconds(1),
        });
        var connection = ClusterConnection.Create(
            new() { KubeconfigPath = cluster.KubeconfigPath, UserAgent = "tests", RequestTimeout = RequestTimeout }, TimeProvider.System);
        return new(directory, cluster, connection);
    }

    /// <summary>The folder's manifests that this cluster knows the kinds of: other projects' custom resources are left out.</summary>
    public static ManifestSet Known(string folder) => ManifestSet.Load(Path.Combine(ShippedManifests.Root, folder))
        .Select(m => m.ApiVersion.Contains("monitoring.coreos.com", StringComparison.Ordinal) ? null : m);

    public Task<IReadOnlyList<AppliedObject>> ApplyAsync(ManifestSet set, Action<ApplyProgress>? progress = null, string manager = "tests") =>
        new ManifestApplier(Api, TimeProvider.System, manager).ApplyAsync(set, Namespace, progress, TestContext.Current.CancellationToken);

    public async Task<JsonObject> GetAsync(string path) =>
        JsonNode.Parse(await Api.SendRawAsync(HttpMethod.Get, path, null, TestContext.Current.CancellationToken))!.AsObject();

    public async ValueTask DisposeAsync()
    {
        Connection.Dispose();
        await Embedded.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private static JsonObject Program(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var program = Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, project);
        Assert.True(File.Exists(program), $"{program} is not built");
        return new() { ["command"] = new JsonArray(program) };
    }
}
