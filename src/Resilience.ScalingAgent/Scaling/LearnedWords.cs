using System.Globalization;
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
        memory.Plateau is { } plateau ? $"a replica saturates at {Number(plateau)} requests/s (seen {memory.PlateauCount} times)" : null,
        memory.Knee is { } knee ? $"latency doubles at {Number(knee)} requests/s (seen {memory.KneeCount} times)" : null,
        memory.CpuPerRequest is { } cpu ? $"a request takes {Number(cpu * 1000)} ms of CPU (seen {memory.CpuCount} times)" : null,
        memory.Highest is { } highest ? $"a replica served {Number(highest)} requests/s well" : null) is { Length: > 0 } known ? known : "nothing yet";

    private static string? Lead(LeadMemory? memory) => memory?.StartUpSeconds switch
    {
        null => null,
        { Count: 0 } => "nothing yet",
        var seconds => $"pods took {Seconds(seconds.Order().ElementAt(seconds.Count / 2))} to serve (median of {seconds.Count}), {Seconds(seconds.Max())} at most",
    };

    private static string? Floor(FloorMemory? memory) => memory is not { State: { } state, Cost: { } cost } ? null : Join(
        state.Floor is { } floor ? $"floor {floor}" : "no floor",
        memory.Open is { Count: > 0 } open ? $"{open.Count} decisions wait for their outcome" : null,
        memory.Coverage99 is { } coverage ? $"{coverage.ToString("0.##%", CultureInfo.InvariantCulture)} of {memory.Outcomes} outcomes were at or below their 99% level" : null,
        $"{Dollars(cost.Spent)} this month in {Number(cost.Hours)} h",
        cost.PerMillionGood is { } price ? $"{Dollars(price)} for a million good requests" : null);

    private static string Number(double value) => value.ToString(Math.Abs(value) < 10 ? "0.##" : "0.#", CultureInfo.InvariantCulture);

    private static string Seconds(double value) => value.ToString("0.#", CultureInfo.InvariantCulture) + " s";

    private static string Dollars(double value) => "$" + value.ToString(Math.Abs(value) is > 0 and < 0.1 ? "0.####" : "0.00", CultureInfo.InvariantCulture);

    private static string Join(params ReadOnlySpan<string?> parts) => string.Join("; ", parts.ToArray().Where(part => part is not null));

    private static string Raw(LearnedValue learned) => learned.Value.GetRawText() is var text && text.Length <= Longest ? text : text[..Longest] + "...";
}
