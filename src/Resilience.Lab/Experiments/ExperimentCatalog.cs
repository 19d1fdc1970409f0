using Resilience.Lab.Cli;

namespace Resilience.Lab.Experiments;

/// <summary>The experiments that ship with the lab, and any file a person names.</summary>
internal static class ExperimentCatalog
{
    /// <summary>Order in which people should meet them; an experiment not named here comes after, by name.</summary>
    private static readonly string[] Order =
    [
        "outage", "crash", "hang", "not-ready", "partial", "slow", "flap", "both-down", "cold-standby", "controller-loss", "rollout", "steady", "reactive-scaling",
        "predictive-vs-reactive", "black-friday", "flash-crowd", "budget-squeeze", "constrained",
    ];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Experiments");

    public static IReadOnlyList<string> Names()
    {
        var found = Directory.Exists(Folder)
            ? Directory.EnumerateFiles(Folder, "*.yaml").Select(file => Path.GetFileNameWithoutExtension(file)!)
            : [];
        return [.. found.OrderBy(name => Array.IndexOf(Order, name) is var at and >= 0 ? at : int.MaxValue).ThenBy(name => name, StringComparer.Ordinal)];
    }

    public static IReadOnlyList<Experiment> All() => [.. Names().Select(Find)];

    /// <param name="nameOrFile">A shipped name, or a path to a file of one's own (contains a separator or ends in .yaml).</param>
    public static Experiment Find(string nameOrFile)
    {
        var isFile = nameOrFile.EndsWith(".yaml", StringComparison.Ordinal) || nameOrFile.EndsWith(".yml", StringComparison.Ordinal)
            || nameOrFile.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal);
        var path = isFile ? nameOrFile : Path.Combine(Folder, nameOrFile + ".yaml");
        if (!File.Exists(path))
        {
            throw isFile
                ? new LabException($"there is no file {nameOrFile}", "\"./lab experiments\" lists the experiments that ship with the lab.")
                : Suggest.Unknown("experiment", nameOrFile, Names());
        }

        using var text = File.OpenText(path);
        return ExperimentLoader.Load(isFile ? nameOrFile : Path.GetFileName(path), text);
    }
}
