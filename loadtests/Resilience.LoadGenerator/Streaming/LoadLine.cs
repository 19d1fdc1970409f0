using System.Text.Json;
using System.Text.Json.Serialization;

namespace Resilience.LoadGenerator.Streaming;

/// <summary>One line of a load generator's log. The first property says what it is, so that other lines are told apart by how they begin.</summary>
internal sealed record LoadLine
{
    /// <summary>How every line begins.</summary>
    public const string Begin = "{\"load\":\"";

    /// <summary>The time, before there is any load: whoever reads learns how this clock stands to his.</summary>
    public const string Clock = "clock";

    /// <summary>The load begins.</summary>
    public const string Started = "started";

    /// <summary>Requests that have ended since the line before.</summary>
    public const string Requests = "requests";

    /// <summary>The load is over and every request has been told.</summary>
    public const string Ended = "ended";

    /// <summary>There will be no load.</summary>
    public const string Refused = "refused";

    /// <summary>Requests in one line at most; keeps a line below the 16 KiB at which container runtimes cut it.</summary>
    public const int MostRequests = 500;

    [JsonPropertyName("load"), JsonPropertyOrder(-1)]
    public required string Kind { get; init; }

    /// <summary>Number of the line, from 0, without gaps.</summary>
    public required int N { get; init; }

    /// <summary>Microseconds since the program began, on the clock that never jumps, when the line was written.</summary>
    public required long Us { get; init; }

    /// <summary>Of <see cref="Started"/>: when the load began, on the clock of <see cref="Us"/>.</summary>
    public long? ZeroUs { get; init; }

    /// <summary>Of <see cref="Started"/>: the same instant on the pod's wall clock.</summary>
    public DateTimeOffset? At { get; init; }

    public int? InFlight { get; init; }

    public IReadOnlyList<string>? Slots { get; init; }

    /// <summary>See <see cref="SampleCodec"/>; times count from the load's beginning.</summary>
    public string? Samples { get; init; }

    public GeneratorSummary? Generator { get; init; }

    /// <summary>Of <see cref="Ended"/>: how long requests were sent.</summary>
    public long? DurationUs { get; init; }

    /// <summary>Of <see cref="Ended"/>: all requests of the run, to be compared with those told.</summary>
    public long? Total { get; init; }

    public string? Problem { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, StreamingJson.Default.LoadLine);

    /// <returns>Null when the text is something else: a runtime's last words, for example.</returns>
    /// <exception cref="FormatException">It begins like one of these lines and is none.</exception>
    public static LoadLine? Parse(string text)
    {
        try
        {
            return text.StartsWith(Begin, StringComparison.Ordinal) ? JsonSerializer.Deserialize(text, StreamingJson.Default.LoadLine) : null;
        }
        catch (JsonException damaged)
        {
            throw new FormatException($"A line of the load generator's log cannot be read: {damaged.Message}", damaged);
        }
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(LoadLine))]
[JsonSerializable(typeof(PlanDocument))]
internal sealed partial class StreamingJson : JsonSerializerContext;
