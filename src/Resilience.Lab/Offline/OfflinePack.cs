using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Resilience.Lab.Cli;
using Resilience.Lab.Dashboard;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Offline;

/// <summary>What went into the archive; also the JSON of <c>offline pack</c>.</summary>
/// <param name="Dashboard">The Aspire CLI that serves it; null when the archive goes without.</param>
/// <param name="Missing">Wanted by the build but not on this machine, each with its name.</param>
internal sealed record PackReport(
    int SchemaVersion, string Archive, long Bytes, int SourceFiles, IReadOnlyList<string> Programs, int Packages, IReadOnlyList<string> Images, string? Dashboard, IReadOnlyList<string> Missing)
{
    /// <summary>Why the archive goes without the dashboard; null when it does not.</summary>
    public string? DashboardMissing { get; init; }
}

/// <summary>
/// One archive with which the lab runs, and can be built again, on a machine that has the .NET SDK and no network: the sources, the
/// built programs, the NuGet packages of every lock file, and the images and the dashboard where they are here.
/// </summary>
internal sealed class OfflinePack(string repository, TimeProvider time, Action<string> say)
{
    /// <summary>The folder that unpacking makes.</summary>
    public const string Root = "resilience";

    private static readonly string[] Programs = ["Resilience.Lab", "Resilience.LocalCluster", "Resilience.Web", "Resilience.FailoverWatcher", "Resilience.ScalingAgent", "Resilience.LoadGenerator"];

    /// <summary>Not part of the sources although they may lie among them.</summary>
    private static readonly string[] Excluded = ["artifacts", ".git", ".lab", "lab-reports", "TestResults", "node_modules", ".vs", ".idea", ".vscode"];

    /// <param name="withDashboard">Puts the dashboard in, installing it by npm when it is not here; without npm or network the archive goes without.</param>
    public async Task<PackReport> WriteAsync(string archive, bool withDashboard, CancellationToken stop)
    {
        var packages = OfflinePackages.Find(repository);
        var sources = await SourcesAsync(stop).ConfigureAwait(false);
        var programs = Programs.Where(BuiltPrograms.IsBuilt).ToArray();
        var images = Files(Path.Combine(repository, "artifacts", "images"), "*.tar");
        var dashboard = withDashboard ? await DashboardAsync(stop).ConfigureAwait(false) : new PackedDashboard([], "left out (--no-dashboard)");
        var temporary = archive + ".new";
        _ = Directory.CreateDirectory(Path.GetDirectoryName(archive)!);
        try
        {
            using (var output = File.Create(temporary))
            using (var zip = new GZipStream(output, CompressionLevel.Fastest))
            using (var tar = new TarWriter(zip, TarEntryFormat.Pax))
            {
                say($"{sources.Count} files of the repository");
                Add(tar, sources.Select(file => (Path.Combine(repository, file), file)), stop);
                say($"programs: {string.Join(", ", programs)}");
                Add(tar, programs.SelectMany(ProgramFiles), stop);
                say($"{packages.Found.Count} NuGet packages");
                Add(tar, packages.Found.Select(file => (file, $"packages/{Path.GetFileName(file)}")), stop);
                say(images.Count == 0 ? "no images (\"./lab images build\" makes them)" : $"images: {string.Join(", ", images.Select(Path.GetFileName))}");
                Add(tar, images.Select(file => (file, $"artifacts/images/{Path.GetFileName(file)}")), stop);
                say(dashboard.Missing is null ? $"dashboard: {AspireCli.Package} {AspireCli.Version}" : $"no dashboard: {dashboard.Missing}");
                Add(tar, dashboard.Files, stop);
                WriteText(tar, "nuget.config", NuGetConfig);

                // Last, so that no unpacked source is newer: the wrapper then starts the built program at once.
                WriteText(tar, "artifacts/lab.built", string.Empty);
            }

            File.Move(temporary, archive, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }

        return new PackReport(
            1, archive, new FileInfo(archive).Length, sources.Count, programs, packages.Found.Count,
            [.. images.Select(file => Path.GetFileNameWithoutExtension(file))], dashboard.Missing is null ? $"{AspireCli.Package} {AspireCli.Version}" : null, packages.Missing)
        {
            DashboardMissing = dashboard.Missing,
        };
    }

    private sealed record PackedDashboard(IReadOnlyList<(string File, string Name)> Files, string? Missing);

    private const string NuGetConfig = """
        <?xml version="1.0" encoding="utf-8"?>
        <configuration>
          <packageSources>
            <clear />
            <add key="packed" value="packages" />
          </packageSources>
        </configuration>
        """;

    /// <summary>What git tracks; without git, everything that is no product of building or running.</summary>
    private async Task<IReadOnlyList<string>> SourcesAsync(CancellationToken stop)
    {
        if (Tool.Exists("git") && Path.Exists(Path.Combine(repository, ".git")))
        {
            var listed = await Tool.RunToEndAsync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], repository, null, stop).ConfigureAwait(false);
            if (listed.ExitCode == 0)
            {
                return [.. listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(file => File.Exists(Path.Combine(repository, file)))];
            }
        }

        return [.. Directory.EnumerateFiles(repository, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Select(file => Path.GetRelativePath(repository, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => Excluded.Contains(part)) && !file.StartsWith("packages" + Path.DirectorySeparatorChar, StringComparison.Ordinal) && file != "nuget.config")];
    }

    /// <summary>Under the name that the wrapper looks for, whatever configuration they were built in.</summary>
    private static IEnumerable<(string File, string Name)> ProgramFiles(string project)
    {
        var folder = BuiltPrograms.Folder(project);
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is not (".pdb" or ".xml"))
            .Select(file => (file, $"artifacts/bin/{project}/release/{Path.GetRelativePath(folder, file)}"));
    }

    /// <summary>The dashboard is a convenience: what stands in its way is said and does not stop the rest.</summary>
    private async Task<PackedDashboard> DashboardAsync(CancellationToken stop)
    {
        try
        {
            return new(await AspireCli.PackableAsync(repository, time, say, stop).ConfigureAwait(false), null);
        }
        catch (LabException why)
        {
            return new([], why.Message);
        }
    }

    private static IReadOnlyList<string> Files(string folder, string pattern) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal)] : [];

    private static void Add(TarWriter tar, IEnumerable<(string File, string Name)> files, CancellationToken stop)
    {
        foreach (var (file, name) in files.OrderBy(each => each.Name, StringComparer.Ordinal))
        {
            stop.ThrowIfCancellationRequested();
            tar.WriteEntry(file, $"{Root}/{name.Replace('\\', '/')}");
        }
    }

    private static void WriteText(TarWriter tar, string name, string text)
    {
        using var content = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"{Root}/{name}") { DataStream = content, ModificationTime = File.GetLastWriteTimeUtc(typeof(OfflinePack).Assembly.Location).AddMinutes(1) });
    }
}

/// <summary>The NuGet packages that a build of this clone restores, as files of this machine's package folder.</summary>
internal sealed record OfflinePackages(IReadOnlyList<string> Found, IReadOnlyList<string> Missing)
{
    public static OfflinePackages Find(string repository)
    {
        var wanted = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in Directory.EnumerateFiles(repository, "packages.lock.json", SearchOption.AllDirectories))
        {
            wanted.UnionWith(FromLockFile(JsonNode.Parse(File.ReadAllText(file))));
        }

        var objects = Path.Combine(repository, "artifacts", "obj");
        foreach (var file in Directory.Exists(objects) ? Directory.EnumerateFiles(objects, "project.assets.json", SearchOption.AllDirectories) : [])
        {
            wanted.UnionWith(FromAssets(file));
        }

        var folder = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } chosen
            ? chosen
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var (found, missing) = (new List<string>(), new List<string>());
        foreach (var package in wanted)
        {
            var (id, version) = (package.Split('/')[0].ToLowerInvariant(), package.Split('/')[1].ToLowerInvariant());
            var file = Path.Combine(folder, id, version, $"{id}.{version}.nupkg");
            (File.Exists(file) ? found : missing).Add(File.Exists(file) ? file : $"{id} {version}");
        }

        return found.Count > 0 ? new OfflinePackages(found, missing) : throw new LabException($"no NuGet packages of this clone are in {folder}", "Build once with network (\"dotnet build Resilience.sln\"), then pack.");
    }

    /// <remarks>{"dependencies": {"net10.0": {"KubernetesClient": {"type": "Direct", "resolved": "21.0.8"}, "resilience.control": {"type": "Project"}}}}</remarks>
    private static IEnumerable<string> FromLockFile(JsonNode? document) => (document?["dependencies"] as JsonObject ?? [])
        .SelectMany(framework => framework.Value as JsonObject ?? [])
        .Where(package => package.Value?["resolved"] is not null)
        .Select(package => $"{package.Key}/{(string)package.Value!["resolved"]!}");

    /// <summary>Packs that a build downloads beside its packages: program hosts of other platforms, for one. No lock file lists them.</summary>
    /// <remarks>{"project": {"frameworks": {"net10.0": {"downloadDependencies": [{"name": "…", "version": "[10.0.0, 10.0.0]"}]}}}}</remarks>
    private static IEnumerable<string> FromAssets(string file)
    {
        try
        {
            return [.. (JsonNode.Parse(File.ReadAllText(file))?["project"]?["frameworks"] as JsonObject ?? [])
                .SelectMany(framework => framework.Value?["downloadDependencies"] as JsonArray ?? [])
                .Select(pack => $"{(string)pack!["name"]!}/{((string)pack["version"]!).Trim('[', ']').Split(',')[0].Trim()}")];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
