using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Images;

/// <summary>
/// A base image from Debian's packages, made without a container engine: only what a .NET process loads (C and C++ runtime, zlib,
/// OpenSSL), certificates, time zones and the user 1654. There is no shell and no package manager in it, and no .NET: programs on it
/// bring their runtime.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class DebianBase(string folder)
{
    public const string Repository = "resilience-base";

    /// <summary>The user of Microsoft's images, which the manifests name too.</summary>
    private const int User = 1654;

    private static readonly string[] Packages = ["libc6", "libgcc-s1", "libstdc++6", "zlib1g", OpenSsl, "ca-certificates", "tzdata", "netbase"];

    private const string OpenSsl = "libssl3";

    /// <summary>Its name where the system was rebuilt for 64 bits of time: Debian 13, Ubuntu 24.04. There the old one is no package to download.</summary>
    private const string OpenSslRebuilt = "libssl3t64";

    /// <summary>Documentation, translations, character sets and tools: nothing that a .NET process with invariant globalisation opens.</summary>
    private static readonly string[] LeftOut =
        ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/bug", "usr/share/ca-certificates", "usr/share/zoneinfo/right", "usr/share/gdb", "usr/share/gcc", "usr/sbin", "usr/bin", "sbin", "bin", "gconv", "engines-3"];

    private static readonly DateTimeOffset Epoch = DateTimeOffset.UnixEpoch;

    public OciStore Store { get; } = new(Path.Combine(folder, "store"));

    /// <summary>Makes the base unless it is there.</summary>
    public async Task EnsureAsync(Action<string> say, CancellationToken stop)
    {
        if (Store.Manifest is not null)
        {
            return;
        }

        var root = await UnpackAsync(say, stop).ConfigureAwait(false);
        Furnish(root);
        var (diff, layer, size) = WriteLayer(root);
        var config = Store.Add(Config(diff));
        var manifest = Store.Add(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = OciStore.ManifestType,
            ["config"] = Descriptor(OciStore.ConfigType, config.Digest, config.Size),
            ["layers"] = new JsonArray(Descriptor(OciStore.LayerType, layer, size)),
        });
        Store.Tag(manifest.Digest);
        Directory.Delete(root, recursive: true);
        say($"base image: {size / 1048576.0:0.0} MiB compressed, from {Packages.Length} Debian packages");
    }

    private async Task<string> UnpackAsync(Action<string> say, CancellationToken stop)
    {
        var packages = Path.Combine(folder, "packages");
        var root = Path.Combine(folder, "root");
        foreach (var fresh in (string[])[packages, root])
        {
            if (Directory.Exists(fresh))
            {
                Directory.Delete(fresh, recursive: true);
            }

            _ = Directory.CreateDirectory(fresh);
        }

        var isRebuilt = await Tool.RunToEndAsync("apt-cache", ["show", OpenSslRebuilt], packages, null, stop).ConfigureAwait(false) is { ExitCode: 0, Output.Length: > 0 };
        string[] wanted = [.. Packages.Select(package => package == OpenSsl && isRebuilt ? OpenSslRebuilt : package)];
        say($"making a base image from Debian's {string.Join(", ", wanted)} ...");
        var download = await Tool.RunToEndAsync("apt-get", ["download", .. wanted], packages, null, stop).ConfigureAwait(false);
        if (download.ExitCode != 0)
        {
            throw new LabException($"apt-get could not download the base image's packages: {download.Last.Trim().TrimEnd('.')}", "Try \"apt-get update\" first, or name an image with --base.");
        }

        foreach (var package in Directory.EnumerateFiles(packages, "*.deb").Order(StringComparer.Ordinal))
        {
            _ = await Tool.RequireAsync("dpkg-deb", ["-x", package, root], packages, stop).ConfigureAwait(false);
        }

        Directory.Delete(packages, recursive: true);
        return root;
    }

    /// <summary>What maintainer scripts would have made: the bundle of certificates, the user, the folders a process may expect.</summary>
    private static void Furnish(string root)
    {
        var bundle = new StringBuilder();
        var certificates = Path.Combine(root, "usr", "share", "ca-certificates", "mozilla");
        foreach (var certificate in Directory.EnumerateFiles(certificates, "*.crt").Order(StringComparer.Ordinal))
        {
            _ = bundle.Append(File.ReadAllText(certificate).TrimEnd()).Append('\n');
        }

        var etc = Path.Combine(root, "etc");
        _ = Directory.CreateDirectory(Path.Combine(etc, "ssl", "certs"));
        File.WriteAllText(Path.Combine(etc, "ssl", "certs", "ca-certificates.crt"), bundle.ToString());
        File.WriteAllText(Path.Combine(etc, "passwd"), $"root:x:0:0:root:/root:/usr/sbin/nologin\napp:x:{User}:{User}::/home/app:/usr/sbin/nologin\n");
        File.WriteAllText(Path.Combine(etc, "group"), $"root:x:0:\napp:x:{User}:\n");
        File.WriteAllText(Path.Combine(etc, "nsswitch.conf"), "hosts: files dns\n");
        File.WriteAllText(Path.Combine(etc, "os-release"), "ID=debian\nNAME=\"Debian (files for .NET only)\"\n");
        foreach (var each in (string[])["tmp", "home/app", "app"])
        {
            _ = Directory.CreateDirectory(Path.Combine(root, each));
        }
    }

    /// <summary>The layer as tar and gzip, in one order and with one time, so that the same packages give the same digest.</summary>
    private (string DiffId, string Digest, long Size) WriteLayer(string root)
    {
        var file = Path.Combine(folder, "layer.new");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var output = File.Create(file))
        using (var zip = new GZipStream(output, CompressionLevel.SmallestSize))
        using (var hashed = new HashingStream(zip, hash))
        using (var tar = new TarWriter(hashed, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Order(StringComparer.Ordinal))
            {
                Add(tar, path, Path.GetRelativePath(root, path));
            }
        }

        var diff = $"sha256:{Convert.ToHexStringLower(hash.GetHashAndReset())}";
        var (digest, size) = Store.AddFile(file);
        return (diff, digest, size);
    }

    private static void Add(TarWriter tar, string path, string name)
    {
        if (LeftOut.Any(part => name == part || name.StartsWith(part + "/", StringComparison.Ordinal) || name.EndsWith("/" + part, StringComparison.Ordinal) || name.Contains($"/{part}/", StringComparison.Ordinal)))
        {
            return;
        }

        var info = new FileInfo(path);
        var owner = name.StartsWith("home/app", StringComparison.Ordinal) ? User : 0;
        PaxTarEntry entry;
        if (info.LinkTarget is { } target)
        {
            entry = new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = target };
        }
        else if (Directory.Exists(path))
        {
            entry = new PaxTarEntry(TarEntryType.Directory, name + "/") { Mode = name == "tmp" ? (UnixFileMode)0b001_111_111_111 : File.GetUnixFileMode(path) };
        }
        else
        {
            entry = new PaxTarEntry(TarEntryType.RegularFile, name) { Mode = File.GetUnixFileMode(path), DataStream = File.OpenRead(path) };
        }

        using var content = entry.DataStream;
        (entry.Uid, entry.Gid, entry.ModificationTime) = (owner, owner, Epoch);
        tar.WriteEntry(entry);
    }

    private static JsonObject Config(string diff) => new()
    {
        ["architecture"] = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "amd64",
        ["os"] = "linux",
        ["created"] = "1970-01-01T00:00:00Z",
        ["config"] = new JsonObject
        {
            ["User"] = $"{User}",
            ["Env"] = new JsonArray("PATH=/usr/local/bin:/usr/bin:/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "APP_UID=1654", "DOTNET_RUNNING_IN_CONTAINER=true"),
            ["WorkingDir"] = "/app",
        },
        ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray(diff) },
        ["history"] = new JsonArray(new JsonObject { ["created"] = "1970-01-01T00:00:00Z", ["created_by"] = "lab images build" }),
    };

    private static JsonObject Descriptor(string type, string digest, long size) => new() { ["mediaType"] = type, ["digest"] = digest, ["size"] = size };

    /// <summary>Hashes what passes through.</summary>
    private sealed class HashingStream(Stream below, IncrementalHash hash) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => below.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            hash.AppendData(buffer);
            below.Write(buffer);
        }
    }
}
