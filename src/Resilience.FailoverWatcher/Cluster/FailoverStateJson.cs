using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Control.Failover;

namespace Resilience.FailoverWatcher.Cluster;

/// <summary>The annotation <c>resilience.dev/failover</c>.</summary>
internal static class FailoverStateJson
{
    public static string Write(FailoverState state) => JsonSerializer.Serialize(state, FailoverStateContext.Default.FailoverState);

    /// <returns>Null when there is no state, or none that can be read: the watcher then starts afresh.</returns>
    public static FailoverState? Read(string? json)
    {
        if (string.IsNullOrWhiteSpace(json))
        {
            return null;
        }
        try
        {
            return JsonSerializer.Deserialize(json, FailoverStateContext.Default.FailoverState);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, IgnoreReadOnlyProperties = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(FailoverState))]
internal sealed partial class FailoverStateContext : JsonSerializerContext;
