extern alias apphost;

using System.Net;
using System.Text.Json.Nodes;
using apphost::Resilience.AppHost.EmbeddedCluster;
using Resilience.LocalCluster;

namespace Resilience.AppHost.Declared.Tests;

public sealed class KubernetesApiTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("resilience-api-");
    private EmbeddedCluster? _cluster;
    private KubernetesApi? _api;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private KubernetesApi Api => _api!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await EmbeddedCluster.StartAsync(new() { DataDirectory = _folder.FullName, PodRuntime = PodRuntime.Null }, Token);
        _api = new(_cluster.KubeconfigPath);
    }

    public async ValueTask DisposeAsync()
    {
        _api?.Dispose();
        await _cluster!.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Get_WithoutAKubeconfig_NamesTheFile()
    {
        var path = Path.Combine(_folder.FullName, "not-yet");
        using var api = new KubernetesApi(path);

        var away = await Assert.ThrowsAsync<HttpRequestException>(() => api.GetAsync("version", Token));

        Assert.StartsWith($"{path} cannot be read", away.Message, StringComparison.Ordinal);
        File.Copy(_cluster!.KubeconfigPath, path);
        Assert.NotEmpty(await api.GetAsync("version", Token));
    }

    [Fact]
    public async Task Refusal_IsTheServersOwnWords()
    {
        var refused = await Assert.ThrowsAsync<KubernetesApiException>(() => Api.GetAsync("api/v1/namespaces/default/services/nobody", Token));

        Assert.Equal(HttpStatusCode.NotFound, refused.Status);
        Assert.Equal("services \"nobody\" not found", refused.Message);
    }

    [Fact]
    public async Task Verbs_DoWhatTheySay()
    {
        const string all = "api/v1/namespaces/default/configmaps";
        var made = await Api.CreateAsync(all, Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"a":"1","b":"1"}}"""), Token);
        Assert.Equal("one", (string?)made["metadata"]!["name"]);

        var merged = await Api.PatchAsync($"{all}/one", Parse("""{"data":{"a":"2","b":null}}"""), Token);
        Assert.Equal("""{"a":"2"}""", merged["data"]!.ToJsonString());
        var applied = await Api.ApplyAsync($"{all}/one", Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"a":"3"}}"""), Token);
        Assert.Equal("3", (string?)applied["data"]!["a"]);
        applied["data"]!["a"] = "4";
        Assert.Equal("4", (string?)(await Api.PutAsync($"{all}/one", applied, Token))["data"]!["a"]);
        await Api.DeleteAsync($"{all}/one", Token);
        Assert.Empty((JsonArray)(await Api.GetAsync($"{all}?fieldSelector=metadata.name%3Done", Token))["items"]!);
    }

    [Fact]
    public async Task FollowLog_OfAPodThatIsGone_Ends()
    {
        await foreach (var line in Api.FollowLogAsync("api/v1/namespaces/default/pods/nobody", Token))
        {
            Assert.Fail($"a pod that is not there wrote \"{line}\"");
        }
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
