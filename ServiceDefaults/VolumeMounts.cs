using System.Text.Json;

namespace Resilience.ServiceDefaults;

/// <summary>
/// Where a path of the manifest lies for this process. On a real cluster a mounted volume appears at its <c>mountPath</c>. A process
/// of the embedded cluster cannot have mounts: its node tells it in <see cref="Variable"/> which folder stands for each mountPath.
/// </summary>
public static class VolumeMounts
{
    /// <summary>JSON object of mountPath to folder, such as <c>{"/data":"/var/lib/lab/volumes/x"}</c>; absent where volumes are really mounted.</summary>
    public const string Variable = "RESILIENCE_VOLUME_MOUNTS";

    /// <summary>The path itself, or the same place below the folder that stands for the longest mountPath above it.</summary>
    /// <exception cref="EnvironmentException"><see cref="Variable"/> is set but not such an object.</exception>
    public static string Resolve(string path) => Resolve(path, Environment.GetEnvironmentVariable(Variable));

    internal static string Resolve(string path, string? mounts)
    {
        if (string.IsNullOrEmpty(mounts))
        {
            return path;
        }

        var best = "";
        var folder = "";
        foreach (var (mountPath, place) in Read(mounts))
        {
            var root = mountPath.TrimEnd('/');
            if (root.Length > best.Length && (path == root || path.StartsWith(root + "/", StringComparison.Ordinal)))
            {
                (best, folder) = (root, place);
            }
        }

        return best.Length == 0 ? path : folder.TrimEnd('/') + path[best.Length..];
    }

    private static Dictionary<string, string> Read(string mounts)
    {
        try
        {
            using var document = JsonDocument.Parse(mounts);
            return document.RootElement.EnumerateObject().ToDictionary(mount => mount.Name, mount => mount.Value.GetString() ?? "", StringComparer.Ordinal);
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new EnvironmentException($"{Variable} must be a JSON object of mountPath to folder: {unreadable.Message}", unreadable);
        }
    }
}
