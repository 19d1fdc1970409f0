using System.Text.Json.Nodes;
using YamlDotNet.Core;

namespace Resilience.ClusterAccess.Manifests;

/// <summary>One object as written in a file.</summary>
/// <param name="File">Path of the file, as given or reached.</param>
/// <param name="Line">First line of the document.</param>
public sealed record Manifest(string File, int Line, JsonObject Body)
{
    public string ApiVersion => (string)Body["apiVersion"]!;

    public string Kind => (string)Body["kind"]!;

    public string Name => (string)Body["metadata"]!["name"]!;

    public string? Namespace => (string?)Body["metadata"]!["namespace"];

    public override string ToString() => $"{Kind} {Name} ({File}:{Line})";
}

/// <summary>
/// The objects of a folder in apply order: what its <c>kustomization.yaml</c> lists under <c>resources</c>, files and
/// further folders, changed by its <c>patches</c> (JSON patches in files, for one object each). Other kustomize features are
/// refused rather than silently left out.
/// </summary>
public sealed class ManifestSet
{
    private static readonly string[] Understood = ["apiVersion", "kind", "resources", "patches", "metadata"];

    private ManifestSet(IReadOnlyList<Manifest> items) => Items = items;

    public IReadOnlyList<Manifest> Items { get; }

    /// <exception cref="ManifestException">A file is missing, not YAML, or lacks apiVersion, kind or metadata.name.</exception>
    public static ManifestSet Load(string folder)
    {
        var items = new List<Manifest>();
        LoadFolder(folder, items, []);
        var twice = items.GroupBy(m => (m.ApiVersion, m.Kind, m.Namespace, m.Name)).FirstOrDefault(g => g.Count() > 1)?.ToList();
        return twice is null
            ? new(items)
            : throw new ManifestException($"{twice[1]} is defined before in {twice[0].File}:{twice[0].Line}");
    }

    /// <summary>A subset or a changed copy, for callers that leave objects out (<c>--no-watcher</c>) or adjust them.</summary>
    public ManifestSet Select(Func<Manifest, Manifest?> change) => new([.. Items.Select(change).OfType<Manifest>()]);

    /// <summary>The same objects and one more, applied last.</summary>
    public ManifestSet Append(Manifest manifest) => new([.. Items, manifest]);

    private static void LoadFolder(string folder, List<Manifest> items, HashSet<string> seen)
    {
        if (!seen.Add(Path.GetFullPath(folder)))
        {
            return;   // a base that several folders include is applied once
        }

        var path = Path.Combine(folder, "kustomization.yaml");
        if (!Directory.Exists(folder) || !File.Exists(path))
        {
            throw new ManifestException($"{folder} is not a folder with a kustomization.yaml");
        }

        if (ReadYaml(path) is not [{ Document: JsonObject kustomization }])
        {
            throw new ManifestException($"{path} must hold one mapping");
        }

        if (kustomization.Select(p => p.Key).FirstOrDefault(key => !Understood.Contains(key)) is { } unknown)
        {
            throw new ManifestException($"{path}: '{unknown}' is not supported here; apply this folder with kubectl apply -k");
        }

        if (kustomization["resources"] is not (null or JsonArray))
        {
            throw new ManifestException($"{path}: resources must be a list");
        }

        var first = items.Count;
        foreach (var entry in kustomization["resources"] as JsonArray ?? [])
        {
            var target = Text(entry) is { } listed ? Path.Combine(folder, listed) : throw new ManifestException($"{path}: resources must list files and folders, not {entry?.ToJsonString() ?? "null"}");
            if (Directory.Exists(target))
            {
                LoadFolder(Path.TrimEndingDirectorySeparator(target), items, seen);
            }
            else if (File.Exists(target))
            {
                items.AddRange(LoadFile(target));
            }
            else
            {
                throw new ManifestException($"{path} lists '{entry}', which does not exist");
            }
        }

        foreach (var entry in kustomization["patches"] as JsonArray ?? [])
        {
            Patch(path, folder, entry, items, first);
        }
    }

    private static void Patch(string path, string folder, JsonNode? entry, List<Manifest> items, int first)
    {
        if (entry is not JsonObject patch || Text(patch["path"]) is not { } file || patch["target"] is not JsonObject target
            || Text(target["kind"]) is not { } kind || Text(target["name"]) is not { } name || patch.Count != 2 || target.Count != 2)
        {
            throw new ManifestException($"{path}: a patch must have a path and a target with kind and name, nothing else; apply this folder with kubectl apply -k");
        }

        var source = Path.Combine(folder, file);
        if (!File.Exists(source))
        {
            throw new ManifestException($"{path} lists '{file}', which does not exist");
        }

        if (ReadYaml(source) is not [{ Document: JsonArray operations }])
        {
            throw new ManifestException($"{source} must hold one list of JSON patch operations");
        }

        var at = items.FindIndex(first, item => item.Kind == kind && item.Name == name);
        if (at < 0)
        {
            throw new ManifestException($"{path}: no {kind} {name} is there to be patched");
        }

        items[at] = items[at] with { Body = ManifestPatch.Apply(items[at].Body, operations, source) };
    }

    private static IEnumerable<Manifest> LoadFile(string path)
    {
        foreach (var (document, line) in ReadYaml(path))
        {
            if (document is not JsonObject body)
            {
                throw new ManifestException($"{path}:{line}: expected a mapping with apiVersion, kind and metadata");
            }

            foreach (var (required, value) in new[] { ("apiVersion", body["apiVersion"]), ("kind", body["kind"]), ("metadata.name", (body["metadata"] as JsonObject)?["name"]) })
            {
                if (Text(value) is null)
                {
                    throw new ManifestException(value is null ? $"{path}:{line}: {required} is missing" : $"{path}:{line}: {required} must be a word; put it in quotes");
                }
            }

            if (body["metadata"]!["namespace"] is { } ns && Text(ns) is null)
            {
                throw new ManifestException($"{path}:{line}: metadata.namespace must be a word; put it in quotes");
            }

            yield return new(path, line, body);
        }
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) && text.Length > 0 ? text : null;

    private static IReadOnlyList<(JsonNode Document, int Line)> ReadYaml(string path)
    {
        try
        {
            return YamlJson.Parse(File.ReadAllText(path));
        }
        catch (YamlException ex)
        {
            throw new ManifestException($"{path}:{ex.Start.Line}:{ex.Start.Column}: {ex.Message.ReplaceLineEndings(" ")}", ex);
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            throw new ManifestException($"{path}: {ex.Message}", ex);
        }
    }
}
