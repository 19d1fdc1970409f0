using System.Text.Json;
using Resilience.Control.Scaling;
using Resilience.ScalingAgent.Ledger;

namespace Resilience.ScalingAgent.Scaling;

/// <summary>What was learned, in words.</summary>
internal static class LearnedWords
{
    private const int Longest = 160;

    /// <summary>One line; a value of another version is shown as it is.</summary>
    public static string Sentence(LearnedValue learned)
    {
        try
        {
            var words = learned.Name switch
            {
                LearnedValues.CapacityName => Capacity(learned.Value.Deserialize(LearnedJson.Default.CapacityMemory)),
                LearnedValues.LeadName => Lead(learned.Value.Deserialize(LearnedJson.Default.LeadMemory)),
                LearnedValues.FloorName => Floor(learned.Value.Deserialize(LearnedJson.Default.FloorMemory)),
                _ => null,
            };
            return words ?? Raw(learned);
        }
        catch (JsonException)
        {
            return Raw(learned);
        }
    }

    private static string? Capacity(CapacityMemory? memory) => memory is null ? null : Join(
        memory.Plateau is { } plateau ? $"a replica saturates at {Figures.Number(plateau)} requests/s (seen {memory.PlateauCount} times)" : null,
        memory.Knee is { } knee ? $"latency doubles at {Figures.Number(knee)} requests/s (seen {memory.KneeCount} times)" : null,
        memory.CpuPerRequest is { } cpu ? $"a request takes {Figures.Number(cpu * 1000)} ms of CPU (seen {memory.CpuCount} times)" : null,
        memory.Highest is { } highest ? $"a replica served {Figures.Number(highest)} requests/s well" : null) is { Length: > 0 } known ? known : "nothing yet";

    private static string? Lead(LeadMemory? memory) => memory?.StartUpSeconds switch
    {
        null => null,
        { Count: 0 } => "nothing yet",
        var seconds => $"pods took {Figures.Seconds(seconds.Order().ElementAt(seconds.Count / 2))} to serve (median of {seconds.Count}), {Figures.Seconds(seconds.Max())} at most",
    };

    private static string? Floor(FloorMemory? memory) => memory is not { State: { } state, Cost: { } cost } ? null : Join(
        state.Floor is { } floor ? $"floor {floor}" : "no floor",
        memory.Open is { Count: > 0 } open ? $"{open.Count} decisions wait for their outcome" : null,
        memory.Coverage99 is { } coverage ? $"{Figures.Percent(coverage)} of {memory.Outcomes} outcomes were at or below their 99% level" : null,
        $"{Figures.Dollars(cost.Spent)} this month in {Figures.Number(cost.Hours)} h",
        cost.PerMillionGood is { } price ? $"{Figures.Dollars(price)} for a million good requests" : null);

    private static string Join(params ReadOnlySpan<string?> parts) => string.Join("; ", parts.ToArray().Where(part => part is not null));

    private static string Raw(LearnedValue learned) => learned.Value.GetRawText() is var text && text.Length <= Longest ? text : text[..Longest] + "...";
}
