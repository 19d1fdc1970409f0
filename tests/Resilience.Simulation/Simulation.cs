using Resilience.Control.Failover;
using Resilience.Testing;

namespace Resilience.Simulation;

/// <summary>One run: a world, two watchers, trouble, then quiet. The same seed gives the same run.</summary>
internal sealed class Simulation
{
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Stress = TimeSpan.FromMinutes(6);

    /// <summary>Long enough for the last pods to heal (70 s), hold-down at its cap (4 min here) and a fail-back after that.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(6);

    private readonly Trouble _trouble;
    private readonly FakeApiServer _leases = new();
    private readonly List<SimulatedWatcher> _watchers;
    private readonly Scenario _scenario;
    private TimeSpan _stranded;
    private DateTimeOffset _rescueAllowedAt;

    public Simulation(int seed, Trouble trouble)
    {
        _trouble = trouble;
        World = new World(seed, LimitsOf(seed), autoscaled: seed % 4 != 0);
        _watchers = [new(World, _leases, "w1"), new(World, _leases, "w2")];
        _scenario = new(World, _watchers, trouble, replicasAtRest: seed / 3 % 4 == 0 ? 2 : 4);
    }

    public World World { get; }

    /// <summary>With everything against it a retry may have backed off to its cap of 5 s; left in peace it has no excuse.</summary>
    private TimeSpan RescueBudget => _trouble.HasFlag(Trouble.Network) || _trouble.HasFlag(Trouble.Watchers) ? TimeSpan.FromSeconds(7) : TimeSpan.FromSeconds(1.3);

    public void Run()
    {
        _leases.Inject = _ => World.ApiDown ? RequestFault.LoseRequest
            : World.Random.NextDouble() < World.FaultRatio / 4 ? RequestFault.LoseResponse : RequestFault.None;
        World.FaultRatio = _trouble.HasFlag(Trouble.Network) ? 0.2 : 0;
        Advance(Stress, isQuiet: false);
        World.FaultRatio = 0;
        World.QuietSince = World.Now;
        Advance(Quiet, isQuiet: true);
        Invariants.AtRest(World);
    }

    private void Advance(TimeSpan time, bool isQuiet)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += Tick)
        {
            World.Clock.Advance(Tick);
            _scenario.Step(isQuiet);
            World.Step();
            foreach (var watcher in _watchers)
            {
                watcher.Step();
            }

            World.Step();
            _leases.Requests.Clear();
            CheckLeaders();
            CheckStranded();
        }
    }

    private void CheckLeaders() =>
        Invariants.Expect(World, _watchers.Count(w => w.Runs && w.IsLeader) <= 1, "two watchers lead");

    /// <summary>Nothing serves on the active slot, the standby could, somebody can act: how long does that go on?</summary>
    private void CheckStranded()
    {
        var now = World.Now;
        if (World.Active is not { } active || World[active].Serving(now) > 0
            || World[active.Other()].Settled(now, World.Limits.ReadyFor) == 0)
        {
            _stranded = TimeSpan.Zero;
            return;
        }

        TrackRescueLimit();
        var blind = _watchers.Any(w => w.ProberBlindUntil + TimeSpan.FromSeconds(1) > now) && World[active].Pods.Any(p => p.Ready);
        if (World.ApiDown || blind || now < _rescueAllowedAt || !_watchers.Any(w => w.CanAct))
        {
            return;   // does not count, does not end it
        }

        _stranded += Tick;
        Invariants.Expect(World, _stranded <= RescueBudget, $"nothing serves on {active}, {active.Other()} could, and nothing has happened for {_stranded.TotalSeconds:0.0} s");
    }

    /// <summary>The rescue limit, reckoned from the moves alone: 5 s after a rescue, doubling while they follow closely, 2 min at most.</summary>
    private void TrackRescueLimit()
    {
        var (allowedAt, level) = (DateTimeOffset.MinValue, 0);
        foreach (var rescue in World.Moves.Where(m => m.Kind == SwitchKind.Rescue))
        {
            if (World.Acknowledgements.Any(a => a <= rescue.DecidedAt && a > allowedAt))
            {
                (allowedAt, level) = (DateTimeOffset.MinValue, 0);
            }

            level = allowedAt != DateTimeOffset.MinValue && rescue.DecidedAt < allowedAt + World.Limits.MaxRescueInterval ? level + 1 : 0;
            var interval = World.Limits.RescueInterval * Math.Pow(2, level);
            allowedAt = rescue.DecidedAt + (interval < World.Limits.MaxRescueInterval ? interval : World.Limits.MaxRescueInterval);
        }

        _rescueAllowedAt = allowedAt;
    }

    private static FailoverLimits LimitsOf(int seed) => new()
    {
        Failback = (seed % 3) switch { 0 => FailbackPolicy.Automatic, 1 => FailbackPolicy.Manual, _ => FailbackPolicy.Never },
        MinReady = seed % 5 == 0 ? new(1, IsPercent: false) : new(75, IsPercent: true),
        Prescale = seed % 7 != 0,
        BothDown = seed % 11 == 0 ? BothDownPolicy.LeastBad : BothDownPolicy.Stay,
        StableFor = TimeSpan.FromSeconds(30),
        PrescaleTimeout = TimeSpan.FromSeconds(30),
        FloorHold = TimeSpan.FromMinutes(1),
        MaxHoldDown = TimeSpan.FromMinutes(4),
    };
}
