using System.Text.Json;
using Resilience.Lab.Cli;

namespace Resilience.Lab.Hosting;

internal sealed record ImageEntry(IReadOnlyList<string> Command);

/// <summary>Finds the programs and manifests that were built beside the lab.</summary>
internal static class BuiltPrograms
{
    private static readonly (string Image, string Folder, string Project)[] Images =
    [
        ("resilience-web", "src", "Resilience.Web"),
        ("resilience-failover-watcher", "src", "Resilience.FailoverWatcher"),
        ("resilience-scaling-agent", "src", "Resilience.ScalingAgent"),
        ("resilience-load-generator", "loadtests", "Resilience.LoadGenerator"),
    ];

    /// <summary>Images whose project is in this clone.</summary>
    public static IReadOnlyList<string> ImageNames() => [.. Images.Where(image => Directory.Exists(ImageProject(image.Image))).Select(image => image.Image)];

    /// <summary>Folder of the project that an image is made of.</summary>
    public static string ImageProject(string image)
    {
        var (_, folder, project) = Images.First(each => each.Image == image);
        return Path.Combine(Repository(), folder, project);
    }

    /// <summary>The clone that the lab was built in.</summary>
    public static string Repository() => Path.GetDirectoryName(Manifests())!;

    /// <summary>Command line of a program: its own executable, or <c>dotnet program.dll</c> where there is none.</summary>
    public static IReadOnlyList<string> Command(string project) => Find(project)
        ?? throw new LabException($"the program {project} is not built", "Build everything with \"dotnet build Resilience.sln\", then try again.");

    public static bool IsBuilt(string project) => Find(project) is not null;

    /// <summary>Where a built program and its libraries are.</summary>
    public static string Folder(string project) => Path.GetDirectoryName(Command(project)[^1])!;

    /// <summary>Writes the table that tells the embedded cluster which program an image name stands for.</summary>
    public static void WriteImages(string file)
    {
        var table = Images
            .Select(image => (image.Image, Command: Find(image.Project)))
            .Where(image => image.Command is not null)
            .ToDictionary(image => image.Image, image => new ImageEntry(image.Command!));
        File.WriteAllText(file, JsonSerializer.Serialize(table, HostingJson.Default.DictionaryStringImageEntry));
    }

    /// <summary>The k8s folder of the repository this lab was built in.</summary>
    public static string Manifests()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var manifests = Path.Combine(folder.FullName, "k8s");
            if (File.Exists(Path.Combine(manifests, "base", "kustomization.yaml")))
            {
                return manifests;
            }
        }

        throw new LabException("the folder k8s/ with the manifests was not found above the lab's program", "Run the lab from a clone of the repository.");
    }

    /// <remarks>Layout: artifacts/bin/PROJECT/CONFIGURATION/PROGRAM; the lab itself lies in such a folder.</remarks>
    private static IReadOnlyList<string>? Find(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var folder = Path.Combine(own.Parent?.Parent?.FullName ?? own.FullName, project, own.Name);
        var program = Path.Combine(folder, OperatingSystem.IsWindows() ? project + ".exe" : project);
        if (File.Exists(program))
        {
            return [program];
        }

        var library = Path.Combine(folder, project + ".dll");
        return File.Exists(library) ? ["dotnet", library] : null;
    }
}
