using NBomber.Contracts;
using NBomber.Contracts.Stats;
using NBomber.CSharp;
using Resilience.LoadGenerator;

namespace Resilience.LoadTests;

/// <summary>A scenario before it has an address, a rate and a length.</summary>
/// <param name="Name">As it is asked for on the command line.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Profile">Name in <see cref="ProfileCatalog"/>.</param>
/// <param name="Limits">Thresholds.</param>
internal sealed record ScenarioSpec(string Name, string Description, string Profile, Limits Limits);

/// <summary>The NBomber scenarios.</summary>
internal static class ScenarioCatalog
{
    public static IReadOnlyList<ScenarioSpec> All { get; } =
    [
        new("steady", "A constant rate: nothing may fail.", "steady", new(0.1, 500)),
        new("ramp", "The rate grows to its peak: where does latency bend?", "ramp", new(1, 1_000)),
        new("spike", "The rate jumps to four times its base for a while.", "spike", new(5, 2_000)),
        new("failover", "A constant rate while a slot is broken: start a drill beside it, such as \"lab chaos outage blue --for 20s\".", "steady", new(1, 2_000)),
        new("scaling", "Up and down in steps, slowly enough for an autoscaler to follow.", "scaling", new(10, 2_000)),
    ];

    public static ScenarioProps Build(ScenarioSpec spec, HttpClient http, Settings settings)
    {
        var profile = ProfileCatalog.Find(spec.Profile)?.Create(settings.Rps, settings.Duration)
            ?? throw new InvalidOperationException($"Scenario {spec.Name} names the unknown profile {spec.Profile}.");
        return Scenario.Create(spec.Name, async _ => await AskAsync(http, settings.Url).ConfigureAwait(false))
            .WithoutWarmUp()
            .WithLoadSimulations(Simulations.Of(profile, settings.Duration))
            .WithThresholds(
                // Written with ScenarioStats: the overload for custom metrics would fit the bare lambda, too.
                Threshold.Create((ScenarioStats stats) => spec.Limits.FewFail(stats)),
                Threshold.Create((ScenarioStats stats) => spec.Limits.IsQuick(stats)));
    }

    /// <summary>One request, never repeated: a retry would hide the failure that is to be measured. The slot that answered is the status code's suffix.</summary>
    private static async Task<IResponse> AskAsync(HttpClient http, Uri url)
    {
        try
        {
            using var answer = await http.GetAsync(url).ConfigureAwait(false);
            var slot = answer.Headers.TryGetValues("X-Slot", out var values) ? " " + values.First() : "";
            var status = (int)answer.StatusCode + slot;
            return answer.IsSuccessStatusCode ? Response.Ok(statusCode: status) : Response.Fail(statusCode: status);
        }
        catch (Exception lost) when (lost is HttpRequestException or OperationCanceledException)
        {
            return Response.Fail(statusCode: lost is OperationCanceledException ? "timeout" : "connection", message: lost.Message);
        }
    }
}
