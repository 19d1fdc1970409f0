using k8s.Models;
using Resilience.Lab.Cli;
using Resilience.Lab.Hosting;

namespace Resilience.Lab.Monitoring;

/// <summary>
/// A configuration folder for a Prometheus that cannot find the pods by itself: the shipped scrape configuration and rules, and the pods in
/// a file where Kubernetes would be asked.
/// </summary>
internal sealed class PrometheusFolder(string path)
{
    public const string Configuration = "prometheus.yml";
    public const string Rules = "rules.yaml";
    public const string Targets = "targets.json";

    private const string Discovery = "kubernetes_sd_configs:";
    private string? _written;

    public string Path { get; } = path;

    private static string Shipped => System.IO.Path.Combine(BuiltPrograms.Manifests(), "monitoring", "prometheus");

    /// <summary>Writes everything but the targets.</summary>
    public void WriteConfiguration()
    {
        _ = Directory.CreateDirectory(Path);
        WriteWhole(Configuration, WithoutDiscovery(File.ReadAllText(System.IO.Path.Combine(Shipped, Configuration))));
        WriteWhole(Rules, File.ReadAllText(System.IO.Path.Combine(Shipped, Rules)));
    }

    /// <returns>How many targets there are; null when they are those of the last time and nothing was written.</returns>
    public int? WriteTargets(IEnumerable<V1Pod> pods)
    {
        var targets = ScrapeTargets.Of(pods);
        var text = ScrapeTargets.Json(targets);
        if (text == _written)
        {
            return null;
        }

        WriteWhole(Targets, text);
        _written = text;
        return targets.Count;
    }

    /// <summary>The same configuration with <see cref="Targets"/> in the place of <c>kubernetes_sd_configs</c>; nothing else differs.</summary>
    internal static string WithoutDiscovery(string configuration)
    {
        var lines = configuration.Split('\n').ToList();
        var at = lines.FindIndex(line => line.TrimStart().StartsWith(Discovery, StringComparison.Ordinal));
        if (at < 0)
        {
            throw new LabException($"{System.IO.Path.Combine(Shipped, Configuration)} has no {Discovery}", "Take the file from the repository again.");
        }

        // The block ends before the next line that is indented no deeper than its first.
        var indent = Indent(lines[at]);
        var end = lines.FindIndex(at + 1, line => line.Trim().Length > 0 && Indent(line) <= indent);
        lines.RemoveRange(at, (end < 0 ? lines.Count : end) - at);
        lines.Insert(at, $"{new string(' ', indent)}file_sd_configs: [{{files: [{Targets}], refresh_interval: 5s}}]");
        return string.Join('\n', lines);
    }

    private static int Indent(string line) => line.Length - line.TrimStart(' ').Length;

    /// <summary>Prometheus reads while this writes: it must see the file before or after.</summary>
    private void WriteWhole(string name, string text)
    {
        var file = System.IO.Path.Combine(Path, name);
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
    }
}
