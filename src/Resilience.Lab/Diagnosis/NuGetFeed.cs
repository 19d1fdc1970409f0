using Resilience.Lab.Hosting;

namespace Resilience.Lab.Diagnosis;

/// <summary>Asks the feeds that this machine's NuGet is set up with, by way of NuGet itself.</summary>
internal static class NuGetFeed
{
    /// <summary>A feed that answers does so in a few seconds; NuGet itself would wait for one that does not for more than a minute.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    /// <summary>Whether a package version can be had; a download of it stays in NuGet's own cache.</summary>
    /// <returns>Null when a feed did not answer.</returns>
    public static async Task<bool?> HasAsync(string package, string version, TimeProvider time, CancellationToken stop)
    {
        var folder = Directory.CreateTempSubdirectory("resilience-feed-").FullName;
        try
        {
            var project = Path.Combine(folder, "feed.proj");
            await File.WriteAllTextAsync(project, $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
                  <ItemGroup><PackageDownload Include="{package}" Version="[{version}]" /></ItemGroup>
                </Project>
                """, stop).ConfigureAwait(false);
            var restored = await Tool.RunAsync("dotnet", ["restore", project, "--nologo", "-v", "quiet"], Limit, time, stop).ConfigureAwait(false);
            // NU1301: a feed could not be asked at all.
            return restored is null || restored.Output.Contains("NU1301", StringComparison.Ordinal) ? null : restored.ExitCode == 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
