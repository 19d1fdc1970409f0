using System.Formats.Tar;
using System.Net;
using System.Text.Json.Nodes;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;
using Resilience.Lab.Images;
using Resilience.Lab.Tests.EndToEnd;

namespace Resilience.Lab.Tests.Images;

public sealed class ImageArchiveTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Finish_GivesTheArchiveTheNamesThatLoadersRead_AndKeepsItsBlobs()
    {
        var file = Archive();
        var built = ImageArchive.Finish(file, "resilience-web", "1.2", "debian");

        Assert.Equal(("resilience-web", "1654", 1), (built.Name, built.User, built.Layers));
        Assert.Equal((built.Digest, "docker.io/library/resilience-web:1.2"), ImageArchive.Read(file));
        var entries = Entries(file);
        Assert.Equal("layer", entries["blobs/sha256/" + new string('c', 64)]);
        var docker = JsonNode.Parse(entries["manifest.json"])![0]!;
        Assert.Equal("resilience-web:1.2", (string?)docker["RepoTags"]![0]);
        Assert.All([(string)docker["Config"]!, (string)docker["Layers"]![0]!], path => Assert.Contains(path, entries.Keys));
        Assert.Equal(entries.Count, entries.Keys.Distinct().Count());

        // containerd takes nothing of which it does not know the platform.
        var platform = JsonNode.Parse(entries["index.json"])!["manifests"]![0]!["platform"]!;
        Assert.Equal(("arm64", "linux"), ((string?)platform["architecture"], (string?)platform["os"]));

        // Again changes nothing but the names.
        Assert.Equal(built.Digest, ImageArchive.Finish(file, "resilience-web", "1.3", "debian").Digest);
    }

    [Fact]
    public void Finish_OfWhatIsNoArchive_SaysSo()
    {
        var file = Path.Combine(_folder.Path, "x.tar");
        File.WriteAllText(file, new string('x', 2000));
        Assert.Contains("is no", Assert.Throws<LabException>(() => ImageArchive.Finish(file, "a", "b", "c")).Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Registry_ServesOneImageForPulling_AndNothingElse()
    {
        var store = new OciStore(Path.Combine(_folder.Path, "store"));
        Assert.Null(store.Manifest);
        var config = store.Add(new JsonObject { ["os"] = "linux" });
        var manifest = store.Add(new JsonObject { ["config"] = new JsonObject { ["digest"] = config.Digest } });
        store.Tag(manifest.Digest);
        await using var registry = await LoopbackRegistry.StartAsync(store, Token);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{registry.Host}/") };

        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("v2/", Token)).StatusCode);
        using var byTag = await http.GetAsync("v2/resilience-base/manifests/latest", Token);
        Assert.Equal((OciStore.ManifestType, manifest.Digest), (byTag.Content.Headers.ContentType?.MediaType, byTag.Headers.GetValues("Docker-Content-Digest").Single()));
        Assert.Equal(await byTag.Content.ReadAsStringAsync(Token), await http.GetStringAsync($"v2/resilience-base/manifests/{manifest.Digest}", Token));
        Assert.Contains("linux", await http.GetStringAsync($"v2/resilience-base/blobs/{config.Digest}", Token), StringComparison.Ordinal);
        using var head = new HttpRequestMessage(HttpMethod.Head, $"v2/resilience-base/blobs/{config.Digest}");
        using var size = await http.SendAsync(head, Token);
        Assert.Equal(config.Size, size.Content.Headers.ContentLength);
    }

    [Theory]
    [InlineData("GET", "v2/a/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000", 404)]
    [InlineData("GET", "v2/a/blobs/sha256:..%2f..%2f..%2fetc%2fpasswd", 404)]
    [InlineData("GET", "v2/a/blobs/latest", 404)]
    [InlineData("GET", "v2/a/tags/list", 404)]
    [InlineData("GET", "", 404)]
    [InlineData("POST", "v2/a/blobs/uploads/", 405)]
    [InlineData("DELETE", "v2/a/manifests/latest", 405)]
    public async Task Registry_RefusesEverythingElse(string method, string path, int status)
    {
        var store = new OciStore(Path.Combine(_folder.Path, "store"));
        store.Tag(store.Add(new JsonObject()).Digest);
        await using var registry = await LoopbackRegistry.StartAsync(store, Token);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{registry.Host}/") };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var answer = await http.SendAsync(request, Token);
        Assert.Equal(status, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("error CONTAINER1013: Failed to push to the output registry", true)]
    [InlineData("error MSB4018: The \"CreateNewImage\" task failed unexpectedly.; error MSB4018: System.Net.Http.HttpRequestException: Name or service not known (host:443)", true)]
    [InlineData("error CS1002: ; expected", false)]
    [InlineData("error NU1101: Unable to find package", false)]
    public void IsAboutTheBase_TellsAPullThatFailedFromAProgramThatDoesNotBuild(string errors, bool about) => Assert.Equal(about, ImageBuilder.IsAboutTheBase(errors));

    /// <summary>Without the import a program would be built for the wrong base and not start.</summary>
    [Fact]
    public void EveryImageProject_TakesTheSettingsOfImages() => Assert.All(
        BuiltPrograms.ImageNames(),
        name => Assert.Contains("eng/ContainerImage.props", File.ReadAllText(Directory.GetFiles(BuiltPrograms.ImageProject(name), "*.csproj").Single()), StringComparison.Ordinal));

    private string Archive()
    {
        var file = Path.Combine(_folder.Path, "image.tar");
        var (manifest, config, layer) = (new string('a', 64), new string('b', 64), new string('c', 64));
        using var writer = new TarWriter(File.Create(file));
        Write(writer, "oci-layout", """{"imageLayoutVersion":"1.0.0"}""");
        Write(writer, $"blobs/sha256/{manifest}", $$"""{"config":{"digest":"sha256:{{config}}"},"layers":[{"digest":"sha256:{{layer}}"}]}""");
        Write(writer, $"blobs/sha256/{config}", """{"architecture":"arm64","os":"linux","config":{"User":"1654"}}""");
        Write(writer, $"blobs/sha256/{layer}", "layer");
        Write(writer, "index.json", $$$"""{"schemaVersion":2,"manifests":[{"digest":"sha256:{{{manifest}}}","platform":{}}]}""");
        return file;
    }

    private static void Write(TarWriter writer, string name, string text) =>
        writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)) });

    private static Dictionary<string, string> Entries(string file)
    {
        var entries = new Dictionary<string, string>();
        using var reader = new TarReader(File.OpenRead(file));
        while (reader.GetNextEntry() is { } entry)
        {
            using var text = new StreamReader(entry.DataStream ?? Stream.Null);
            entries.Add(entry.Name, text.ReadToEnd());
        }

        return entries;
    }
}
