using System.Text.Json;

namespace Resilience.LocalCluster.Node.Runtime;

/// <summary>Maps image names to built programs, so that manifests are the same here and on a real cluster.</summary>
internal sealed class ImageTable
{
    private readonly Dictionary<string, IReadOnlyList<string>> _commands;

    public ImageTable(IReadOnlyDictionary<string, IReadOnlyList<string>> commands) =>
        _commands = new Dictionary<string, IReadOnlyList<string>>(commands, StringComparer.Ordinal);

    public static ImageTable Empty { get; } = new(new Dictionary<string, IReadOnlyList<string>>());

    /// <summary>Reads <c>{"resilience-web": {"command": ["/path/program", "arg"]}}</c>.</summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the entry.</exception>
    public static ImageTable Parse(string json)
    {
        var commands = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(json);
            foreach (var entry in document.RootElement.EnumerateObject())
            {
                var command = entry.Value.GetProperty("command").EnumerateArray().Select(part => part.GetString() ?? "").ToArray();
                if (command.Length == 0)
                {
                    throw new FormatException($"image '{entry.Name}': 'command' must not be empty");
                }

                commands[entry.Name] = command;
            }
        }
        catch (Exception ex) when (ex is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException($"image table: expected {{\"name\": {{\"command\": [\"/path\"]}}}}; {ex.Message}", ex);
        }

        return new(commands);
    }

    public IReadOnlyList<string>? CommandOf(string image) => _commands.GetValueOrDefault(NameOf(image));

    /// <summary><c>registry:5000/team/name:tag@sha256:…</c> → <c>name</c>.</summary>
    internal static string NameOf(string image)
    {
        var name = image[(image.LastIndexOf('/') + 1)..];
        var digest = name.IndexOf('@', StringComparison.Ordinal);
        name = digest >= 0 ? name[..digest] : name;
        var tag = name.IndexOf(':', StringComparison.Ordinal);
        return tag >= 0 ? name[..tag] : name;
    }
}
