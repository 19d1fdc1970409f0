namespace Resilience.Cost.Cli;

/// <summary>Opens what the person named; a file that cannot be read is one clear line.</summary>
internal static class InputFile
{
    public static StreamReader Open(FileInfo file) => Guarded(file, () => new StreamReader(file.FullName));

    public static string ReadText(FileInfo file) => Guarded(file, () => File.ReadAllText(file.FullName));

    private static T Guarded<T>(FileInfo file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CostInputException($"there is no file {file}", problem);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new CostInputException($"cannot read {file}: {problem.Message.TrimEnd('.')}", problem);
        }
    }
}
