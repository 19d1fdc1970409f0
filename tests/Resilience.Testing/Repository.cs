namespace Resilience.Testing;

/// <summary>Finds files of the repository from wherever the tests run.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Resilience.sln")))
            {
                return folder.FullName;
            }
        }
        throw new InvalidOperationException("Resilience.sln is in no parent folder of the tests.");
    }
}
