namespace Resilience.Cost.Output;

/// <summary>Writes a file so that a reader finds all of it or the old one.</summary>
internal static class WholeFile
{
    public static void Write(string path, string text)
    {
        var full = Path.GetFullPath(path);
        if (Path.GetDirectoryName(full) is { } folder && !Directory.Exists(folder))
        {
            throw new CostInputException($"cannot write {path}: there is no folder {folder}");
        }

        var temporary = $"{full}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllText(temporary, text);
            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new CostInputException($"cannot write {path}: {problem.Message.TrimEnd('.')}", problem);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // The first error is the one worth telling.
        }
    }
}
