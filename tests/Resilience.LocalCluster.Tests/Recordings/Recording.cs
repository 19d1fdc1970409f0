using System.Text.Json.Nodes;

namespace Resilience.LocalCluster.Tests.Recordings;

/// <summary>One exchange with a real API server: <c>{"request":{method,path,headers,body},"response":{status,headers,body|bodyText|stream}}</c>.</summary>
/// <param name="Id">Case and number, as in <c>r01/003</c>.</param>
internal sealed record Exchange(string Id, JsonObject Request, JsonObject Response)
{
    public string Method => (string)Request["method"]!;

    public string Path => (string)Request["path"]!;

    public int Status => (int)Response["status"]!;

    public bool IsWatch => Path.Contains("watch=1", StringComparison.Ordinal) && Response["stream"] is not null;
}

internal sealed record RecordedCase(string Name, IReadOnlyList<Exchange> Exchanges);

/// <summary>Recordings are not part of the repository; they are used when the folder <c>shared/kubernetes</c> stands beside it.</summary>
internal static class RecordingFolder
{
    public static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "kubernetes", "transcripts");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>The plain HTTP cases in the order of their recording: later ones build on what earlier ones left.</summary>
    public static IReadOnlyList<RecordedCase> LoadHttpCases(string folder) =>
        [.. Directory.GetDirectories(folder, "r*").Order(StringComparer.Ordinal).Select(LoadCase)];

    private static RecordedCase LoadCase(string folder)
    {
        var name = Path.GetFileName(folder);
        return new(name, [.. Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal).Select(file =>
        {
            var json = JsonNode.Parse(File.ReadAllText(file))!;
            return new Exchange($"{name[..3]}/{Path.GetFileName(file)[..3]}", json["request"]!.AsObject(), json["response"]!.AsObject());
        })]);
    }
}
