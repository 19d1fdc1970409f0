using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Resilience.Lab.Images;

/// <summary>Blobs of one image in a folder, each in a file named after its sha256: an OCI image layout without the outer index.</summary>
internal sealed class OciStore
{
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    public const string ConfigType = "application/vnd.oci.image.config.v1+json";
    public const string LayerType = "application/vnd.oci.image.layer.v1.tar+gzip";
    private readonly string _folder;

    public OciStore(string folder)
    {
        _folder = folder;
        _ = Directory.CreateDirectory(folder);
    }

    private string TagFile => Path.Combine(_folder, "latest");

    /// <summary>Digest of the image's manifest; null while there is none.</summary>
    public string? Manifest => File.Exists(TagFile) && File.ReadAllText(TagFile) is { Length: > 0 } digest && Find(digest) is not null ? digest : null;

    /// <summary>A digest stays what it is; any tag stands for the one image.</summary>
    public string? Resolve(string reference) => reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference : Manifest;

    /// <returns>The blob's file; null when it is not here or the text is no digest.</returns>
    public string? Find(string digest)
    {
        const int HexLength = 64;
        var hex = digest.StartsWith("sha256:", StringComparison.Ordinal) ? digest["sha256:".Length..] : string.Empty;
        var file = Path.Combine(_folder, hex);
        return hex.Length == HexLength && hex.All(char.IsAsciiHexDigitLower) && File.Exists(file) ? file : null;
    }

    public (string Digest, long Size) Add(JsonNode document)
    {
        var file = Path.Combine(_folder, "new");
        File.WriteAllBytes(file, JsonSerializer.SerializeToUtf8Bytes(document, OciJson.Default.JsonNode));
        return AddFile(file);
    }

    /// <summary>Takes a finished file over; it is renamed.</summary>
    public (string Digest, long Size) AddFile(string file)
    {
        string hex;
        using (var content = File.OpenRead(file))
        {
            hex = Convert.ToHexStringLower(SHA256.HashData(content));
        }

        var size = new FileInfo(file).Length;
        File.Move(file, Path.Combine(_folder, hex), overwrite: true);
        return ($"sha256:{hex}", size);
    }

    public void Tag(string manifest) => File.WriteAllText(TagFile, manifest);

    public JsonObject ReadJson(string digest) => JsonNode.Parse(File.ReadAllText(Find(digest)!))!.AsObject();
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonNode))]
internal sealed partial class OciJson : System.Text.Json.Serialization.JsonSerializerContext;
