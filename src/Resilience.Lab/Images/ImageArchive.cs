using System.Formats.Tar;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Images;

/// <summary>An OCI image layout in a tar file.</summary>
/// <remarks>https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md</remarks>
internal static class ImageArchive
{
    private const long SmallBlobBytes = 4 * 1024 * 1024;

    /// <summary>Gives the archive the names by which containerd and Docker take it over, and says what is in it.</summary>
    /// <remarks>
    /// index.json of an archive names its image by annotations; containerd reads io.containerd.image.name, skopeo and podman
    /// org.opencontainers.image.ref.name. manifest.json is what "docker load" reads and may stand beside them.
    /// </remarks>
    public static BuiltImage Finish(string file, string name, string tag, string source)
    {
        var (index, blobs) = ReadDocuments(file);
        if (index["manifests"] is not JsonArray { Count: 1 } manifests || manifests[0] is not JsonObject descriptor || (string?)descriptor["digest"] is not { } digest)
        {
            throw new LabException($"{file} holds no image, or several", "Build it again with \"./lab images build\".");
        }

        descriptor["annotations"] = new JsonObject
        {
            ["io.containerd.image.name"] = $"docker.io/library/{name}:{tag}",
            ["org.opencontainers.image.ref.name"] = tag,
        };
        var manifest = blobs[digest];
        var config = (string)manifest["config"]!["digest"]!;

        // The SDK leaves this empty, and containerd takes only what is for its own platform.
        descriptor["platform"] = new JsonObject { ["architecture"] = blobs[config]["architecture"]?.DeepClone(), ["os"] = blobs[config]["os"]?.DeepClone() };
        var layers = manifest["layers"]!.AsArray();
        var docker = new JsonArray(new JsonObject
        {
            ["Config"] = PathOf(config),
            ["RepoTags"] = new JsonArray($"{name}:{tag}"),
            ["Layers"] = new JsonArray([.. layers.Select(layer => (JsonNode)PathOf((string)layer!["digest"]!))]),
        });
        Rewrite(file, index, docker);
        return new BuiltImage(name, file, source, new FileInfo(file).Length, digest, (string?)blobs[config]["config"]?["User"] ?? "root", layers.Count);
    }

    /// <summary>The image's digest and the names it is known by.</summary>
    public static (string Digest, string Name) Read(string file)
    {
        var (index, _) = ReadDocuments(file);
        var descriptor = index["manifests"]?[0];
        return ((string?)descriptor?["digest"] ?? string.Empty, (string?)descriptor?["annotations"]?["io.containerd.image.name"] ?? string.Empty);
    }

    private static string PathOf(string digest) => "blobs/" + digest.Replace(':', '/');

    private static (JsonObject Index, Dictionary<string, JsonObject> Blobs) ReadDocuments(string file)
    {
        JsonObject? index = null;
        var blobs = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        try
        {
            using var content = File.OpenRead(file);
            using var tar = new TarReader(content);
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.DataStream is { Length: < SmallBlobBytes } data && (entry.Name == "index.json" || entry.Name.StartsWith("blobs/sha256/", StringComparison.Ordinal)) && Parse(data) is { } document)
                {
                    index = entry.Name == "index.json" ? document : index;
                    blobs["sha256:" + entry.Name.Split('/')[^1]] = document;
                }
            }
        }
        catch (Exception unreadable) when (unreadable is InvalidDataException or FormatException or EndOfStreamException)
        {
            throw new LabException($"{file} is no tar archive", "Build it again with \"./lab images build\".");
        }

        return (index ?? throw new LabException($"{file} is no OCI archive: it has no index.json", "Build it again with \"./lab images build\"."), blobs);
    }

    /// <returns>Null for a blob that is no JSON object: a small layer.</returns>
    private static JsonObject? Parse(Stream data)
    {
        try
        {
            return data.ReadByte() == '{' && data.Seek(0, SeekOrigin.Begin) == 0 ? JsonNode.Parse(data) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Rewrite(string file, JsonObject index, JsonArray docker)
    {
        var fresh = file + ".new";
        using (var content = File.OpenRead(file))
        using (var tar = new TarReader(content))
        using (var output = File.Create(fresh))
        using (var writer = new TarWriter(output, TarEntryFormat.Pax))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.Name is not ("index.json" or "manifest.json" or "oci-layout"))
                {
                    writer.WriteEntry(entry);
                }
            }

            Write(writer, "oci-layout", """{"imageLayoutVersion":"1.0.0"}""");
            Write(writer, "index.json", index.ToJsonString());
            Write(writer, "manifest.json", docker.ToJsonString());
        }

        File.Move(fresh, file, overwrite: true);
    }

    private static void Write(TarWriter writer, string name, string text)
    {
        using var content = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = content, ModificationTime = DateTimeOffset.UnixEpoch });
    }
}
