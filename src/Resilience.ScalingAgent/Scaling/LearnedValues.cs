using System.Text.Json;
using System.Text.Json.Serialization;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.ScalingAgent.Scaling;

/// <summary>What one scaler remembers besides its demand.</summary>
/// <param name="State">Of the planner.</param>
/// <param name="Cost">Of the current month.</param>
/// <param name="Open">Decisions whose lead is not over.</param>
/// <param name="Coverage99">Share of recent outcomes at or below their 99% level; null before the first.</param>
/// <param name="Outcomes">How many outcomes that is the share of.</param>
internal sealed record FloorMemory(FloorState State, CostMeter Cost, IReadOnlyList<OpenDecision> Open, double? Coverage99, int Outcomes);

/// <summary>Start-ups remembered, oldest first, in seconds on the wall clock.</summary>
internal sealed record LeadMemory(IReadOnlyList<double> StartUpSeconds);

/// <summary>Reads and writes what was learned; an unreadable value counts as not learned.</summary>
internal sealed class LearnedValues(IAgentStore store, ScalerKey key)
{
    public const string CapacityName = "capacity";
    public const string LeadName = "lead";
    public const string FloorName = "floor";

    private CapacityMemory? _capacity;
    private int _startUps = -1;

    public CapacityMemory Capacity() => Read(CapacityName, LearnedJson.Default.CapacityMemory) ?? CapacityMemory.Nothing;

    public IReadOnlyList<TimeSpan> StartUps() => [.. (Read(LeadName, LearnedJson.Default.LeadMemory)?.StartUpSeconds ?? [])
        .Where(seconds => seconds is >= 0 and <= 3600).Select(TimeSpan.FromSeconds)];

    public FloorMemory Floor() => Read(FloorName, LearnedJson.Default.FloorMemory) is { State.Needs: not null, Cost: not null, Open: not null } memory
        ? memory : new(FloorState.Initial, CostMeter.Zero, [], null, 0);

    /// <summary>Writes what has changed.</summary>
    public void Keep(DateTimeOffset at, CapacityMemory capacity, LeadTimeEstimator lead, int startUps, FloorMemory floor)
    {
        if (capacity != _capacity)
        {
            _capacity = capacity;
            Write(CapacityName, at, JsonSerializer.SerializeToElement(capacity, LearnedJson.Default.CapacityMemory));
        }
        if (startUps != _startUps)
        {
            _startUps = startUps;
            Write(LeadName, at, JsonSerializer.SerializeToElement(new([.. lead.Export().Select(time => time.TotalSeconds)]), LearnedJson.Default.LeadMemory));
        }
        Write(FloorName, at, JsonSerializer.SerializeToElement(floor, LearnedJson.Default.FloorMemory));
    }

    private void Write(string name, DateTimeOffset at, JsonElement value) => store.WriteLearned(key, name, at, value);

    private T? Read<T>(string name, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return store.ReadLearned(key, name)?.Deserialize(type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(FloorMemory))]
[JsonSerializable(typeof(CapacityMemory))]
[JsonSerializable(typeof(LeadMemory))]
internal sealed partial class LearnedJson : JsonSerializerContext;
