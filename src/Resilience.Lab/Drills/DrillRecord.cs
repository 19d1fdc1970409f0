using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.Lab.Drills;

/// <summary>What is needed to undo a drill, kept on the slot's Deployment while it lasts so that anyone can.</summary>
/// <param name="Before">Replicas before the drill.</param>
/// <param name="Until">When the drill was to end; a record older than this was left behind.</param>
internal sealed record DrillRecord(string Id, string Kind, int Before, DateTimeOffset? Until)
{
    public string ToJson() => JsonSerializer.Serialize(this, DrillJson.Default.DrillRecord);

    /// <returns>Null when the text is no record: somebody else's annotation is left alone.</returns>
    public static DrillRecord? Parse(string? text)
    {
        try
        {
            return string.IsNullOrEmpty(text) ? null : JsonSerializer.Deserialize(text, DrillJson.Default.DrillRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(DrillRecord))]
internal sealed partial class DrillJson : JsonSerializerContext;
