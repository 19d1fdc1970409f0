namespace Resilience.LocalCluster.Machinery;

/// <summary>Files that only their owner may read, or that appear whole or not at all.</summary>
internal static class PrivateFile
{
    /// <summary>Written beside and renamed over: a reader sees the old file or the new one. Mode 0600 where modes exist.</summary>
    public static void Write(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        var beside = $"{path}.{Environment.ProcessId}.tmp";
        using (var writer = new StreamWriter(beside, options))
        {
            writer.Write(text);
        }

        File.Move(beside, path, overwrite: true);
    }
}
