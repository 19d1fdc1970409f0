using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.ScalingAgent.Ledger;

/// <summary>Something a reader should know: the body of an <see cref="EntryKind.Notice"/> entry.</summary>
/// <param name="Event">Short stable name, such as <c>learned-reset</c>, <c>file-set-aside</c>, <c>reactive</c>.</param>
/// <param name="Message">One sentence.</param>
internal sealed record NoticeRecord(string Event, string Message)
{
    public const int CurrentVersion = 1;

    [JsonPropertyName("v"), JsonPropertyOrder(-1)]
    public int Version { get; init; } = CurrentVersion;

    public JsonElement ToBody() => JsonSerializer.SerializeToElement(this, LedgerJson.Default.NoticeRecord);

    /// <exception cref="JsonException">The body is not a notice.</exception>
    public static NoticeRecord From(JsonElement body) =>
        body.Deserialize(LedgerJson.Default.NoticeRecord) ?? throw new JsonException("the body of a notice is null");
}
