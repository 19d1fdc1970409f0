using System.Globalization;
using System.Runtime.InteropServices;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Dashboard;

/// <summary>An Aspire CLI that can serve the dashboard.</summary>
/// <param name="Origin">Where it came from, for people.</param>
/// <param name="Home">Where it may unpack its parts; null leaves its own choice, <c>~/.aspire</c>.</param>
internal sealed record AspireCli(string Path, string Origin, string? Home)
{
    /// <summary>What the lab installs, and what the AppHost is written for.</summary>
    public const string Version = "13.5.4";

    /// <summary>First version with <c>aspire dashboard run</c>.</summary>
    private static readonly Version Oldest = new(13, 3);

    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(15);

    /// <summary>Platforms for which there is an npm package; the names are .NET's.</summary>
    private static readonly string[] Platforms = ["linux-x64", "linux-arm64", "linux-musl-x64", "osx-x64", "osx-arm64", "win-x64", "win-arm64"];

    /// <summary>Package of this platform. The package without a platform would add a launcher that needs Node at run time.</summary>
    public static string Package => $"@microsoft/aspire-cli-{RuntimeInformation.RuntimeIdentifier}";

    public static bool HasPackage => Platforms.Contains(RuntimeInformation.RuntimeIdentifier);

    private static string InstallFolder => System.IO.Path.Combine(LabCache.Path, $"aspire-{Version}");

    private static string Installed => ProgramIn(InstallFolder);

    /// <summary>The package below a folder it was installed into; what the CLI unpacks at its first start lies beside it.</summary>
    private static string PackageIn(string folder) => System.IO.Path.Combine(folder, "node_modules", Package.Replace('/', System.IO.Path.DirectorySeparatorChar));

    private static string ProgramIn(string folder) => System.IO.Path.Combine(PackageIn(folder), "bin", OperatingSystem.IsWindows() ? "aspire.exe" : "aspire");

    /// <summary>Where an unpacked <c>lab offline pack</c> has it.</summary>
    internal static string PackedFolder(string repository) => System.IO.Path.Combine(repository, "artifacts", "dashboard", $"aspire-{Version}");

    /// <summary>Files of the package for <c>lab offline pack</c>, each with its path below the repository; installs it when it is not here.</summary>
    /// <exception cref="LabException">It is not here and cannot be installed; the line says why.</exception>
    public static async Task<IReadOnlyList<(string File, string Name)>> PackableAsync(string repository, TimeProvider time, Action<string> say, CancellationToken stop)
    {
        var folder = new[] { PackedFolder(repository), InstallFolder }.FirstOrDefault(each => Tool.IsExecutable(ProgramIn(each)));
        if (folder is null)
        {
            const string Otherwise = "The archive goes without it.";
            var npm = Tool.Which("npm") ?? throw new LabException($"there is no npm to install {Package} with", Otherwise);
            await (HasPackage ? InstallAsync(npm, say, Otherwise, time, stop) : throw new LabException($"there is no Aspire CLI for {RuntimeInformation.RuntimeIdentifier}", Otherwise)).ConfigureAwait(false);
            folder = InstallFolder;
        }

        return [.. Directory.EnumerateFiles(PackageIn(folder), "*", SearchOption.AllDirectories)
            .Select(file => (file, System.IO.Path.Combine(System.IO.Path.GetRelativePath(repository, PackedFolder(repository)), System.IO.Path.GetRelativePath(folder, file))))];
    }

    /// <summary>The given one, else one on PATH that is new enough, else the one that came with an offline archive or that an earlier lab installed.</summary>
    /// <returns>Null when there is none; with the reason why one on PATH does not do, if there is one there.</returns>
    /// <exception cref="LabException">The given one is not usable.</exception>
    public static async Task<(AspireCli? Found, string? Unfit)> FindAsync(string? given, TimeProvider time, CancellationToken stop)
    {
        if (given is not null)
        {
            var file = System.IO.Path.GetFullPath(given);
            return Tool.IsExecutable(file)
                ? (new(file, file, null), null)
                : throw new LabException($"there is no program {file}", "--aspire names the executable of the Aspire CLI.");
        }

        string? unfit = null;
        if (Tool.Which("aspire") is { } onPath)
        {
            var said = await Tool.RunAsync(onPath, ["--version"], AskLimit, time, stop).ConfigureAwait(false);
            unfit = Unfit(onPath, said?.ExitCode == 0 ? said.Output : null);
            if (unfit is null)
            {
                return (new(onPath, $"{onPath} (PATH)", null), null);
            }
        }

        var packed = PackedFolder(BuiltPrograms.Repository());
        return (
            Tool.IsExecutable(ProgramIn(packed)) ? new(ProgramIn(packed), $"{packed} (packed)", packed)
            : Tool.IsExecutable(Installed) ? new(Installed, $"{InstallFolder} (installed earlier)", InstallFolder) : null,
            unfit);
    }

    /// <summary>As <see cref="FindAsync"/>; installs <see cref="Package"/> by npm into the lab's cache when there is none.</summary>
    /// <exception cref="LabException">None can be had; the line says why and what else would do.</exception>
    public static async Task<AspireCli> FindOrInstallAsync(string? given, TimeProvider time, Action<string> say, CancellationToken stop)
    {
        var (found, unfit) = await FindAsync(given, time, stop).ConfigureAwait(false);
        if (unfit is not null)
        {
            say(unfit);
        }

        if (found is not null)
        {
            return found;
        }

        const string Otherwise = "Install the Aspire CLI 13.3 or newer by other means and have it on PATH, name it with --aspire FILE, or leave out --dashboard.";
        if (!HasPackage)
        {
            throw new LabException($"there is no Aspire CLI for {RuntimeInformation.RuntimeIdentifier}", "The lab works without the dashboard: leave out --dashboard.");
        }

        var npm = Tool.Which("npm") ?? throw new LabException($"the dashboard needs the Aspire CLI, and there is no npm to install {Package} with", Otherwise);
        await InstallAsync(npm, say, Otherwise, time, stop).ConfigureAwait(false);
        return new(Installed, $"{InstallFolder} (just installed)", InstallFolder);
    }

    /// <param name="said">Output of <c>aspire --version</c>, such as <c>13.5.4+d4d3d2c</c>; null when it failed.</param>
    /// <returns>Why this one does not do, as a sentence; null when it does.</returns>
    internal static string? Unfit(string path, string? said)
    {
        var number = said?.Trim().Split('+', '-')[0];
        return !System.Version.TryParse(number, out var version) ? $"{path} does not tell its version; looking for another Aspire CLI."
            : version < Oldest ? $"{path} is version {version}; \"aspire dashboard run\" needs {Oldest} or newer. Looking for another."
            : null;
    }

    /// <summary>Installs beside the final place and moves it there: a broken install is never found, and two labs may do it at once.</summary>
    private static async Task InstallAsync(string npm, Action<string> say, string otherwise, TimeProvider time, CancellationToken stop)
    {
        say($"installing {Package} {Version} by npm into {InstallFolder} (once; delete the folder to remove it) ...");
        var started = time.GetTimestamp();
        var draft = string.Create(CultureInfo.InvariantCulture, $"{InstallFolder}.{Environment.ProcessId}.new");
        _ = Directory.CreateDirectory(draft);
        try
        {
            // No script of the package is run, and nothing outside the folder is written.
            string[] arguments = ["install", "--prefix", draft, "--ignore-scripts", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error", $"{Package}@{Version}"];
            var result = await Tool.RunAsync(npm, arguments, InstallLimit, time, stop, folder: draft).ConfigureAwait(false);
            if (result is not { ExitCode: 0 })
            {
                var why = result is null ? $"npm did not end within {InstallLimit.TotalMinutes:0} min" : LastLine(result.Error) ?? $"npm ended with exit code {result.ExitCode}";
                throw new LabException($"{Package} {Version} could not be installed: {why.TrimEnd('.')}", otherwise);
            }

            if (!Directory.Exists(InstallFolder))
            {
                Directory.Move(draft, InstallFolder);
            }
        }
        finally
        {
            if (Directory.Exists(draft))
            {
                Directory.Delete(draft, recursive: true);
            }
        }

        if (!Tool.IsExecutable(Installed))
        {
            throw new LabException($"{Package} {Version} does not hold the program {Installed}", otherwise);
        }

        say(string.Create(CultureInfo.InvariantCulture, $"installed in {time.GetElapsedTime(started).TotalSeconds:0} s."));
    }

    /// <remarks>npm ends with "npm error A complete log of this run can be found in: …"; the lines before say what is wrong.</remarks>
    private static string? LastLine(string error) => error.Split('\n')
        .Select(line => line.Trim())
        .FirstOrDefault(line => line.StartsWith("npm error ", StringComparison.Ordinal) && !line.StartsWith("npm error code", StringComparison.Ordinal))?["npm error ".Length..];
}
