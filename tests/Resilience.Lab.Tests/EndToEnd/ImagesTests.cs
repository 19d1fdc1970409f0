using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Tests.EndToEnd;

/// <summary>The images are built as users build them, and the whole system runs from nothing but what is in them.</summary>
[Trait("tier", "images")]
public sealed class ImagesTests : IDisposable
{
    /// <summary>The first build downloads a runtime and its compiler.</summary>
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan RunLimit = TimeSpan.FromMinutes(3);

    /// <summary>MiB. Untrimmed they have 55, 63, 64 and 41.</summary>
    private static readonly Dictionary<string, double> Limits = new()
    {
        ["resilience-web"] = 40,
        ["resilience-failover-watcher"] = 44,
        ["resilience-scaling-agent"] = 47,
        ["resilience-load-generator"] = 25,
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Explicit = true)]
    public async Task Build_EveryImage_AndFailOverWithTheirPrograms()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Tool.Exists("apt-get") && Tool.Exists("dpkg-deb"), "the base image is made from Debian's packages, by apt-get and dpkg-deb");
        using var built = JsonDocument.Parse(await LabProcess.PassAsync(_folder.Path, BuildLimit, "images", "build", "--base", "debian", "--out", _folder.Path, "--json"));
        var commands = new JsonObject();
        foreach (var image in built.RootElement.EnumerateArray())
        {
            var name = image.GetProperty("name").GetString()!;
            Assert.Equal("1654", image.GetProperty("user").GetString());
            Assert.InRange(image.GetProperty("archiveBytes").GetInt64() / 1048576.0, 5, Limits[name]);
            commands[name] = new JsonObject { ["command"] = new JsonArray(Unpack(image.GetProperty("archive").GetString()!, Path.Combine(_folder.Path, name))) };
        }

        Assert.Equal(Limits.Keys.Order(), commands.Select(command => command.Key).Order());
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "images.json"), commands.ToJsonString(), TestContext.Current.CancellationToken);
        await FailOverAsync();
    }

    /// <summary>Watchers, agent, both slots and the load generator are the images' programs; the cluster and the lab are not in images.</summary>
    private async Task FailOverAsync()
    {
        var data = Path.Combine(_folder.Path, "cluster");
        await using var cluster = LabProcess.StartProgram(
            _folder.Path, [.. BuiltPrograms.Command("Resilience.LocalCluster"), "--data-dir", data, "--images", Path.Combine(_folder.Path, "images.json"), "--lifeline"]);
        await cluster.WaitForAsync("Serving ");
        string[] there = ["--kubeconfig", Path.Combine(data, "kubeconfig"), "--json"];

        _ = await LabProcess.PassAsync(_folder.Path, RunLimit, ["deploy", "--overlay", "intelligent", .. there]);
        using var report = JsonDocument.Parse(await LabProcess.PassAsync(_folder.Path, RunLimit, ["run", "outage", "--load-from", "job", "--duration", "12s", "--rps", "50", .. there]));

        Assert.Equal(600, report.RootElement.GetProperty("load").GetProperty("requests").GetInt64());
        var move = Assert.Single(report.RootElement.GetProperty("failovers").EnumerateArray());
        Assert.Equal(("rescue", "blue", "green"), (move.GetProperty("kind").GetString(), move.GetProperty("from").GetString(), move.GetProperty("to").GetString()));
        var programs = cluster.Descendants().Select(pod => new FileInfo($"/proc/{pod.Pid}/exe").LinkTarget).OfType<string>().ToList();
        Assert.All(["Web", "FailoverWatcher", "ScalingAgent"], program => Assert.Contains(programs, path => path.EndsWith($"/app/Resilience.{program}", StringComparison.Ordinal)));
        Assert.All(programs, path => Assert.StartsWith(_folder.Path, path, StringComparison.Ordinal));
    }

    /// <summary>The layer with the program, which is the last: those below are the base's, whose libraries this machine has itself.</summary>
    /// <returns>The program that the image's configuration names.</returns>
    private static string Unpack(string archive, string folder)
    {
        var layout = Path.Combine(folder, "layout");
        var root = Path.Combine(folder, "root");
        _ = Directory.CreateDirectory(layout);
        _ = Directory.CreateDirectory(root);
        TarFile.ExtractToDirectory(archive, layout, overwriteFiles: false);
        var manifest = Blob(Json("index.json")["manifests"]![0]!);
        using var zipped = new GZipStream(File.OpenRead(BlobPath(manifest["layers"]!.AsArray()[^1]!)), CompressionMode.Decompress);
        TarFile.ExtractToDirectory(zipped, root, overwriteFiles: false);
        return root + (string)Blob(manifest["config"]!)["config"]!["Entrypoint"]![0]!;

        JsonNode Json(string path) => JsonNode.Parse(File.ReadAllText(Path.Combine(layout, path)))!;
        string BlobPath(JsonNode descriptor) => Path.Combine(layout, "blobs", ((string)descriptor["digest"]!).Replace(':', '/'));
        JsonNode Blob(JsonNode descriptor) => Json(BlobPath(descriptor));
    }
}
