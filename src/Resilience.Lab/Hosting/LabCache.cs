namespace Resilience.Lab.Hosting;

/// <summary>Where the lab keeps tools that it installed, so that the next run finds them. Not part of a lab's own folder: <c>cleanup</c> leaves it.</summary>
internal static class LabCache
{
    /// <summary>Environment variable that moves the folder.</summary>
    public const string Variable = "LAB_CACHE";

    /// <summary><see cref="Variable"/>, else <c>resilience-lab</c> in the user's cache folder (XDG_CACHE_HOME, ~/.cache, ~/Library/Caches, LocalAppData).</summary>
    public static string Path { get; } = System.IO.Path.GetFullPath(
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } chosen ? chosen : System.IO.Path.Combine(UserCache(), "resilience-lab"));

    private static string UserCache()
    {
        if (OperatingSystem.IsWindows())
        {
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        }

        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return OperatingSystem.IsMacOS() ? System.IO.Path.Combine(home, "Library", "Caches")
            : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
            : System.IO.Path.Combine(home, ".cache");
    }
}
