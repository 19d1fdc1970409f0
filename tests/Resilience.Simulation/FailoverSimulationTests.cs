using System.Collections.Concurrent;
using System.Globalization;

namespace Resilience.Simulation;

/// <summary>
/// The shipped reconciler, queue and election in virtual time. <c>RESILIENCE_SEED=17</c> replays one seed of every
/// theory and prints its trace.
/// </summary>
public sealed class FailoverSimulationTests
{
    private static readonly int? Replay =
        int.TryParse(Environment.GetEnvironmentVariable("RESILIENCE_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : null;

    /// <summary>What the runs with every trouble visited, so that nobody has to run them again for the sum.</summary>
    private static readonly ConcurrentDictionary<int, Coverage> Visited = new();

    public static TheoryData<int> Many => Replay is { } seed ? [seed] : [.. Enumerable.Range(1, 200)];

    public static TheoryData<int> Some => Replay is { } seed ? [seed] : [.. Enumerable.Range(1, 30)];

    [Theory]
    [MemberData(nameof(Many))]
    public async Task Traffic_UnderEveryTrouble_KeepsThePromises(int seed) => Visited[seed] = (await RunAsync(seed, Trouble.All)).Coverage;

    [Theory]
    [MemberData(nameof(Some))]
    public Task Traffic_OnlyPodsInTrouble_IsRescuedWithin1300Milliseconds(int seed) => RunAsync(seed, Trouble.Pods | Trouble.People);

    [Theory]
    [MemberData(nameof(Some))]
    public async Task Traffic_RolloutsAndAutoscalingOnly_NeverMoves(int seed)
    {
        var world = await RunAsync(seed, Trouble.Routine | Trouble.Network | Trouble.Watchers);
        Assert.Empty(world.Moves);
    }

    [Fact]
    public async Task Seeds_Together_VisitEveryCorner()
    {
        var coverage = new Coverage();
        for (var seed = 1; seed <= 60; seed++)
        {
            coverage.Add(Visited.TryGetValue(seed, out var known) ? known : (await RunAsync(seed, Trouble.All)).Coverage);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(coverage.ToString());
        foreach (var corner in Corners)
        {
            Assert.True(coverage[corner] > 0, $"'{corner}' never happened; what did: {coverage}");
        }
    }

    private static readonly string[] Corners =
    [
        "Rescue", "Optional", "Failback", "Switchover", "external",
        "Switched", "RolledBack", "Rejected", "Expired", "Failed", "next Switchover", "came back at rest",
        "borrowed", "returned", "woken", "floor conflict",
        "conflict after a delay", "conflict at once", "lost answer to a move", "injected conflict", "API outage",
        "killed", "leader paused", "won", "lost the lease", "prober blind", "hang", "outage", "both down",
        "said HoldDown", "said RescueLimited", "said MoveRefused", "said BothSlotsDown", "said ProberDoubted", "said ExternalChange", "said SelectorUnknown",
    ];

    /// <summary>On a thread without synchronisation context: continuations then run where the simulation wakes them.</summary>
    private static Task<World> RunAsync(int seed, Trouble trouble) => Task.Run(() =>
    {
        var simulation = new Simulation(seed, trouble);
        try
        {
            simulation.Run();
        }
        catch (BrokenPromiseException ex)
        {
            var trace = string.Join('\n', simulation.World.Trace.TakeLast(60));
            throw new BrokenPromiseException($"seed {seed}: {ex.Message}\nRESILIENCE_SEED={seed} replays it; the last lines of its trace:\n{trace}");
        }

        if (Replay is not null)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', simulation.World.Trace));
        }

        return simulation.World;
    });
}
