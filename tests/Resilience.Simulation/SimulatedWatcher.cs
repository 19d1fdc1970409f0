using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Resilience.ClusterAccess.Election;
using Resilience.ClusterAccess.Queues;
using Resilience.Control.Failover;
using Resilience.FailoverWatcher.Cluster;
using Resilience.FailoverWatcher.Reconciling;
using Resilience.Testing;

namespace Resilience.Simulation;

/// <summary>
/// One watcher process: the shipped reconciler, work queue and lease election, over caches that lag, requests and
/// answers that get lost, and a process that can be paused or killed in the middle of a commit.
/// </summary>
internal sealed class SimulatedWatcher : IFailoverCluster, IProber
{
    private const int FailuresNeeded = 3;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(250);
    private static readonly ProbeSettings Probing = new("/healthz", 8080, ProbeInterval, ProbeInterval, FailuresNeeded);

    private readonly World _world;
    private readonly FakeApiServer _leases;
    private readonly Dictionary<string, ProbeState> _probes = [];
    private readonly List<(DateTimeOffset Until, TaskCompletionSource Wake)> _delayed = [];
    private WorkQueue<BlueGreenKey> _queue;
    private FailoverReconciler _reconciler;
    private LeaseElection _election;
    private Task<TimeSpan?>? _running;
    private DateTimeOffset _electionDue;
    private DateTimeOffset _restartAt;
    private TimeSpan _serviceLag;
    private TimeSpan _podLag;
    private TimeSpan _requestLag;
    private long _serviceSeen;
    private long _podsSeen;
    private long _requestsSeen;
    private WorldView? _floorSource;
    private (FailoverStatus Status, DateTimeOffset Due)? _unpublished;
    private DateTimeOffset _publishNotBefore;
    private int _life;

    public SimulatedWatcher(World world, FakeApiServer leases, string name)
    {
        _world = world;
        _leases = leases;
        Name = name;
        (_queue, _reconciler, _election) = Start();
    }

    public string Name { get; }

    public DateTimeOffset PausedUntil { get; private set; }

    /// <summary>The watcher's network to the pods is broken: every probe fails.</summary>
    public DateTimeOffset ProberBlindUntil { get; set; }

    public bool Runs => _restartAt <= _world.Now && PausedUntil <= _world.Now;

    /// <summary>Able to act now: leads, runs, and is not waiting for an answer.</summary>
    public bool CanAct => Runs && _election.IsLeader && _delayed.Count == 0;

    public bool IsLeader => _election.IsLeader;

    public void Pause(TimeSpan time)
    {
        PausedUntil = _world.Now + time;
        _world.Note($"{Name} is paused for {time.TotalSeconds:0.0} s{(_running is null ? "" : " in mid-reconcile")}");
    }

    /// <summary>SIGKILL: everything in memory is gone, what is under way may still arrive.</summary>
    public void Kill(TimeSpan downtime)
    {
        _world.Note($"{Name} is killed{(_running is null ? "" : " in mid-reconcile")}");
        _world.Coverage.Count("killed");
        _restartAt = _world.Now + downtime;
        _running = null;
        _delayed.Clear();
        _probes.Clear();
        _unpublished = null;
        PausedUntil = default;
        _queue.Dispose();
        (_queue, _reconciler, _election) = Start();
        (_serviceSeen, _podsSeen, _requestsSeen) = (0, 0, 0);
    }

    public void Step()
    {
        if (!Runs)
        {
            return;
        }

        Elect();
        ReadCaches();
        Probe();
        foreach (var delayed in _delayed.Where(d => d.Until <= _world.Now).ToList())
        {
            _ = _delayed.Remove(delayed);
            delayed.Wake.SetResult();   // continues here and now: the simulation has one thread
        }

        Work();
        WriteStatus();
    }

    public ValueTask<FailoverSnapshot?> ReadAsync(BlueGreenKey key, ReadFrom from, CancellationToken cancellationToken)
    {
        if (from == ReadFrom.Server)
        {
            Fail();
        }

        // Service and floors are read afresh after a conflict; pods and requests come from the caches always.
        var service = from == ReadFrom.Server ? _world.Latest : _world.Seen(_serviceLag, _serviceSeen);
        var pods = _world.Seen(_podLag, _podsSeen);
        _floorSource = from == ReadFrom.Server ? _world.Latest : pods;
        var requests = _world.Seen(_requestLag, _requestsSeen);
        return ValueTask.FromResult<FailoverSnapshot?>(new FailoverSnapshot(key, $"{service.ServiceVersion}", FailoverStateJson.Read(service.State), _world.Limits)
        {
            ObservedAt = _world.Now,
            ChangedAt = pods.At,
            Active = service.Active,
            Blue = WithFloor(pods.Blue, _floorSource.Blue.Facts),
            Green = WithFloor(pods.Green, _floorSource.Green.Facts),
            Acknowledgement = service.Acknowledgement,
            Switchovers = requests.Switchovers,
            Probe = Probing,
        });
    }

    public async Task CommitAsync(BlueGreenKey key, string resourceVersion, FailoverState state, Slot? routeTo, CancellationToken cancellationToken)
    {
        var life = _life;
        var fault = Fault();
        if (fault == RequestFault.Hang)
        {
            await DelayAsync();   // slow on its way: applied late, when the world may have moved on
            if (life != _life)
            {
                throw new IOException("the process that sent this is gone");
            }
        }
        else if (fault == RequestFault.Conflict)
        {
            _world.Coverage.Count("injected conflict");
            throw new StaleSnapshotException("injected");
        }
        else if (fault is RequestFault.LoseRequest or RequestFault.ServerError)
        {
            throw new IOException("injected: the request was lost");
        }

        if (!_world.Commit(resourceVersion, state, routeTo, Name))
        {
            _world.Coverage.Count(fault == RequestFault.Hang ? "conflict after a delay" : "conflict at once");
            throw new StaleSnapshotException("resourceVersion");
        }

        if (fault == RequestFault.LoseResponse)
        {
            _world.Coverage.Count(routeTo is null ? "lost answer" : "lost answer to a move");
            throw new IOException("injected: the answer was lost");
        }
    }

    public Task BorrowFloorAsync(BlueGreenKey key, FloorRequest request, CancellationToken cancellationToken)
    {
        var fault = Fail();
        var slot = _world[request.Slot];
        ThrowIfStale(request.Slot);
        slot.Loan = new(FailoverPolicy.Owner, request.Replicas, slot.Loan?.Before ?? slot.Floor, request.Expires);
        slot.SetFloor(request.Replicas);
        if (request.Wake && slot.Desired < request.Replicas)
        {
            slot.Desired = request.Replicas;
            _world.Coverage.Count("woken");
        }

        _world.Note($"{Name} borrows the floor of {request.Slot.Name()}: {request.Replicas}{(request.Wake ? ", waking it" : "")}");
        _world.Coverage.Count("borrowed");
        _world.Touch();
        return fault == RequestFault.LoseResponse ? throw new IOException("injected: the answer was lost") : Task.CompletedTask;
    }

    public Task ReturnFloorAsync(BlueGreenKey key, Slot slot, CancellationToken cancellationToken)
    {
        var fault = Fail();
        ThrowIfStale(slot);
        if (_world[slot].Loan is { Owner: FailoverPolicy.Owner } loan)
        {
            _world[slot].Loan = null;
            _world[slot].SetFloor(loan.Before);
            _world.Note($"{Name} returns the floor of {slot.Name()}: {loan.Before}");
            _world.Coverage.Count("returned");
            _world.Touch();
        }

        return fault == RequestFault.LoseResponse ? throw new IOException("injected: the answer was lost") : Task.CompletedTask;
    }

    /// <summary>Written behind, as the shipped publisher does: the newest status wins, at most one write per second.</summary>
    public void Publish(BlueGreenKey key, FailoverStatus status, IReadOnlyList<FailoverDecision> decisions)
    {
        foreach (var decision in decisions)
        {
            _world.Note($"{Name}: {decision.Reason}: {decision.Message}");
            _world.Coverage.Count("said " + decision.Reason);
        }

        _unpublished = (status, _publishNotBefore > _world.Now ? _publishNotBefore : _world.Now);
    }

    public void Watch(BlueGreenKey key, ProbeSettings? settings, IReadOnlyList<ProbeTarget> targets)
    {
        var wanted = settings is null ? [] : targets.Select(t => t.Uid).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _probes.Keys.Where(uid => !wanted.Contains(uid)).ToList())
        {
            _ = _probes.Remove(gone);
        }

        foreach (var uid in wanted.Where(uid => !_probes.ContainsKey(uid)))
        {
            _probes[uid] = new() { Due = _world.Now };
        }
    }

    public ProbeFacts? Look(BlueGreenKey key, string uid) => _probes.GetValueOrDefault(uid)?.Facts;

    private (WorkQueue<BlueGreenKey> Queue, FailoverReconciler Reconciler, LeaseElection Election) Start()
    {
        _life++;
        var options = new LeaseElectionOptions { Namespace = "apps", Name = "failover-watcher", Identity = $"{Name}-{_life}", RetryPeriod = TimeSpan.FromSeconds(2), RenewInterval = TimeSpan.FromSeconds(2) };
        var election = new LeaseElection(_leases.Connect(_world.Clock, TimeSpan.FromHours(1)), options, _world.Clock, NullLogger<LeaseElection>.Instance);
        var queue = new WorkQueue<BlueGreenKey>(_world.Clock);
        election.LeadershipChanged += leads =>
        {
            _world.Note($"{Name} {(leads ? "leads" : "no longer leads")}");
            _world.Coverage.Count(leads ? "won" : "lost the lease");
            if (leads)
            {
                _unpublished = null;   // a new leader publishes afresh
                queue.Add(World.Key);
            }
            else
            {
                _probes.Clear();
            }
        };
        var reconciler = new FailoverReconciler(this, this, new FailoverMetrics(new NoMeters()), _world.Clock, NullLogger<FailoverReconciler>.Instance);
        return (queue, reconciler, election);
    }

    private void Elect()
    {
        if (_electionDue <= _world.Now)
        {
            _electionDue = _world.Now + _election.RoundAsync(CancellationToken.None).GetAwaiter().GetResult();
        }
    }

    private void ReadCaches()
    {
        var random = _world.Random;
        if (_world.FaultRatio > 0 && random.Next(100) == 0)
        {
            TimeSpan Lag() => TimeSpan.FromMilliseconds(random.Next(4) == 0 ? random.Next(2_000) : random.Next(100));
            (_serviceLag, _podLag, _requestLag) = (Lag(), Lag(), Lag());
        }

        // During an outage of the API the watches bring nothing.
        if (_world.ApiDown)
        {
            _serviceLag += Simulation.Tick;
            _podLag += Simulation.Tick;
            _requestLag += Simulation.Tick;
        }
        else if (_podLag > TimeSpan.FromSeconds(2) || _world.FaultRatio == 0)
        {
            (_serviceLag, _podLag, _requestLag) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
        }

        var news = false;
        News(ref _serviceSeen, _world.Seen(_serviceLag, _serviceSeen).Number);
        News(ref _podsSeen, _world.Seen(_podLag, _podsSeen).Number);
        News(ref _requestsSeen, _world.Seen(_requestLag, _requestsSeen).Number);
        if (news)
        {
            _queue.Add(World.Key);
        }

        void News(ref long seen, long number)
        {
            news |= number > seen;
            seen = Math.Max(seen, number);
        }
    }

    private void Probe()
    {
        foreach (var (uid, probe) in _probes)
        {
            if (probe.Due > _world.Now)
            {
                continue;
            }

            probe.Due = _world.Now + ProbeInterval;
            var pod = _world.Blue.Pods.Concat(_world.Green.Pods).FirstOrDefault(p => p.Uid == uid);
            var answers = pod is not null && pod.HungUntil <= _world.Now && pod.Ready && ProberBlindUntil <= _world.Now;
            var changed = probe.Add(answers, _world.Now, FailuresNeeded);
            var isEvidence = answers && _probes.Values.Any(other => other.Facts.FailingSince < _world.Now);
            if (changed || isEvidence)
            {
                _queue.Add(World.Key);
            }
        }
    }

    private void Work()
    {
        if (_running is not null)
        {
            if (!_running.IsCompleted)
            {
                return;
            }

            Finish(_running);
            _running = null;
        }

        while (_running is null && _queue.TryRead(out var key))
        {
            if (!_election.IsLeader)
            {
                _queue.Done(key);
                continue;
            }

            _world.Coverage.Count("reconciled");
            var task = _reconciler.ReconcileAsync(key, CancellationToken.None);
            if (task.IsCompleted)
            {
                Finish(task);
            }
            else
            {
                _running = task;
            }
        }
    }

    private void Finish(Task<TimeSpan?> task)
    {
        try
        {
            var recheckIn = task.GetAwaiter().GetResult();
            _queue.Forget(World.Key);
            if (recheckIn is { } delay)
            {
                _queue.AddAfter(World.Key, delay);
            }
        }
        catch (Exception ex) when (ex is IOException or StaleSnapshotException)
        {
            _ = _queue.AddWithBackoff(World.Key);
        }

        _queue.Done(World.Key);
    }

    private void WriteStatus()
    {
        if (_unpublished is not { } next || next.Due > _world.Now || !_election.IsLeader || _world.ApiDown)
        {
            return;
        }

        _publishNotBefore = _world.Now + TimeSpan.FromSeconds(1);
        if (_world.Random.NextDouble() < _world.FaultRatio)
        {
            _unpublished = (next.Status, _publishNotBefore);   // tried and failed; once more later
            return;
        }

        _unpublished = null;
        _world.Publish(next.Status, Name);
    }

    private static SlotSnapshot WithFloor(SlotSnapshot pods, SlotFacts floor) => new(floor with { Pods = pods.Facts.Pods }, pods.Pods);

    private void ThrowIfStale(Slot slot)
    {
        var seen = slot == Slot.Blue ? _floorSource!.BlueFloorVersion : _floorSource!.GreenFloorVersion;
        if (seen != _world[slot].FloorVersion)
        {
            _world.Coverage.Count("floor conflict");
            throw new StaleSnapshotException("floor");
        }
    }

    /// <summary>Throws what keeps a request from arriving; an answer that will be lost is returned.</summary>
    private RequestFault Fail()
    {
        var fault = Fault();
        return fault is RequestFault.None or RequestFault.LoseResponse ? fault
            : fault == RequestFault.Conflict ? throw new StaleSnapshotException("injected")
            : throw new IOException("injected: the request was lost");
    }

    private RequestFault Fault()
    {
        if (_world.ApiDown)
        {
            return RequestFault.LoseRequest;
        }

        var random = _world.Random;
        return random.NextDouble() >= _world.FaultRatio ? RequestFault.None : random.Next(5) switch
        {
            0 => RequestFault.LoseRequest,
            1 => RequestFault.LoseResponse,
            2 => RequestFault.Conflict,
            3 => RequestFault.Hang,
            _ => RequestFault.ServerError,
        };
    }

    private Task DelayAsync()
    {
        var wake = new TaskCompletionSource();
        _delayed.Add((_world.Now + TimeSpan.FromMilliseconds(_world.Random.Next(3_000)), wake));
        return wake.Task;
    }

    private sealed class ProbeState
    {
        private int _failures;
        private DateTimeOffset _firstFailure;

        public DateTimeOffset Due { get; set; }

        public ProbeFacts Facts { get; private set; } = new(null, null);

        public bool Add(bool answers, DateTimeOffset now, int needed)
        {
            var before = Facts;
            if (answers)
            {
                _failures = 0;
                Facts = new(null, now);
                return before.FailingSince is not null;
            }

            _firstFailure = _failures++ == 0 ? now : _firstFailure;
            if (_failures < needed || before.FailingSince is not null)
            {
                return false;
            }

            Facts = before with { FailingSince = _firstFailure };
            return true;
        }
    }

    private sealed class NoMeters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);

        public void Dispose()
        {
        }
    }
}
